"""What a run leaves out is said, and what was published by mistake can be taken back (A1, B1, B4)."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import recording as shared_costs
from services.billing.charging.shared_costs.recording import CostRequest
from services.billing.charging.tariffs import handlers as tariffs
from services.billing.settings import Settings
from services.common.contracts.answers.bills import BillRun
from services.common.contracts.answers.tariffs import Tariff
from services.common.contracts.errors import Conflict, Forbidden, NotFound
from services.common.domain.access import Caller
from tests.support.billing.desk import ESTATES, FINANCE, OPENING, UNITS, Desk, manager
from tests.support.billing.pricing import assert_explained, void_all

TARIFFS = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from"
LATER = "E1,property_fee,per_area,residential,9.00,2026-10-16"


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    return Desk(database("billing"), Settings(slice_units=2))


def build(desk: Desk, *areas: int, opened_on: str = "") -> None:
    """An estate with flats of these areas at 2.00, and a shared fee without a price of its own."""
    desk.load("estates", f"{ESTATES},opened_on", f"E1,翠苑,华东,杭州,residential,A,lump_sum,,{opened_on}")
    flats = [f"E1,1,U{n},{area},residential,occupied,H{n},人{n},1380000000{n}" for n, area in enumerate(areas)]
    desk.load("units", UNITS, *flats)
    fees = ["E1,property_fee,per_area,residential,2.00,2020-01-01", "E1,light,shared,residential,0,2020-01-01"]
    desk.load("tariffs", TARIFFS, *fees)
    desk.publish("E1")


def record(desk: Desk, fee_item: str, fen: int, period: str = "2026-10") -> None:
    with Session(desk.engine) as session, session.begin():
        cost = CostRequest("E1", fee_item, period, amount_fen=fen)
        shared_costs.record(session, FINANCE, uuid4(), cost, desk.now)


def of_kind(run: BillRun, kind: str) -> list[tuple[str | None, str | None, str]]:
    return [(found["unit"], found["fee_item"], found["detail"]) for found in run["anomalies"] if found["kind"] == kind]


# --- costs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_fm13_a_cost_over_flats_without_area_is_told_as_borne_by_nobody(desk: Desk, *, dry_run: bool) -> None:
    build(desk, 0, 0, 0)
    record(desk, "light", 30_000)
    run = desk.run(fee_items=["light"], dry_run=dry_run)
    assert (run["bills"], run["anomalies_total"]) == (0, 1)
    detail = "a cost nobody bears: 300.00 yuan of 2026-10"
    assert of_kind(run, "cost_nobody_bears") == [(None, "light", detail)]


def test_fm13_a_cost_of_a_fee_that_has_no_price_is_told_by_a_dry_run(desk: Desk) -> None:
    build(desk, 100)
    record(desk, "lihgt", 30_000)
    record(desk, "light", 20_000)
    run = desk.run(dry_run=True)
    assert of_kind(run, "cost_nobody_bears") == [(None, "lihgt", "a cost nobody bears: 300.00 yuan of 2026-10")]
    assert run["amount_fen"] == 20_000 + 20_000


def test_fm13_a_cost_somebody_bears_is_no_anomaly(desk: Desk) -> None:
    build(desk, 0, 0, 50)
    record(desk, "light", 30_000)
    run = desk.run(fee_items=["light"])
    assert (run["bills"], run["amount_fen"], of_kind(run, "cost_nobody_bears")) == (1, 30_000, [])


# --- before the estate opened --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_fm13_nothing_is_billed_before_the_estate_opened(desk: Desk, *, dry_run: bool) -> None:
    build(desk, 100, 50, opened_on="2026-11-01")
    record(desk, "light", 30_000)
    run = desk.run("2026-10", dry_run=dry_run)
    assert (run["bills"], run["amount_fen"], run["anomalies_total"]) == (0, 0, 1)
    detail = "the estate opened on 2026-11-01: nothing is billed before that"
    assert of_kind(run, "not_opened") == [(None, None, detail)]


def test_fm13_the_month_in_which_it_opened_is_billed_by_its_days(desk: Desk) -> None:
    build(desk, 100, 50, opened_on="2026-09-16")
    desk.load("units", UNITS, "E1,1,U0,100,residential,occupied,H7,人,13800000007")
    run = desk.run("2026-09", fee_items=["property_fee"])
    assert (run["bills"], run["amount_fen"], run["anomalies_total"]) == (2, 10_000 + 5_000, 0)
    assert_explained(desk)


def test_fm13_days_before_it_opened_need_no_price(desk: Desk) -> None:
    desk.load("estates", f"{ESTATES},opened_on", "E1,翠苑,华东,杭州,residential,A,lump_sum,,2026-09-16")
    desk.load("units", UNITS, "E1,1,U0,100,residential,occupied,H0,人,13800000000")
    desk.load("tariffs", TARIFFS, "E1,property_fee,per_area,residential,2.00,2026-09-16")
    desk.publish("E1")
    run = desk.run("2026-09")
    assert (run["amount_fen"], run["anomalies_total"]) == (10_000, 0)


def test_fm13_consumption_and_costs_of_before_are_not_billed_either(desk: Desk) -> None:
    build(desk, 100, opened_on="2026-11-01")
    desk.load("tariffs", TARIFFS, "E1,water,metered,residential,3.00,2020-01-01")
    desk.publish("E1")
    record(desk, "light", 30_000)
    lines = [f"E1,U0,water,{day},{value}" for day, value in (("2026-09-30", 1), ("2026-10-31", 11))]
    desk.load("meter_readings", "estate_code,unit_code,meter,read_on,reading", *lines)
    assert desk.run("2026-10")["bills"] == 0


# --- opening balances ----------------------------------------------------------------------------------------------


def test_fm13_an_opening_balance_of_an_item_without_tariff_is_warned_of(desk: Desk) -> None:
    build(desk, 100)
    rows = [
        f"E1,U0,{item},2026-0{n},100.00,2026-0{n + 1}-15," for n, item in ((3, "property_fee"), (4, "proprety_fee"))
    ]
    told = desk.load("opening_balances", OPENING, *rows)
    assert told["created"] == 2
    assert told["warnings"] == [{"line": 3, "column": "fee_item", "msg": "no tariff of this item: proprety_fee"}]


def test_fm13_an_estate_that_has_no_tariff_yet_warns_of_nothing(desk: Desk) -> None:
    desk.load("estates", ESTATES, "E1,翠苑,华东,杭州,residential,A,lump_sum,")
    desk.load("units", UNITS, "E1,1,U0,100,residential,occupied,H0,人,13800000000")
    assert desk.load("opening_balances", OPENING, "E1,U0,arrears,2026-03,100.00,2026-04-15,")["warnings"] == []


# --- a tariff is withdrawn -----------------------------------------------------------------------------------------


def withdraw(desk: Desk, tariff_id: int, caller: Caller = FINANCE) -> Tariff:
    with Session(desk.engine) as session, session.begin():
        return tariffs.withdraw_tariff(session, caller, tariff_id)


def tariff_of(desk: Desk, day: str) -> int:
    query = "SELECT id FROM tariff WHERE fee_item = 'property_fee' AND effective_from = :day"
    return int(desk.one(query, day=day))


def test_b1_a_published_tariff_that_nothing_has_used_is_withdrawn_and_corrected(desk: Desk) -> None:
    build(desk, 100)
    desk.run("2026-09")
    desk.load("tariffs", TARIFFS, LATER)
    desk.publish("E1")
    desk.run("2026-10", dry_run=True)
    tariff_id = tariff_of(desk, "2026-10-16")
    assert withdraw(desk, tariff_id)["published_at"] is None
    assert withdraw(desk, tariff_id)["published_at"] is None
    assert desk.load("tariffs", TARIFFS, LATER.replace("9.00", "4.00"))["updated"] == 1
    assert desk.run("2026-10", dry_run=True)["amount_fen"] == 20_000
    desk.publish("E1")
    assert desk.run("2026-10")["amount_fen"] == 30_323  # 15 and 16 of 31 days


@pytest.mark.parametrize("day", ["2020-01-01", "2026-10-16"])
def test_b1_a_tariff_that_a_bill_was_made_from_stays(desk: Desk, day: str) -> None:
    """Both versions price October, though its bill names the later one only; void bills were made from it too."""
    build(desk, 100)
    desk.load("tariffs", TARIFFS, LATER)
    desk.publish("E1")
    desk.now = datetime(2026, 11, 22, 4, tzinfo=UTC)
    desk.run("2026-10")
    void_all(desk)
    with pytest.raises(Conflict, match="Bills were made from this version"):
        withdraw(desk, tariff_of(desk, day))


def test_b1_a_metered_price_is_used_by_the_consumption_a_bill_caught_up(desk: Desk) -> None:
    build(desk, 100)
    prices = ["E1,water,metered,residential,3.00,2026-08-01", "E1,water,metered,residential,4.00,2026-10-01"]
    desk.load("tariffs", TARIFFS, *prices)
    desk.publish("E1")
    lines = [f"E1,U0,water,{day},{value}" for day, value in (("2026-08-31", 1), ("2026-10-31", 11))]
    desk.load("meter_readings", "estate_code,unit_code,meter,read_on,reading", *lines)
    desk.now = datetime(2026, 11, 22, 4, tzinfo=UTC)
    desk.run("2026-10")
    with pytest.raises(Conflict):
        withdraw(desk, int(desk.one("SELECT min(id) FROM tariff WHERE fee_item = 'water'")))


def test_b1_who_may_withdraw_a_tariff(desk: Desk) -> None:
    build(desk, 100)
    tariff_id = tariff_of(desk, "2020-01-01")
    for caller in (manager("E2"), manager("E1", role="steward")):
        with pytest.raises(Forbidden):
            withdraw(desk, tariff_id, caller)
    with pytest.raises(NotFound):
        withdraw(desk, 999)
