"""Portfolio, tariffs, lists of bills and their explanation on a real PostgreSQL (A1, A4, B1, B3)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.bills.views import handlers as views
from services.billing.charging.bills.views import rules as view_rules
from services.billing.charging.tariffs import handlers as tariffs
from services.billing.portfolio.estates import handlers as portfolio
from services.billing.settings import Settings
from services.common.contracts.errors import Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from tests.support.billing.desk import FINANCE, NOW, OPENING, TARIFFS, Desk, manager

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,50.00,residential,occupied,H1,王小明,13812345678",
)
OWNER = Caller(sub="owner-1", roles=frozenset({"owner"}), estates=frozenset({"E1"}), household="H1")


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", *HOMES)
    desk.estate("E2", "E2,1,101,10,residential,occupied,H9,赵六,13812345670")
    return desk


def ask(desk: Desk, handler: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    with Session(desk.engine) as session, session.begin():
        return handler(session, *arguments)


def test_estates_in_scope_page_by_page(desk: Desk) -> None:
    first = ask(desk, portfolio.list_estates, FINANCE, 1, None)
    second = ask(desk, portfolio.list_estates, FINANCE, 1, first["next_cursor"])
    assert [first["items"][0]["estate"], second["items"][0]["estate"]] == ["E1", "E2"]
    assert second["next_cursor"] is None
    mine = ask(desk, portfolio.list_estates, manager("E2"), 50, None)
    assert [item["estate"] for item in mine["items"]] == ["E2"]
    assert ask(desk, portfolio.list_estates, manager(), 50, None)["items"] == []
    with pytest.raises(Forbidden):
        ask(desk, portfolio.list_estates, OWNER, 50, None)


def test_one_estate_with_its_counts(desk: Desk) -> None:
    found = ask(desk, portfolio.get_estate, FINANCE, "E1")
    expected = {"buildings": 2, "units": 3, "households": 2, "area_m2": 237.33, "late_fee_clause": "合同第七条"}
    assert {key: found[key] for key in expected} == expected
    with pytest.raises(NotFound):
        ask(desk, portfolio.get_estate, FINANCE, "E7")
    with pytest.raises(Forbidden):
        ask(desk, portfolio.get_estate, manager("E2"), "E1")


def test_buildings_with_the_steward_of_the_day(desk: Desk) -> None:
    desk.load("staff", "staff_code,name,role,estate_code,buildings", "S1,a,steward,E1,1")
    items = ask(desk, portfolio.list_buildings, FINANCE, "E1", date(2026, 11, 21))["items"]
    assert [(b["building"], b["units"], b["steward"]) for b in items] == [("1", 2, "S1"), ("2", 1, None)]


def test_units_page_by_page(desk: Desk) -> None:
    first = ask(desk, portfolio.list_units, FINANCE, "E1", None, 2, None)
    second = ask(desk, portfolio.list_units, FINANCE, "E1", None, 2, first["next_cursor"])
    assert [u["unit"] for u in first["items"] + second["items"]] == ["E1/101", "E1/102", "E1/201"]
    assert (first["items"][0]["area_m2"], first["items"][0]["household"]) == (87.33, "H1")
    assert len(ask(desk, portfolio.list_units, FINANCE, "E1", "2", 50, None)["items"]) == 1
    with pytest.raises(Invalid):
        ask(desk, portfolio.list_units, FINANCE, "E1", None, 2, "WyJFMSJd")


def test_personal_data_is_masked_by_role(desk: Desk) -> None:
    seen = ask(desk, portfolio.get_household, FINANCE, "H1")
    assert (seen["owner_name"], seen["owner_phone"]) == ("王小明", "13812345678")
    assert [u["unit"] for u in seen["units"]] == ["E1/101", "E1/201"]
    masked = ask(desk, portfolio.get_household, manager("E1", role="technician"), "H1")
    assert (masked["owner_name"], masked["owner_phone"]) == ("王**", "138****5678")
    assert ask(desk, portfolio.get_household, OWNER, "H1")["owner_name"] == "王小明"


@pytest.mark.parametrize(
    ("caller", "household", "error"),
    [(OWNER, "H2", Forbidden), (OWNER, "H77", Forbidden), (manager("E2"), "H1", Forbidden), (FINANCE, "H77", NotFound)],
)
def test_households_out_of_reach(desk: Desk, caller: Caller, household: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(desk, portfolio.get_household, caller, household)
    with pytest.raises(error):
        ask(desk, views.list_bills, caller, household, None, 50, None)


def test_publication(desk: Desk) -> None:
    desk.load("tariffs", TARIFFS, "E1,lift,fixed,residential,12,2020-01-01,", "E1,lift,fixed,office,20,2020-01-01,")
    waiting = [t for t in ask(desk, tariffs.list_tariffs, FINANCE, "E1")["items"] if t["published_at"] is None]
    assert [(t["fee_item"], t["usage"], t["unit_price_yuan"]) for t in waiting] == [
        ("lift", "office", "20.0000"),
        ("lift", "residential", "12.0000"),
    ]
    once = ask(desk, tariffs.publish_tariff, FINANCE, waiting[0]["id"], NOW)
    assert once["published_at"] == NOW
    later = NOW.replace(year=2027)
    assert ask(desk, tariffs.publish_tariff, FINANCE, waiting[0]["id"], later) == once
    assert ask(desk, tariffs.publish_estate_tariffs, manager("E1"), "E1", later)["published"] == 1
    assert ask(desk, tariffs.publish_estate_tariffs, manager("E1"), "E1", later)["published"] == 0
    with pytest.raises(NotFound):
        ask(desk, tariffs.publish_tariff, FINANCE, 999_999, NOW)
    with pytest.raises(Forbidden):
        ask(desk, tariffs.publish_tariff, manager("E2"), waiting[0]["id"], NOW)
    with pytest.raises(Forbidden):
        ask(desk, tariffs.publish_estate_tariffs, manager("E1", role="steward"), "E1", NOW)


def test_b1_an_owner_sees_what_is_published_on_the_own_estate(desk: Desk) -> None:
    desk.load("tariffs", TARIFFS, "E1,lift,fixed,residential,12,2020-01-01,")
    signed_in = Caller(sub="owner-1", roles=frozenset({"owner"}), household="H1")
    seen = ask(desk, tariffs.list_tariffs, signed_in, "E1")["items"]
    assert [(tariff["fee_item"], tariff["published_at"] is None) for tariff in seen] == [("property_fee", False)]
    assert len(ask(desk, tariffs.list_tariffs, FINANCE, "E1")["items"]) == 2
    for caller in (signed_in, OWNER.model_copy(update={"estates": frozenset({"E2"})})):
        with pytest.raises(Forbidden):
            ask(desk, tariffs.list_tariffs, caller, "E2")


def bills(desk: Desk, status: str | None = None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = ask(desk, views.list_bills, FINANCE, "H1", status, 50, None)["items"]
    return items


def test_bills_of_a_household(desk: Desk) -> None:
    assert bills(desk) == []
    desk.run("2026-09", estates=["E1"])
    desk.run("2026-10", estates=["E1"])
    listed = bills(desk)
    assert [(b["unit"], b["period"], b["outstanding_fen"], b["status"]) for b in listed] == [
        ("E1/101", "2026-09", 20_523, "open"),
        ("E1/201", "2026-09", 11_750, "open"),
        ("E1/101", "2026-10", 20_523, "open"),
        ("E1/201", "2026-10", 11_750, "open"),
    ]
    assert all(isinstance(b["id"], int) for b in listed)
    first = ask(desk, views.list_bills, OWNER, "H1", None, 3, None)
    rest = ask(desk, views.list_bills, OWNER, "H1", None, 3, first["next_cursor"])
    assert first["items"] + rest["items"] == listed


@pytest.mark.bends_the_books
def test_bills_by_status_agree_with_their_status(desk: Desk) -> None:
    for period in ("2026-07", "2026-08", "2026-09", "2026-10"):
        desk.run(period, estates=["E1"])
    ids = [b["id"] for b in bills(desk)]
    for bill_id, change in zip(
        ids, ("paid_fen = amount_fen", "paid_fen = 1", "waived_fen = amount_fen", "voided_at = now()"), strict=False
    ):
        desk.write(f"UPDATE bill SET {change} WHERE id = :id", id=bill_id)
    by_status = {status: bills(desk, status) for status in view_rules.STATUSES}
    assert {status: len(found) for status, found in by_status.items()} == {
        "open": 4,
        "partially_paid": 1,
        "paid": 2,
        "void": 1,
    }
    assert all(b["status"] == status for status, found in by_status.items() for b in found)
    assert [b["outstanding_fen"] for b in by_status["void"]] == [0]


def test_a_bill_explains_itself_after_everything_changed(desk: Desk) -> None:
    desk.run("2026-10", estates=["E1"])
    desk.load(
        "units",
        "estate_code,building,unit_code,area_m2,usage,status,household_code,owner_name,owner_phone",
        HOMES[0].replace("87.33", "99.99").replace("occupied", "vacant"),
    )
    desk.load("tariffs", TARIFFS, "E1,property_fee,per_area,residential,9.99,2026-10-15,")
    desk.publish("E1")
    told = ask(desk, views.explain_bill, OWNER, bills(desk)[0]["id"])
    assert told["formula"] == "87.33 × 2.35 = 205.2255"
    assert told["tariff_version"] == 1
    assert told["tariff"]["unit_price_yuan"] == "2.3500"
    assert told["rounding"].startswith("half_up")
    assert told["text"]["zh-CN"].endswith("205.23 元")
    assert told["due"]["text"]["en"] == (
        "arrears: day 15 of month 1 after the period (its last day where it has no such day), "
        "but not within 15 days of issue: 2026-11-15"
    )


def test_an_opening_balance_explains_itself(desk: Desk) -> None:
    desk.load("opening_balances", OPENING, "E1,101,property_fee,2025-01,300.00,2025-02-15,")
    told = ask(desk, views.explain_bill, FINANCE, bills(desk)[0]["id"])
    assert (told["tariff"], told["formula"]) == (None, "opening balance = 300.00")


def test_explanations_out_of_reach(desk: Desk) -> None:
    desk.run("2026-10")
    bill_id = bills(desk)[0]["id"]
    with pytest.raises(Forbidden):
        ask(desk, views.explain_bill, manager("E2"), bill_id)
    with pytest.raises(Forbidden):
        ask(desk, views.explain_bill, OWNER.model_copy(update={"household": "H2"}), bill_id)
    with pytest.raises(NotFound):
        ask(desk, views.explain_bill, FINANCE, 999_999)
