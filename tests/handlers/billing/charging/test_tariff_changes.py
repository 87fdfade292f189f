"""Tariffs that change, end, wait or leave days open, on a real PostgreSQL: billed once, and told (B1, B3, B4)."""

from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import recording as shared_costs
from services.billing.charging.shared_costs.recording import CostRequest
from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.policy import put_policy
from services.billing.settings import Settings
from services.common.contracts.errors import Invalid
from tests.support.billing.desk import FINANCE, NOW, UNITS, Desk
from tests.support.billing.pricing import assert_explained, periods

HOMES = (
    "E1,1,101,100.00,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,50.00,residential,occupied,H2,李雷,13812345679",
)
DATED = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,effective_to"
READINGS = "estate_code,unit_code,meter,read_on,reading"
MONTHLY = BillingPolicy("monthly", "arrears", 15, 1, roll_to_working_day=False)
QUARTERLY = BillingPolicy("quarterly", "arrears", 15, 1, roll_to_working_day=False)


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", *HOMES, price="2.00")
    return desk


def price(desk: Desk, *lines: str) -> None:
    desk.load("tariffs", DATED, *lines)
    desk.publish("E1")


def put(desk: Desk, policy: BillingPolicy) -> None:
    with Session(desk.engine) as session, session.begin():
        put_policy(session, FINANCE, "E1", policy)


def kinds(run: dict[str, Any]) -> list[tuple[str | None, str | None, str]]:
    return [(a["unit"], a["fee_item"], a["kind"]) for a in run["anomalies"]]


# --- methods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["metered", "shared"])
def test_b1_a_method_that_changes_within_a_cycle_is_told_and_stops_nothing_else(desk: Desk, method: str) -> None:
    """Two bills of one fee item and period would meet under one key: the slice failed, and with it the run."""
    put(desk, QUARTERLY)
    price(desk, "E1,energy,fixed,residential,10,2020-01-01,", f"E1,energy,{method},residential,3,2026-09-01,")
    desk.load("meter_readings", READINGS, "E1,101,energy,2026-08-31,0", "E1,101,energy,2026-09-30,10")
    run = desk.run("2026-09")
    assert (run["status"], kinds(run)) == ("done", [(None, "energy", "method_changed")])
    assert periods(desk) == [("101", "2026-07", 3, 60_000), ("102", "2026-07", 3, 30_000)]
    assert periods(desk, "energy") == []
    put(desk, MONTHLY)
    for month in ("2026-07", "2026-08", "2026-09"):
        desk.run(month, fee_items=["energy"])
    billed = {
        "metered": [("101", "2026-09", 1, 3_000)],
        "shared": [("101", "2026-09", 1, 200), ("102", "2026-09", 1, 100)],
    }
    fixed = [(unit, f"2026-{month}", 1, 1_000) for unit in ("101", "102") for month in ("07", "08")]
    assert periods(desk, "energy") == sorted(fixed + billed[method])
    assert_explained(desk)


def test_b1_a_method_changes_with_the_first_of_a_month(desk: Desk) -> None:
    desk.load("tariffs", DATED, "E1,water,fixed,residential,10,2020-01-01,")
    later = "E1,water,metered,residential,3,2026-10-16,"
    with pytest.raises(Invalid) as refused:
        desk.load("tariffs", DATED, "E1,lift,fixed,residential,5,2020-01-01,", later)
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(3, "method")]
    with pytest.raises(Invalid):  # the older one comes second
        desk.load("tariffs", DATED, later, "E1,water,shared,residential,9,2026-10-20,")
    assert desk.load("tariffs", DATED, later.replace("-16", "-01"))["created"] == 1
    assert desk.load("tariffs", DATED, "E1,water,metered,residential,4,2026-10-16,")["created"] == 1
    ended = "E1,clean,fixed,residential,10,2020-01-01,2026-09-30"
    assert desk.load("tariffs", DATED, ended, "E1,clean,shared,residential,9,2026-10-16,")["created"] == 2


# --- gaps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "told", "fen"),
    [
        (["10,2020-01-01,2026-10-10", "12,2026-10-20,"], "9 of 31 days", (10 * 1_000 + 12 * 1_200) / 31),
        (["10,2020-01-01,2026-10-15"], "16 of 31 days", 15 * 1_000 / 31),
        (["10,2020-01-01,", "8,2026-07-01,2026-08-31"], "was ended by a newer one", 0),
        (["10,2020-01-01,2026-09-30"], "ended on 2026-09-30", 0),
    ],
)  # fmt: skip
def test_b4_days_without_a_price_are_told(desk: Desk, lines: list[str], told: str, fen: float) -> None:
    """They were left out of the bills in silence."""
    price(desk, *(f"E1,clean,fixed,residential,{line}" for line in lines))
    dry = desk.run(dry_run=True)
    [anomaly] = dry["anomalies"]
    assert (anomaly["unit"], anomaly["fee_item"], anomaly["kind"]) == (None, "clean", "tariff_gap")
    assert told in anomaly["detail"]
    run = desk.run()
    assert (run["amount_fen"], run["anomalies"]) == (dry["amount_fen"], dry["anomalies"])
    assert {amount for _, _, _, amount in periods(desk, "clean")} == ({round(fen)} if fen else set())


