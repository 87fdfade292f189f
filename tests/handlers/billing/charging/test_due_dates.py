"""No bill is born overdue (B3, C1, ADR 19): what is issued late is due when its notice is over."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.bills.views import handlers as views
from services.billing.charging.charges import handlers as charges
from services.billing.charging.charges.handlers import ChargeRequest
from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.policy import get_policy, put_policy
from services.billing.receivables.statement.handlers import statement
from services.billing.settings import Settings
from services.common.contracts.errors import Invalid
from services.common.contracts.events import BillsIssued
from tests.support.billing.books import Books
from tests.support.billing.desk import FINANCE, OPENING, Desk
from tests.support.billing.relief import Relief
from tests.support.outbox import events

TODAY = datetime(2026, 11, 29, 4, tzinfo=UTC)
FLATS = [f"E1,1,U{n},100,residential,occupied,H{n},人{n},1380000000{n}" for n in range(5)]


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    """Five flats of 100 m² at 2.00, and a day on which nobody has billed for months."""
    made = Desk(database("billing"), Settings(slice_units=4), now=TODAY)
    made.estate("E1", *FLATS, price="2.00")
    return made


def due_dates(desk: Desk) -> set[date]:
    return {due for (due,) in desk.rows("SELECT due_date FROM bill WHERE voided_at IS NULL")}


def give_notice(desk: Desk, days: int) -> None:
    policy = BillingPolicy("monthly", "arrears", 15, 1, roll_to_working_day=False, notice_days=days)
    with Session(desk.engine) as session, session.begin():
        put_policy(session, FINANCE, "E1", policy)


def test_fm10_a_month_that_is_billed_late_is_not_overdue(desk: Desk) -> None:
    desk.run("2026-07")
    assert due_dates(desk) == {date(2026, 12, 14)}
    with Session(desk.engine) as session:
        assert {event.due_date for event in events(session, BillsIssued)} == {date(2026, 12, 14)}
        for as_of, late_fee in ((date(2026, 12, 14), 0), (date(2026, 12, 15), 6)):
            told = statement(session, FINANCE, "H0", as_of)
            assert (told["principal_fen"], told["late_fee_fen"]) == (20_000, late_fee)


def test_fm10_a_month_that_is_billed_in_time_is_due_by_policy(desk: Desk) -> None:
    desk.now = datetime(2026, 10, 31, 4, tzinfo=UTC)
    assert desk.run("2026-10", dry_run=True)["anomalies_total"] == 0
    desk.run("2026-10")
    assert due_dates(desk) == {date(2026, 11, 15)}


def test_fm10_a_dry_run_counts_the_bills_whose_due_date_is_moved_and_names_a_few(desk: Desk) -> None:
    desk.run("2026-07", estates=["E1"])
    with Session(desk.engine) as session, session.begin():
        Relief(Books(session), desk.now).void(desk.one("SELECT min(id) FROM bill"))
    first = desk.run("2026-07", dry_run=True)
    assert (first["bills"], first["anomalies_total"]) == (1, 5)
    [moved] = [found for found in first["anomalies"] if found["kind"] == "due_date_moved"]
    assert (moved["unit"], moved["fee_item"]) == ("E1/U0", "property_fee")
    assert moved["detail"] == "due on 2026-12-14 instead of 2026-08-15: issued on 2026-11-29"
    run = desk.run("2026-06", dry_run=True)
    kinds = [found["kind"] for found in run["anomalies"]]
    assert (run["bills"], run["anomalies_total"], kinds) == (5, 5, ["due_date_moved"] * 4)
    assert desk.run("2026-06")["anomalies_total"] == 0


def test_fm10_a_slice_that_waits_over_midnight_is_judged_by_its_day_of_issue(desk: Desk) -> None:
    desk.now = datetime(2026, 10, 31, 15, 59, tzinfo=UTC)  # a minute before midnight in Shanghai
    first, second = desk.slices(desk.start("2026-10"))
    desk.bill(first)
    desk.now = datetime(2026, 10, 31, 16, 1, tzinfo=UTC)
    desk.bill(second)
    assert set(desk.rows("SELECT issued_on, due_date FROM bill")) == {
        (date(2026, 10, 31), date(2026, 11, 15)),
        (date(2026, 11, 1), date(2026, 11, 16)),
    }


def test_fm10_reissues_and_opening_balances_keep_their_due_date(desk: Desk) -> None:
    desk.now = datetime(2026, 10, 31, 4, tzinfo=UTC)
    desk.run("2026-10")
    desk.now = TODAY
    with Session(desk.engine) as session, session.begin():
        Relief(Books(session), desk.now).void(desk.one("SELECT min(id) FROM bill"), reissue=True)
    desk.load("opening_balances", OPENING, "E1,U1,property_fee,2026-03,100.00,2026-04-15,")
    assert due_dates(desk) == {date(2026, 11, 15), date(2026, 4, 15)}
    with Session(desk.engine) as session:
        told = views.explain_bill(session, FINANCE, desk.one("SELECT id FROM bill WHERE reissue_of IS NOT NULL"))
    assert told["due"] is not None
    assert told["due"]["text"]["en"] == "as the bill it replaces: 2026-11-15"


def test_fm10_a_one_off_service_has_its_notice_too(desk: Desk) -> None:
    desk.now = datetime(2026, 12, 14, 4, tzinfo=UTC)
    policy = BillingPolicy("monthly", "arrears", 15, 0, roll_to_working_day=False)
    with Session(desk.engine) as session, session.begin():
        put_policy(session, FINANCE, "E1", policy)
        charges.create_charge(session, FINANCE, uuid4(), ChargeRequest("lock", 500, "new lock", "H0"), desk.now)
    assert due_dates(desk) == {date(2026, 12, 29)}


def test_fm10_the_notice_is_policy_of_an_estate(desk: Desk) -> None:
    with Session(desk.engine) as session:
        assert get_policy(session, FINANCE, "E1")["notice_days"] == 15
    give_notice(desk, 30)
    desk.run("2026-07")
    assert due_dates(desk) == {date(2026, 12, 29)}
    with Session(desk.engine) as session:
        told = views.explain_bill(session, FINANCE, desk.one("SELECT min(id) FROM bill"))
    assert told["due"] is not None
    assert told["due"]["policy"]["notice_days"] == 30
    assert "not within 30 days of issue: 2026-12-29" in told["due"]["text"]["en"]
    assert "不早于出账后 30 日" in told["due"]["text"]["zh-CN"]
    with pytest.raises(Invalid) as refused:
        give_notice(desk, 91)
    assert refused.value.errors == [{"loc": "notice_days", "msg": "from 0 to 90"}]


def test_fm10_bills_of_before_are_explained_by_the_day_alone(desk: Desk) -> None:
    desk.run("2026-10")
    desk.write("UPDATE bill_run_slice SET rates = rates #- '{policy,notice_days}'")
    with Session(desk.engine) as session:
        told = views.explain_bill(session, FINANCE, desk.one("SELECT min(id) FROM bill"))
    assert told["due"] is not None
    assert told["due"]["policy"] == asdict(BillingPolicy("monthly", "arrears", 15, 1, False, notice_days=0))
    assert "issue" not in told["due"]["text"]["en"]
