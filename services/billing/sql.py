"""PROCESS that prints the SQL of billing whole: `python -m services.billing.sql NAME`; without a name it lists all.

`--write` and `--check` keep the longest ones in docs/sql, so that a change of a fragment is read where it arrives.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from services import billing
from services.common import golden
from services.common.statements import Statement, as_comment, catalogue

FOLDER = Path(__file__).parents[2] / "docs" / "sql"


@dataclass(frozen=True)
class Page:
    """A golden file: the statement's name, what it answers, and by which items of the product."""

    statement: str
    answers: str
    product: str


# The six longest; of several that have most of their text in common, one.
PAGES = {
    "issue_bills": Page(
        "charging.bills.issue_sql.ISSUE",
        "What do the units of a slice owe for a month? Writes bills, ledger, rollups and events.",
        "B4, B6, B7",
    ),
    "late_fee": Page(
        "receivables.late_fee.sql.LATE_FEES_DUE",
        "How much late fee do these households owe at the end of a day?",
        "C1, C3",
    ),
    "late_fee_by_estate": Page(
        "receivables.late_fee.by_estate._THEN",
        "How much late fee, and principal past due and grace, was open on each estate at the end of a past day?",
        "C1",
    ),
    "limitation": Page(
        "collections.legal.limitation.sql._NEAR",
        "Which claims expire between two days, and what restarted their period last?",
        "D4",
    ),
    "rate_totals_check": Page(
        "figures.rates.check._TOTALS",
        "Which totals of collection rates are not what the rollups add up to?",
        "J1",
    ),
    "sweep": Page(
        "collections.dunning.sweep_sql.SWEEP",
        "Which household is due which step of its ladder on a day? Takes the steps, and says who is to be written to.",
        "D1, D2, D3",
    ),
}


def folders() -> golden.Folders:
    """What is written: docs/sql."""
    statements = catalogue(billing).kept
    return {FOLDER: {f"{file}.sql": _content(page, statements[page.statement]) for file, page in PAGES.items()}}


def _content(page: Page, statement: Statement) -> str:
    place = f"{statement.name}, {statement.path}. Written by `make schemas`."
    return as_comment([page.answers, statement.parameters, f"Product: {page.product}.", place]) + f"{statement.sql}\n"


def main(arguments: list[str]) -> int:
    """List, print, write or check; the exit status."""
    if arguments == ["--check"]:
        return golden.check(folders())
    if arguments == ["--write"]:
        golden.write(folders())
        return 0
    statements = catalogue(billing)
    try:
        sys.stdout.write(statements.printed(arguments[0], arguments[1:]) if arguments else statements.listed())
    except LookupError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