def test_b4_a_fee_that_ended_long_ago_or_begins_later_is_no_anomaly(desk: Desk) -> None:
    price(desk, "E1,clean,fixed,residential,10,2020-01-01,2026-08-31", "E1,lift,fixed,residential,5,2026-11-01,")
    assert desk.run()["anomalies"] == []


def test_b4_a_version_that_waits_while_the_old_price_is_billed_is_told(desk: Desk) -> None:
    waiting = "E1,property_fee,per_area,residential,2.50,2026-10-16,"
    desk.load("tariffs", DATED, waiting, "E1,property_fee,per_area,residential,1.00,2019-01-01,")
    run = desk.run(dry_run=True)
    assert kinds(run) == [(None, "property_fee", "unpublished_tariff")]
    assert "version 3" in run["anomalies"][0]["detail"]
    assert run["amount_fen"] == 30_000, "it neither bills nor ends the other"


# --- what is asked for ---------------------------------------------------------------------------------------------


def test_b4_a_fee_item_nobody_has_is_refused(desk: Desk) -> None:
    """The run was done at once and had billed nothing."""
    price(desk, "E1,lift,fixed,residential,5,2020-01-01,")
    with pytest.raises(Invalid) as refused:
        desk.start(fee_items=["lift", "propert_fee"])
    assert refused.value.errors == [{"loc": "fee_items", "msg": "no tariff of propert_fee"}]
    assert desk.one("SELECT count(*) FROM bill_run") == 0
    assert desk.run(fee_items=["lift"])["bills"] == 2


def test_b4_a_group_without_estates_has_nothing_to_bill(database: Callable[[str], Engine]) -> None:
    run = Desk(database("billing"), Settings()).run()
    assert (run["status"], run["estates_total"], run["bills"], run["anomalies"]) == ("done", 0, 0, [])


# --- meters and costs ----------------------------------------------------------------------------------------------


def test_b1_a_reading_that_comes_years_late_is_not_billed_twice(desk: Desk) -> None:
    """July had caught June up; twelve bills later that was out of sight, and June was billed again."""
    price(desk, "E1,water,metered,residential,3,2020-01-01,")
    months = [(2024 + n // 12, n % 12 + 1) for n in range(24)]
    ends = {f"{year}-{month:02d}": f"{year}-{month:02d}-{monthrange(year, month)[1]}" for year, month in months}
    shown = {end: 10 * n for n, end in enumerate(ends.values(), start=1)}
    late = "2024-06-30"
    desk.load(
        "meter_readings",
        READINGS,
        "E1,101,water,2023-12-31,0",
        *(f"E1,101,water,{d},{v}" for d, v in shown.items() if d != late),
    )
    for month in ends:
        desk.run(month, fee_items=["water"])
    total = sum(fen for *_, fen in periods(desk, "water"))
    assert total == 24 * 10 * 300
    desk.load("meter_readings", READINGS, f"E1,101,water,{late},{shown[late]}")
    run = desk.run("2024-06", fee_items=["water"])
    assert (run["bills"], ("E1/101", "water", "already_metered") in kinds(run)) == (0, True)


def test_b1_a_cost_beyond_all_bounds_is_refused(desk: Desk) -> None:
    price(desk, "E1,light,shared,residential,9999999,2020-01-01,")
    told = CostRequest("E1", "light", "2026-10", quantity=Decimal(9_999_999_999))
    with pytest.raises(Invalid) as refused, Session(desk.engine) as session, session.begin():
        shared_costs.record(session, FINANCE, uuid4(), told, NOW)
    assert refused.value.errors[0]["loc"] == "quantity"


def test_a3_the_dearest_tariff_and_the_largest_flat_are_an_amount_the_ledger_holds(desk: Desk) -> None:
    """Each cell was fine by itself; the amount was none, and the estate could not be billed at all."""
    put(desk, BillingPolicy("annual", "arrears", 15, 1, roll_to_working_day=False))
    desk.load("units", UNITS + ",grade", "E1,1,103,9999999.99,office,occupied,H3,王五,13812345670,A")
    header = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,grade_factors"
    desk.load("tariffs", header, "E1,rent,per_area,office,9999999.9999,2020-01-01,A=9.9999")
    desk.publish("E1")
    run = desk.run("2025-12", fee_items=["rent"])
    assert (run["status"], run["bills"]) == ("done", 1)
    assert_explained(desk)
