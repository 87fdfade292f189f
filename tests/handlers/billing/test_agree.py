"""B7, J1, D5: agree() finds each place that is bent and names it; after all other tests it finds nothing."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.closure import handlers as closure
from services.billing.collections.dunning import handlers as sweeps
from services.billing.collections.dunning.handlers import SweepRequest
from services.billing.figures.rates import totals
from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.books import handlers as books
from services.billing.settings import Settings
from services.common.domain.calendar import add_months
from tests.support.agree import agree
from tests.support.billing.books import SYSTEM, day, settled
from tests.support.billing.desk import OPENING, Desk
from tests.support.billing.relief import FINANCE, noon

UNITS = ("E1,1,101,87.33,residential,occupied,H1,王,13812345671", "E1,2,201,50,residential,occupied,H2,李,13812345672",
         "E1,2,202,10,residential,occupied,H3,张,13812345673")  # fmt: skip
STAFF = "staff_code,name,role,estate_code,buildings"
LAST_DAY = "2026-09-20"

# What is bent, and the name of the place that says something else then.
BENT = {
    "the statement": "UPDATE ledger_entry SET household_id = (SELECT id FROM household WHERE code = 'H1') "
    "WHERE kind = 'payment_credit'",
    "the list of bills": "UPDATE bill SET paid_fen = paid_fen - 7 WHERE paid_fen > 7",
    "the arrears list": "UPDATE bill SET paid_fen = amount_fen WHERE due_date < '2026-09-01'",
    "the arrears summary": "UPDATE bill SET waived_fen = 1 WHERE paid_fen < amount_fen",
    "the list of dunning cases": "UPDATE bill SET paid_fen = amount_fen",
    "a step of the ladder": "UPDATE dunning_action SET overdue_fen = overdue_fen + 1",
    "the closure programme": "UPDATE bill SET paid_fen = paid_fen + 1 WHERE due_date = '2024-03-15'",
    "the list of claims that end": "UPDATE bill SET paid_fen = 2 WHERE due_date = '2024-03-15'",
    "the dashboard of the group": "UPDATE bill SET paid_fen = paid_fen + 1 WHERE paid_fen < amount_fen",
    "the dashboard of E1": "UPDATE rate_total SET collected_fen = collected_fen + 1",
    "the collection rate by group": "UPDATE rate_total SET billed_fen = billed_fen + 1",
    "the collection rate by region": "UPDATE rate_total SET waived_fen = waived_fen + 1",
    "the collection rate by estate": "UPDATE rate_total SET collected_fen = collected_fen - 1 WHERE collected_fen > 0",
    "the collection rate by building": "UPDATE rate_rollup SET building = '9' WHERE building = '2'",
    "the collection rate by steward": "UPDATE rate_rollup SET waived_fen = waived_fen + 1 WHERE building = '2'",
    "the collection rate by fee_item": "UPDATE rate_total SET fee_item = 'lift' WHERE fee_item = 'old'",
    "the collection rate by period": "UPDATE rate_total SET period = '2026-02-01' WHERE period = '2026-07-01'",
    "the collection rate of period": "UPDATE rate_rollup SET collected_fen = collected_fen + 1 WHERE collected_fen > 0",
    "the collection rate of due_in": "UPDATE rate_rollup SET due_date = due_date + 31",
    "a rate is between 0 and 1": "UPDATE rate_total SET collected_fen = billed_fen + 1",
    "a metric": "UPDATE bill SET waived_fen = 3 WHERE paid_fen = 0",
    "the row of the bill": "UPDATE bill SET amount_fen = amount_fen + 1",
    "the row of the void bill": "UPDATE bill SET voided_at = now() WHERE paid_fen < amount_fen",
    "the household's credit": "UPDATE household SET credit_fen = credit_fen + 1",
    "reserved credit": "WITH less AS (UPDATE ledger_entry SET amount_fen = 1 WHERE kind = 'payment_credit') "
    "UPDATE household SET reserved_fen = credit_fen",
    "standing credit": "UPDATE ledger_entry SET amount_fen = amount_fen - 1 "
    "WHERE kind = 'payment_principal' AND booked_on = '2026-09-18'",
    "late fee left": "DELETE FROM late_fee_left",
    "the close": "UPDATE ledger_entry SET booked_on = '2026-07-31' WHERE booked_on = '2026-08-01'",
    "the trial balance": "UPDATE rate_rollup SET billed_fen = billed_fen + 1",
    "the check of rollups": "UPDATE rate_month SET billed_fen = billed_fen + 1",
    "late fees by estate": "UPDATE bill SET paid_fen = 0",
    "the posting": "UPDATE payment_posting SET amount_fen = amount_fen + 1",
    "the event of the payment": "UPDATE outbox SET data = jsonb_set(data::jsonb, '{allocations}', '[]')::json "
    "WHERE event = 'payment_allocated'",
    "what others were told": "DELETE FROM outbox WHERE event = 'payment_allocated'",
}


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    """An estate whose families live through a summer: paid late, too much, in part, not at all; swept, and closed."""
    desk = Desk(database("billing"), Settings(), now=noon("2026-08-01"))
    desk.estate("E1", *UNITS)
    desk.load("staff", STAFF, "S1,甲,steward,E1,1")
    desk.load(
        "opening_balances", OPENING, "E1,101,old,2026-01,100.00,2026-02-15,", "E1,202,old,2024-02,50.00,2024-03-15,"
    )
    desk.run("2026-07")
    pay(desk, 10000, "2026-08-01", "H1")  # its late fee is left
    desk.now = noon(LAST_DAY)
    desk.run("2026-08")
    pay(desk, 50000, "2026-09-18", "H2")
    july = desk.one(
        "SELECT b.id FROM bill b JOIN unit u ON u.id = unit_id WHERE code = '101' AND period = '2026-07-01'"
    )
    pay(desk, 1000, "2026-08-20", "H1", july)
    close(desk)
    desk.now = noon("2026-09-21")
    sweep(desk)
    with Session(desk.engine) as session, session.begin():
        closure.start_programme(session, SYSTEM, uuid4(), "E1", day("2026-09-21"), desk.now)
    with Session(desk.engine) as session, session.begin():
        totals.fold(session, 1000)
    return desk.engine


def pay(desk: Desk, fen: int, on: str, household: str, *bills: int) -> None:
    with Session(desk.engine) as session, session.begin():
        allocate_payment(session, settled(fen, on, household, bills=list(bills)), desk.now)


def close(desk: Desk) -> None:
    with Session(desk.engine) as session, session.begin():
        for n in range(29):  # from the oldest debt to July
            books.close_month(session, FINANCE, "E1", f"{add_months(day('2024-03-01'), n):%Y-%m}", desk.now)


def sweep(desk: Desk) -> None:
    sweep_id = uuid4()
    with Session(desk.engine) as session, session.begin():
        sweeps.start_sweep(session, SYSTEM, sweep_id, SweepRequest(day("2026-09-21")), desk.now)
        for slice_id in session.scalars(text("SELECT id FROM dunning_sweep_slice")):
            sweeps.sweep_slice(session, slice_id, desk.now)


def test_b7_every_place_agrees_and_has_something_to_say(session: Session) -> None:
    assert agree(session) == []
    assert session.scalar(text("SELECT count(*) FROM dunning_action")) > 0
    assert session.scalar(text("SELECT count(*) FROM late_fee_left")) == 1


@pytest.mark.bends_the_books
@pytest.mark.parametrize("place", BENT)
def test_b7_a_place_that_is_bent_is_named_with_both_figures(session: Session, place: str) -> None:
    before = agree(session)
    session.execute(text("ALTER TABLE ledger_entry DISABLE TRIGGER USER"))
    session.execute(text(BENT[place]))
    found = [line for line in agree(session) if line not in before]
    assert any(place in line for line in found), found
    assert all(" says " in line for line in found)
