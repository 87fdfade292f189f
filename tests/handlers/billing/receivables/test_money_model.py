"""B5–B9, C1–C4, D1: an office lives through a year at random; after every act all places agree.

`make office` lives many years (`SEEDS=200`). A seed that failed is lived again by the line it ends with.
"""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.by_estate import late_fee_by_estate
from services.billing.receivables.late_fee.sql import late_fees_due
from tests.support.agree import agree
from tests.support.agree.truth import Truth
from tests.support.billing.office import ACTS, AWAKE, NAMES, TODAY_ONLY
from tests.support.billing.office.office import HOMES, Office

LONG = int(os.environ.get("ESTATELOOP_OFFICE_SEEDS", "4"))
ONE = os.environ.get("ESTATELOOP_OFFICE_SEED")
SEEDS = range(LONG) if ONE is None else [int(ONE)]
DAYS_OF_ACTS = 50
CASH = """SELECT COALESCE(sum(CASE WHEN debit_account LIKE 'cash%' THEN amount_fen ELSE -amount_fen END), 0)
FROM ledger_entry WHERE debit_account LIKE 'cash%' OR credit_account LIKE 'cash%'"""

REFUNDED = "SELECT COALESCE(sum(amount_fen), 0) FROM credit_refund WHERE status = 'approved'"


def check(office: Office, story: list[str]) -> None:
    """Every place agrees today; late fee on other days is that of a second reading, day by day."""
    again = f"ESTATELOOP_OFFICE_SEED={story[0]} python -m pytest {__file__} -k office"
    with Session(office.engine) as session:
        found = agree(session, office.today)
        assert not found, "\n".join([*found, f"after {story[1:]}", again])
        assert session.scalar(text(CASH)) == office.paid - session.scalar(text(REFUNDED)), again
        for as_of in (
            office.today + timedelta(days=40),
            office.today - timedelta(days=office.chance.randint(1, 120)),
        ):
            assert not (found := late_fee_differences(session, office, as_of)), "\n".join([*found, str(story), again])


def late_fee_differences(session: Session, office: Office, as_of: date) -> list[str]:
    """Late fee by statement, by household and by estate on a day, against the second reading."""
    truth, past = Truth(session, office.today), as_of < office.today
    statements, found = office.statements(as_of), []
    ids = {row.code: row.id for row in truth.households.values()}
    fees = late_fees_due(session, list(ids.values()), as_of, past=past)
    by_estate = dict.fromkeys(HOMES.values(), 0)
    for code, estate in HOMES.items():
        by_estate[estate] += statements[code]["late_fee_fen"]
        found += lines_that_differ(truth, code, statements[code], as_of)
        if fees.get(ids[code], 0) != statements[code]["late_fee_fen"]:
            found.append(f"{code} as of {as_of}: late fee by household says {fees.get(ids[code], 0)}, the statement "
                         f"{statements[code]['late_fee_fen']}")  # fmt: skip
    sums = {row.estate: row.late_fee_fen for row in late_fee_by_estate(session, as_of, past=past)}
    if {e: fen for e, fen in sums.items() if fen} != {e: fen for e, fen in by_estate.items() if fen}:
        found.append(f"as of {as_of}: late fee by estate says {sums}, the statements {by_estate}")
    return found


def lines_that_differ(truth: Truth, code: str, statement: dict[str, Any], as_of: date) -> list[str]:
    """Lines of a statement whose late fee is not what the days add up to."""
    found = []
    for line in statement["bills"]:
        counted = truth.late_fee_of(truth.bills[line["id"]], as_of)
        if counted not in (None, line["late_fee_fen"]):
            found.append(f"{code} as of {as_of}, bill {line['id']}: the statement says late fee "
                         f"{line['late_fee_fen']}, the days {counted}")  # fmt: skip
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_b7_c1_whatever_an_office_does_the_books_agree(database: Callable[[str], Engine], seed: int) -> None:
    office = Office(database("billing"), random.Random(seed)).open()
    story = [str(seed)]
    check(office, story)
    for _ in range(DAYS_OF_ACTS):
        today = office.today
        before = [office.statements(today - timedelta(days=n)) for n in (1, 30)]
        story.append(office.act(ACTS, NAMES))
        if story[-1] in TODAY_ONLY:
            after = [office.statements(today - timedelta(days=n)) for n in (1, 30)]
            assert before == after, (story, "a statement of a day gone by has changed")
        check(office, story)
    assert len([name for name in office.done if "refused" not in name]) > 10


@pytest.mark.parametrize("seed", SEEDS[:2] if ONE is None else [])
def test_b7_whatever_several_do_at_once_the_books_agree(database: Callable[[str], Engine], seed: int) -> None:
    """No deadlock, nothing lost, nothing done twice: whoever comes second meets what the first one left."""
    whole = Office(database("billing"), random.Random(seed)).open()
    whole.today = date(2026, 4, 20)
    for month in ("2026-01", "2026-02", "2026-03"):
        whole.desk().run(month)
    desks = [
        Office(whole.engine, random.Random(1_000 * seed + number), whole.today, whole.told, takes=timedelta())
        for number in range(4)
    ]

    def work(office: Office) -> None:
        for _ in range(30):
            office.act(ACTS, AWAKE)

    with ThreadPoolExecutor(len(desks)) as pool:
        list(pool.map(work, desks))
    whole.paid = sum(desk.paid for desk in desks)
    check(whole, [str(seed)])
