"""A flat on a past day is what it was then (A1, B3): whatever door a status comes by, and whenever it is said."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import import_module
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import recording as shared_costs
from services.billing.charging.shared_costs.recording import CostRequest
from services.billing.portfolio.estates import statuses
from services.billing.portfolio.estates.statuses import StatusRequest
from services.billing.portfolio.estates.takeover import take_over
from services.billing.portfolio.transfers import handlers as transfers
from services.billing.portfolio.transfers.handlers import Place, TransferRequest
from services.billing.settings import Settings
from services.common.contracts.answers.portfolio import UnitStatus
from services.common.contracts.answers.statuses import ChangedStatus, UnitStatuses
from services.common.contracts.errors import Forbidden, Invalid
from tests.support.billing.books import Books
from tests.support.billing.desk import FINANCE, UNITS, Desk, manager
from tests.support.billing.pricing import assert_explained
from tests.support.billing.relief import Relief

TODAY = datetime(2026, 11, 29, 4, tzinfo=UTC)
FLAT = Place("E1", "U1")
VACANT_SINCE = date(2026, 9, 16)
OCCUPIED = "E1,1,U1,100,residential,occupied,H1,王,13800000001"
VACANT = OCCUPIED.replace("occupied", "vacant")
SOLD = OCCUPIED.replace("H1,王,13800000001", "H2,李,13800000002")
BILLS = """SELECT h.code, to_char(b.period, 'MM'), b.amount_fen, b.vacant FROM bill b
    JOIN household h ON h.id = b.household_id JOIN unit u ON u.id = b.unit_id
    WHERE u.code = 'U1' AND b.voided_at IS NULL ORDER BY b.period, h.code"""


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    """A flat of 100 m² at 2.00, of which a vacant one pays 0.7, and another beside it."""
    made = Desk(database("billing"), Settings(), now=TODAY)
    made.estate("E1", OCCUPIED, "E1,1,U2,50,residential,occupied,H9,赵,13800000009", price="2.00")
    return made


def bills(desk: Desk) -> list[tuple[str, str, int]]:
    return [(str(home), str(month), fen) for home, month, fen, _ in desk.rows(BILLS)]


def set_status(desk: Desk, status: UnitStatus, since: date) -> ChangedStatus:
    with Session(desk.engine) as session, session.begin():
        return statuses.set_status(session, FINANCE, FLAT, StatusRequest(status, since), desk.now)


def shown(desk: Desk) -> UnitStatuses:
    with Session(desk.engine) as session:
        return statuses.statuses(session, FINANCE, FLAT, date(2026, 11, 29))


def spells(desk: Desk) -> list[tuple[str, str | None, str | None]]:
    return [
        (spell["status"], *(day and day.isoformat() for day in (spell["from_date"], spell["to_date"])))
        for spell in shown(desk)["items"]
    ]


def sell(desk: Desk, status: UnitStatus | None = "vacant", since: date = VACANT_SINCE) -> UUID:
    request = TransferRequest("H2", "owner", since, "sold", status=status, owner_name="李", owner_phone="13800000002")
    with Session(desk.engine) as session, session.begin():
        return transfers.transfer(session, FINANCE, FLAT, request, uuid4(), desk.now)["id"]


def by_file(desk: Desk) -> None:
    desk.load("units", f"{UNITS},payer_from", f"{SOLD.replace('occupied', 'vacant')},{VACANT_SINCE}")


@pytest.mark.parametrize("hand_over", [sell, by_file])
def test_fm6_a_seller_pays_for_the_days_on_which_he_lived_there(
    desk: Desk, hand_over: Callable[[Desk], object]
) -> None:
    hand_over(desk)
    desk.run("2026-09")
    desk.run("2026-08")
    desk.run("2026-10")
    assert bills(desk) == [("H1", "08", 20_000), ("H1", "09", 10_000), ("H2", "09", 7_000), ("H2", "10", 14_000)]
    assert [vacant for *_, vacant in desk.rows(BILLS)] == [False, False, True, True]
    assert_explained(desk)


def by_request(desk: Desk) -> None:
    set_status(desk, "vacant", VACANT_SINCE)


def by_dated_file(desk: Desk) -> None:
    desk.load("units", f"{UNITS},status_from", f"{VACANT},{VACANT_SINCE}")


@pytest.mark.parametrize("empty", [by_request, by_dated_file])
def test_fm6_a_flat_that_is_left_pays_by_its_days(desk: Desk, empty: Callable[[Desk], None]) -> None:
    empty(desk)
    for month in ("2026-10", "2026-09", "2026-08"):
        dry, wet = desk.run(month, dry_run=True), desk.run(month)
        assert (dry["bills"], dry["amount_fen"]) == (wet["bills"], wet["amount_fen"])
    assert bills(desk) == [("H1", "08", 20_000), ("H1", "09", 17_000), ("H1", "10", 14_000)]
    assert desk.one("SELECT status FROM unit WHERE code = 'U1'") == "vacant"
    assert_explained(desk)


@pytest.mark.parametrize("empty", [by_request, by_dated_file])
def test_fm6_the_same_again_changes_nothing(desk: Desk, empty: Callable[[Desk], None]) -> None:
    empty(desk)
    empty(desk)
    assert desk.one("SELECT count(*) FROM unit_status_change") == 2
    assert spells(desk) == [("occupied", None, "2026-09-15"), ("vacant", "2026-09-16", None)]


def test_fm6_a_file_without_a_day_changes_nothing_before_today(desk: Desk) -> None:
    assert desk.load("units", UNITS, VACANT)["updated"] == 1
    assert desk.load("units", UNITS, VACANT)["unchanged"] == 1
    assert spells(desk) == [("occupied", None, "2026-11-28"), ("vacant", "2026-11-29", None)]
    desk.run("2026-10")
    desk.run("2026-11")
    assert bills(desk) == [("H1", "10", 20_000), ("H1", "11", 19_600)]


def test_fm6_a_flat_that_is_lived_in_again_was_empty_before(desk: Desk) -> None:
    set_status(desk, "vacant", date(2026, 7, 1))
    set_status(desk, "occupied", date(2026, 10, 1))
    for month in ("2026-06", "2026-08", "2026-10"):
        desk.run(month)
    assert bills(desk) == [("H1", "06", 20_000), ("H1", "08", 14_000), ("H1", "10", 20_000)]
    assert [vacant for *_, vacant in desk.rows(BILLS)] == [False, True, False]


def test_fm6_a_status_of_the_past_names_the_bills_it_makes_wrong(desk: Desk) -> None:
    for month in ("2026-08", "2026-09"):
        desk.run(month)
    told = set_status(desk, "vacant", VACANT_SINCE)
    assert [(bill["period"], bill["amount_fen"]) for bill in told["bills_to_reissue"]] == [("2026-09", 20_000)]
    assert bills(desk) == [("H1", "08", 20_000), ("H1", "09", 20_000)]
    with Session(desk.engine) as session, session.begin():
        Relief(Books(session), desk.now).void(told["bills_to_reissue"][0]["bill_id"], reissue=True)
    assert bills(desk) == [("H1", "08", 20_000), ("H1", "09", 17_000)]


def test_fm6_a_status_holds_until_the_next_by_date_in_whatever_order_they_are_said(desk: Desk) -> None:
    set_status(desk, "occupied", date(2026, 10, 1))
    set_status(desk, "vacant", VACANT_SINCE)
    set_status(desk, "occupied", date(2026, 10, 1))
    set_status(desk, "vacant", date(2026, 11, 1))
    assert spells(desk) == [
        ("occupied", None, "2026-09-15"), ("vacant", "2026-09-16", "2026-09-30"),
        ("occupied", "2026-10-01", "2026-10-31"), ("vacant", "2026-11-01", None),
    ]  # fmt: skip
    assert [spell["current"] for spell in shown(desk)["items"]] == [False, False, False, True]


def test_fm6_a_status_of_a_day_to_come_is_billed_by_its_day_and_taken_over_on_it(desk: Desk) -> None:
    set_status(desk, "vacant", date(2026, 12, 2))
    assert shown(desk)["status"] == desk.one("SELECT status FROM unit WHERE code = 'U1'") == "occupied"
    later = replace(desk, now=datetime(2026, 12, 31, 4, tzinfo=UTC))
    later.run("2026-12")  # the round has not come by yet
    later.run("2026-11")
    assert bills(desk) == [("H1", "11", 20_000), ("H1", "12", 14_194)]
    with Session(desk.engine) as session, session.begin():
        [estate_id] = transfers.estates_due(session, later.now)
        assert take_over(session, estate_id, later.now)
        assert transfers.estates_due(session, later.now) == []
    assert desk.one("SELECT status FROM unit WHERE code = 'U1'") == "vacant"


def test_fm6_an_undone_transfer_never_brought_a_status(desk: Desk) -> None:
    transfer_id = sell(desk)
    with Session(desk.engine) as session, session.begin():
        transfers.undo(session, FINANCE, FLAT, transfer_id, "a mistake", desk.now)
    assert spells(desk) == [("occupied", None, None)]
    desk.run("2026-10")
    assert bills(desk) == [("H1", "10", 20_000)]


def test_fm6_a_file_that_says_nothing_new_leaves_a_status_that_was_set(desk: Desk) -> None:
    set_status(desk, "vacant", VACANT_SINCE)
    assert desk.load("units", UNITS, OCCUPIED)["unchanged"] == 1
    assert shown(desk)["status"] == "vacant"
    assert desk.load("units", UNITS, VACANT)["unchanged"] == 1  # the file has caught up
    assert desk.load("units", UNITS, OCCUPIED)["updated"] == 1
    assert spells(desk)[1:] == [("vacant", "2026-09-16", "2026-11-28"), ("occupied", "2026-11-29", None)]


def test_fm6_a_dated_file_does_not_overrule_a_person_again(desk: Desk) -> None:
    by_dated_file(desk)
    set_status(desk, "occupied", VACANT_SINCE)
    by_dated_file(desk)
    assert shown(desk)["status"] == "occupied"


def test_fm6_a_new_flat_is_since_ever_what_the_file_says(desk: Desk) -> None:
    desk.load("units", f"{UNITS},status_from", "E1,1,U3,100,residential,vacant,H3,张,13800000003,2026-10-01")
    desk.run("2026-08")
    assert desk.one("SELECT amount_fen FROM bill b JOIN unit u ON u.id = b.unit_id WHERE u.code = 'U3'") == 14_000


def test_fm6_the_developers_days_stay_at_the_full_price(desk: Desk) -> None:
    desk.load("units", UNITS, "E1,2,U5,100,residential,unsold,DEV,开发商,13800000005")
    place, request = Place("E1", "U5"), TransferRequest("H1", "owner", VACANT_SINCE, "sold", status="vacant")
    with Session(desk.engine) as session, session.begin():
        transfers.transfer(session, FINANCE, place, request, uuid4(), desk.now)
    desk.run("2026-09")
    query = """SELECT h.code, b.amount_fen FROM bill b JOIN household h ON h.id = b.household_id
               JOIN unit u ON u.id = b.unit_id WHERE u.code = 'U5' ORDER BY 1"""
    assert desk.rows(query) == [("DEV", 10_000), ("H1", 7_000)]


def test_fm6_a_shared_cost_goes_by_what_was_vacant_then(desk: Desk) -> None:
    """100 m² of which half the month counts by 0.7, beside 50 m²: 85 to 50; a month later 70 to 50."""
    tariff = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,vacancy_ratio"
    desk.load("tariffs", tariff, "E1,light,shared,residential,0,2020-01-01,0.7")
    desk.publish("E1")
    with Session(desk.engine) as session, session.begin():
        for month, fen in (("2026-08", 15_000), ("2026-09", 13_500), ("2026-10", 12_000)):
            shared_costs.record(session, FINANCE, uuid4(), CostRequest("E1", "light", month, amount_fen=fen), desk.now)
    set_status(desk, "vacant", VACANT_SINCE)
    for month in ("2026-10", "2026-09", "2026-08"):
        desk.run(month, fee_items=["light"])
    assert bills(desk) == [("H1", "08", 10_000), ("H1", "09", 8_500), ("H1", "10", 7_000)]
    assert_explained(desk)


def test_fm6_who_may_set_a_status_and_from_which_day(desk: Desk) -> None:
    request = StatusRequest("vacant", VACANT_SINCE)
    with Session(desk.engine) as session:
        for caller in (manager("E2"), manager("E1", role="steward")):
            with pytest.raises(Forbidden):
                statuses.set_status(session, caller, FLAT, request, desk.now)
        for day in (date(1900, 1, 1), date(2056, 1, 1)):
            with pytest.raises(Invalid):
                statuses.set_status(session, FINANCE, FLAT, replace(request, from_date=day), desk.now)
    with pytest.raises(Invalid) as refused:
        desk.load("units", f"{UNITS},status_from", f"{VACANT},2056-01-01")
    assert [error["column"] for error in refused.value.errors] == ["status_from"]


def test_fm6_the_migration_gives_todays_units_their_status_since_ever(desk: Desk) -> None:
    """Transfers of before are kept: one is undone and gives back what was, one is still to come."""
    past = sell(desk)
    with Session(desk.engine) as session, session.begin():
        tenant = TransferRequest("H1", "tenant", date(2026, 12, 24), "let", status="occupied")
        transfers.transfer(session, FINANCE, FLAT, tenant, uuid4(), desk.now)
    desk.write("UPDATE unit_transfer SET status_before = 'occupied' WHERE id = :id", id=past)
    desk.write("DELETE FROM unit_status")
    desk.write("DELETE FROM unit_status_change")
    migration = import_module("services.billing.migrations.versions.20261129_0021_a_flat_has_days")
    for statement in (migration.PAST, migration.DAYS):
        with desk.engine.begin() as connection:
            connection.execute(text(statement))
    assert spells(desk) == [("vacant", None, "2026-12-23"), ("occupied", "2026-12-24", None)]
    desk.write("UPDATE unit_transfer SET undone_at = now() WHERE role = 'tenant'")
    desk.write("UPDATE unit_status_change SET undone_at = now() WHERE from_date = DATE '2026-12-24'")
    with Session(desk.engine) as session, session.begin():
        transfers.undo(session, FINANCE, FLAT, past, "a mistake", desk.now)
    assert spells(desk) == [("occupied", None, None)]
    assert desk.one("SELECT status FROM unit WHERE code = 'U1'") == "occupied"
