"""STORE of the journal: a page of entries by estate, day and id, each reached by an index however long the ledger is.

Of estate after estate the page takes what it still lacks, from `ledger_entry_journal_idx`; of one household or bill,
from the index of those.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from services.common.contracts.answers.ledger import MovementKind
from services.common.rows import rows_of


@dataclass(frozen=True)
class JournalFilter:
    """Which entries a page shows; None: all. `account`: on either side."""

    household_id: int | None = None
    bill_id: int | None = None
    account: str | None = None
    kind: MovementKind | None = None
    booked_from: date | None = None
    booked_to: date | None = None


@dataclass(frozen=True)
class JournalRow:
    """An entry with the codes of its estate and household."""

    id: int
    estate_id: int
    estate: str
    booked_on: date
    value_on: date | None
    kind: MovementKind
    debit_account: str
    credit_account: str
    amount_fen: int
    household: str | None
    bill_id: int | None
    source: str
    recorded_at: datetime


def _conditions(entry: str) -> dict[str, str]:
    """SQL: what each filter asks of an entry."""
    return {
        "household_id": f"{entry}.household_id = :household_id",
        "bill_id": f"{entry}.bill_id = :bill_id",
        "account": f":account IN ({entry}.debit_account, {entry}.credit_account)",
        "kind": f"{entry}.kind = :kind",
        "booked_from": f"{entry}.booked_on >= :booked_from",
        "booked_to": f"{entry}.booked_on <= :booked_to",
    }


# Where the page before ended: nothing in estates before, somewhere in one, and at the beginning of those after it.
_PLACE = {
    "after_day": "CASE id WHEN :after_estate THEN :after_day ELSE DATE '-infinity' END",
    "after_id": "CASE id WHEN :after_estate THEN :after_id ELSE 0 END",
}


def journal_page(names: frozenset[str]) -> TextClause:
    """SQL of a page; `names` are the filters and, from the second page on, `after`."""
    where = "".join(f" AND {condition}" for name, condition in _conditions("n").items() if name in names)
    place = "".join(f", {place} AS {name}" for name, place in _PLACE.items()) if "after" in names else ""
    begin = " AND id >= :after_estate" if place else ""
    where += " AND (n.booked_on, n.id) > (e.after_day, e.after_id)" if place else ""
    return text(f"""
WITH page AS MATERIALIZED (
  SELECT n.*, e.code AS estate
  FROM (SELECT id, code{place} FROM estate
        WHERE (CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)){begin} ORDER BY id) e
  CROSS JOIN LATERAL (SELECT n.* FROM ledger_entry n WHERE n.estate_id = e.id{where}
                      ORDER BY n.booked_on, n.id LIMIT :limit) n
  LIMIT :limit -- of the estates in their order only as many as fill the page: each is looked into by itself
)
SELECT p.id, p.estate_id, p.estate, p.booked_on, p.value_on, p.kind, p.debit_account, p.credit_account, p.amount_fen,
       h.code AS household, p.bill_id, p.source, p.created_at AS recorded_at
FROM page p LEFT JOIN household h ON h.id = p.household_id ORDER BY p.estate_id, p.booked_on, p.id
""")


def entries_after(
    session: Session, scope: Collection[str] | None, cut: JournalFilter, after: tuple[int, date, int] | None, limit: int
) -> list[JournalRow]:
    """Entries of the estates named, by estate, day booked and id."""
    filters = {name: value for name, value in vars(cut).items() if value is not None}
    place = dict(zip(("after_estate", "after_day", "after_id"), after, strict=True)) if after else {}
    statement = journal_page(frozenset({*filters, *(["after"] if after else [])}))
    estates = None if scope is None else sorted(scope)
    return rows_of(JournalRow, session.execute(statement, filters | place | {"estates": estates, "limit": limit}))


_ESTATE_OF_BILL = text("SELECT e.code FROM bill b JOIN estate e ON e.id = b.estate_id WHERE b.id = :bill_id")


def estate_of_bill(session: Session, bill_id: int) -> str | None:
    """The code of a bill's estate."""
    code: str | None = session.scalar(_ESTATE_OF_BILL, {"bill_id": bill_id})
    return code
