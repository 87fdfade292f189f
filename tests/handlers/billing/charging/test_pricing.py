"""Metered, shared and graded fees on a real PostgreSQL, and what they say of themselves (B1, B4)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import recording as shared_costs
from services.billing.charging.shared_costs.recording import CostRequest
from services.billing.charging.tariffs import handlers as tariffs
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid
from tests.support.billing.desk import FINANCE, NOW, UNITS, Desk, manager
from tests.support.billing.pricing import assert_explained, explained, hand_over

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,50.00,residential,unsold,DEV,开发商,13812345670",
)
PRICED = (
    "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,vacancy_ratio,tiers,grade_factors,composition"
)
READINGS = "estate_code,unit_code,meter,read_on,reading"


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings(slice_units=2))
    desk.estate("E1", *HOMES)
    return desk


def price(desk: Desk, *lines: str) -> None:
    desk.load("tariffs", PRICED, *lines)
    desk.publish("E1")


def bills(desk: Desk, fee_item: str, period: str = "2026-10") -> dict[str, int]:
    query = """SELECT u.code, sum(amount_fen)::int FROM bill b JOIN unit u ON u.id = b.unit_id
               WHERE fee_item = :fee_item AND to_char(period, 'YYYY-MM') = :period AND voided_at IS NULL GROUP BY 1"""
    return {str(code): fen for code, fen in desk.rows(query, fee_item=fee_item, period=period)}


def kinds(run: dict[str, Any], fee_item: str) -> set[tuple[str | None, str]]:
    return {(a["unit"], a["kind"]) for a in run["anomalies"] if a["fee_item"] == fee_item}


def record(desk: Desk, fee_item: str, period: str = "2026-10", **told: Any) -> dict[str, Any]:
    request_id = told.pop("request_id", None) or uuid4()
    caller = told.pop("caller", FINANCE)
    with Session(desk.engine) as session, session.begin():
        return shared_costs.record(session, caller, request_id, CostRequest("E1", fee_item, period, **told), NOW)


# --- metered -------------------------------------------------------------------------------------------------------

WATER = "E1,water,metered,residential,3.15,2020-01-01,,15=4.20;25=6.30,,"


def test_b1_meters_bill_consumption_by_tiers_and_catch_up(desk: Desk) -> None:
    price(desk, WATER)
    desk.load(
        "meter_readings", READINGS,
        "E1,101,water,2026-08-31,100", "E1,101,water,2026-09-30,110", "E1,101,water,2026-10-31,140",
        "E1,102,water-1,2026-08-31,5", "E1,102,water-2,2026-08-31,5", "E1,102,water-1,2026-10-31,30",
        "E1,102,water-2,2026-10-31,9",
    )  # fmt: skip
    september = desk.run("2026-09", fee_items=["water"])
    assert bills(desk, "water", "2026-09") == {"101": 3_150}
    assert kinds(september, "water") == {("E1/102", "missing_reading"), ("E1/201", "missing_reading")}
    desk.run("2026-10", fee_items=["water"])
    # 30 units in a month: 15 × 3.15 + 10 × 4.20 + 5 × 6.30; 29 units in two months stay in the first tier
    assert bills(desk, "water") == {"101": 4_725 + 4_200 + 3_150, "102": 29 * 315}
    assert desk.run("2026-10", fee_items=["water"])["bills"] == 0
    assert desk.run("2026-09", fee_items=["water"])["bills"] == 0, "October has caught September up"
    assert_explained(desk)


def test_b1_backward_and_unusual_readings_are_named_not_billed(desk: Desk) -> None:
    price(desk, WATER)
    before = ("E1,101,water,2026-08-31,100", "E1,101,water,2026-09-30,110", "E1,102,water,2026-08-31,50")
    desk.load("meter_readings", READINGS, *before, "E1,102,water,2026-09-30,60")
    desk.run("2026-09", fee_items=["water"])
    desk.load("meter_readings", READINGS, "E1,101,water,2026-10-31,150", "E1,102,water,2026-10-31,7")
    dry = desk.run("2026-10", fee_items=["water"], dry_run=True)
    wanted = {("E1/101", "unusual_consumption"), ("E1/102", "backward_reading"), ("E1/201", "missing_reading")}
    assert kinds(dry, "water") == wanted
    assert (dry["bills"], desk.one("SELECT count(*) FROM bill WHERE period = DATE '2026-10-01'")) == (1, 0)
    wet = desk.run("2026-10", fee_items=["water"])
    assert (wet["bills"], wet["amount_fen"]) == (dry["bills"], dry["amount_fen"])
    desk.load("meter_readings", READINGS, "E1,102,water,2026-10-31,67")  # the wrong reading is put right
    desk.run("2026-10", fee_items=["water"])
    assert bills(desk, "water")["102"] == 7 * 315
    again = desk.run("2026-10", fee_items=["water"], dry_run=True)
    assert kinds(again, "water") == {
        ("E1/101", "already_billed"), ("E1/102", "already_billed"), ("E1/201", "missing_reading"),
    }  # fmt: skip


@pytest.mark.bends_the_books
def test_b1_a_voided_bill_frees_its_consumption(desk: Desk) -> None:
    price(desk, WATER)
    shown = [f"E1,101,water,2026-{day},{value}" for day, value in (("08-31", 0), ("09-30", 10), ("10-31", 15))]
    desk.load("meter_readings", READINGS, *shown)
    for period in ("2026-09", "2026-10"):
        desk.run(period, fee_items=["water"])
    desk.write("UPDATE bill SET voided_at = now() WHERE period = DATE '2026-09-01'")
    desk.run("2026-10", fee_items=["water"])
    desk.run("2026-09", fee_items=["water"])
    assert (bills(desk, "water", "2026-09"), bills(desk, "water")) == ({"101": 3_150}, {"101": 1_575})


def test_a1_consumption_is_shared_by_the_days_between_readings(desk: Desk) -> None:
    price(desk, WATER)
    hand_over(desk, "101", "H1", "H2", "2026-10-11")
    shown = ("E1,101,water,2026-09-30,0", "E1,101,water,2026-10-10,3", "E1,101,water,2026-10-31,10")
    desk.load("meter_readings", READINGS, *shown)
    desk.run("2026-10", fee_items=["water"])
    billed = desk.rows("SELECT h.code, amount_fen FROM bill b JOIN household h ON h.id = household_id ORDER BY 1")
    assert billed == [("H1", 945), ("H2", 2_205)]
    assert_explained(desk)


# --- shared --------------------------------------------------------------------------------------------------------

LIGHT = "E1,light,shared,residential,0,2020-01-01,,,,"


@pytest.mark.parametrize("slice_units", [1, 2, 5_000])
def test_b1_a_recorded_cost_is_conserved_over_all_slices(desk: Desk, slice_units: int) -> None:
    desk.settings = Settings(slice_units=slice_units)
    price(desk, LIGHT)
    none = desk.run(fee_items=["light"])
    assert kinds(none, "light") == {(None, "no_shared_cost")}
    record(desk, "light", amount_fen=10_001)
    record(desk, "light", amount_fen=333, building="1")
    dry = desk.run(fee_items=["light"], dry_run=True)
    assert desk.one("SELECT count(*) FROM shared_share") == 0
    desk.run(fee_items=["light"])
    billed = bills(desk, "light")
    assert sum(billed.values()) == 10_334 == dry["amount_fen"]
    assert set(billed) == {"101", "102", "201"}, "vacant and unsold units take part"
    assert_explained(desk)


def test_b1_a_cost_is_shared_once_whatever_changes_between_slices(desk: Desk) -> None:
    price(desk, LIGHT)
    record(desk, "light", amount_fen=10_001)
    run_id = desk.start(fee_items=["light"])
    first, second = desk.slices(run_id)
    desk.bill(second)
    desk.load("units", UNITS, HOMES[0].replace("87.33", "187.33"), "E1,2,202,500,residential,occupied,H9,a,13800000000")
    desk.bill(first)
    desk.run(fee_items=["light"])
    assert sum(bills(desk, "light").values()) == 10_001
    assert_explained(desk)


def test_a1_a_share_is_cut_by_day_and_conserved(desk: Desk) -> None:
    price(desk, LIGHT)
    hand_over(desk, "101", "H1", "H2", "2026-10-11")
    record(desk, "light", amount_fen=10_001)
    desk.run(fee_items=["light"])
    assert sum(bills(desk, "light").values()) == 10_001
    assert desk.one("SELECT count(*) FROM bill WHERE fee_item = 'light'") == 4
    assert_explained(desk)


def test_b1_without_a_record_the_tariffs_price_is_shared(desk: Desk) -> None:
    price(desk, LIGHT.replace(",0,", ",100.01,"))
    dry = desk.run(fee_items=["light"], dry_run=True)
    assert kinds(dry, "light") == {(None, "no_shared_cost")}
    done = desk.run(fee_items=["light"])
    assert (done["amount_fen"], kinds(done, "light")) == (10_001, set())
    with pytest.raises(Conflict):
        record(desk, "light", amount_fen=5)


@pytest.mark.bends_the_books
def test_b1_a_cost_may_be_corrected_until_it_is_billed(desk: Desk) -> None:
    price(desk, LIGHT.replace(",0,", ",0.8,"))
    first = uuid4()
    told = record(desk, "light", amount_fen=5_000, request_id=first)
    assert record(desk, "light", amount_fen=5_000, request_id=first) == told
    with pytest.raises(Conflict):
        record(desk, "light", amount_fen=5_001, request_id=first)
    by_quantity = record(desk, "light", quantity=Decimal("125.5"))
    assert (by_quantity["amount_fen"], by_quantity["unit_price_yuan"]) == (10_040, "0.8000")
    with Session(desk.engine) as session:
        listed = shared_costs.list_costs(session, FINANCE, "E1", "2026-10")["items"]
    assert listed == [by_quantity]
    desk.run(fee_items=["light"])
    assert sum(bills(desk, "light").values()) == 10_040
    with pytest.raises(Conflict):
        record(desk, "light", amount_fen=1)
    desk.write("UPDATE bill SET voided_at = now()")
    record(desk, "light", amount_fen=777)
    desk.run(fee_items=["light"])
    assert sum(bills(desk, "light").values()) == 777


@pytest.mark.parametrize(
    "told", [{}, {"amount_fen": 1, "quantity": Decimal(1)}, {"amount_fen": 0}, {"amount_fen": 1, "building": "9"},
             {"quantity": Decimal(1)}, {"amount_fen": 1, "period": "2026-13"}, {"amount_fen": 1, "period": "2027-01"}]
)  # fmt: skip
def test_b1_costs_that_make_no_sense_are_refused(desk: Desk, told: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        record(desk, "nothing", **told)
    with pytest.raises(Forbidden):
        record(desk, "light", amount_fen=1, caller=manager("E2"))


# --- grades, composition, publication ------------------------------------------------------------------------------


def test_b1_area_by_grade_in_sql_and_python(desk: Desk) -> None:
    desk.load("units", f"{UNITS},grade", f"{HOMES[0]},A", f"{HOMES[1]},B", f"{HOMES[2]},")
    price(desk, "E1,care,per_area,residential,1.00,2020-01-01,0.5,,A=1.25;B=0.8,")
    done = desk.run(fee_items=["care"])
    assert bills(desk, "care") == {"101": 10_916, "102": 4_000}  # 87.33 × 1.25 = 109.1625
    assert kinds(done, "care") == {("E1/201", "no_grade_factor")}
    hand_over(desk, "101", "H1", "H2", "2026-09-11")
    hand_over(desk, "201", "DEV", "H2", "2026-09-11")
    split = desk.run("2026-09", fee_items=["care"])
    assert bills(desk, "care", "2026-09") == bills(desk, "care")
    assert kinds(split, "care") == {("E1/201", "no_grade_factor")}
    desk.load("units", f"{UNITS},grade", f"{HOMES[0]},C")
    assert {one["formula"] for one in explained(desk)} >= {"87.33 × 1 × 1.25 = 109.1625", "100 × 1 × 0.8 × 0.5 = 40"}
    assert_explained(desk)


def test_b1_composition_tiers_and_grades_are_shown_and_fixed_once_published(desk: Desk) -> None:
    line = "E1,care,per_area,residential,2.00,2020-01-01,,,A=1.25;*=1,人工=1.20;绿化=0.80"
    desk.load("tariffs", PRICED, line)
    assert desk.load("tariffs", PRICED, line)["unchanged"] == 1
    assert desk.load("tariffs", PRICED, line.replace("1.25", "1.3"))["updated"] == 1, "a draft may be corrected"
    desk.publish("E1")
    with Session(desk.engine) as session:
        shown = {t["fee_item"]: t for t in tariffs.list_tariffs(session, FINANCE, "E1")["items"]}["care"]
    assert shown["grade_factors"] == {"A": "1.3", "*": "1"}
    assert shown["composition"] == [{"name": "人工", "yuan": "1.2"}, {"name": "绿化", "yuan": "0.8"}]
    with pytest.raises(Invalid) as refused:
        desk.load("tariffs", PRICED, line)
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, "grade_factors")]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("E1,a,per_area,residential,1,2020-01-01,,15=2,,", "tiers"),
        ("E1,a,metered,residential,1,2020-01-01,,25=2;15=3,,", "tiers"),
        ("E1,a,metered,residential,1,2020-01-01,,0=2,,", "tiers"),
        ("E1,a,metered,residential,1,2020-01-01,,15,,", "tiers"),
        ("E1,a,fixed,residential,1,2020-01-01,,,A=2,", "grade_factors"),
        ("E1,a,per_area,residential,1,2020-01-01,,,A=2;A=3,", "grade_factors"),
        ("E1,a,per_area,residential,1,2020-01-01,,,A=-1,", "grade_factors"),
        ("E1,a,per_area,residential,1,2020-01-01,,,,x=0.5;y=0.4", "composition"),
    ],
)
def test_b1_bad_cells_are_named(desk: Desk, line: str, column: str) -> None:
    with pytest.raises(Invalid) as refused:
        desk.load("tariffs", PRICED, line)
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, column)]


def test_b1_a_new_price_leaves_issued_bills_alone(desk: Desk) -> None:
    desk.run("2026-09")
    was = explained(desk)
    desk.load("tariffs", PRICED, "E1,property_fee,per_area,residential,9.99,2026-09-01,0.7,,,")
    unpublished = desk.run("2026-08")
    assert unpublished["amount_fen"] == sum(one["amount_fen"] for one in was), "a draft bills nothing"
    desk.publish("E1")
    assert desk.run("2026-09")["bills"] == 0
    assert [one for one in explained(desk) if one["period"] == "2026-09"] == was
    desk.run("2026-10")
    assert {one["tariff_version"] for one in explained(desk) if one["period"] == "2026-10"} == {2}
    assert_explained(desk)
