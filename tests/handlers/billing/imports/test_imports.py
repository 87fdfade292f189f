"""Imports on a real PostgreSQL: whole or not at all, again changes nothing, others learn what is new (A3)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.voids.handlers import void_bill
from services.billing.charging.voids.voiding import Void
from services.billing.imports import handlers
from services.billing.settings import Settings
from services.billing.tables import lock_estate
from services.common.contracts.base import Event
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from services.common.contracts.events import (
    BillsIssued,
    ContactsRegistered,
    EstatesRegistered,
    HouseholdsRegistered,
    StaffRegistered,
)
from tests.support.billing.desk import ESTATES, FINANCE, OPENING, TARIFFS, UNITS, Desk, manager
from tests.support.outbox import events
from tests.support.waiting import until

E1 = "E1,翠苑,华东,杭州,residential,A,lump_sum,合同第七条"
E2 = "E2,兰苑,华南,广州,residential,A,酬金制,"
HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,50.00,residential,occupied,H1,王小明,13812345678",
)
STAFF = "staff_code,name,role,estate_code,buildings,phone,skills"


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings())
    desk.load("estates", ESTATES, E1, E2)
    return desk


@pytest.fixture
def housed(desk: Desk) -> Desk:
    """With the buildings 1 and 2 of E1 and 9 of E2."""
    desk.load("units", UNITS, *HOMES, "E2,9,901,50.00,residential,occupied,H9,赵六,13812345670")
    return desk


def told(desk: Desk, event: type[Event]) -> list[Event]:
    with Session(desk.engine) as session:
        return list(events(session, event))


def counts(result: dict[str, object]) -> tuple[object, ...]:
    return result["created"], result["updated"], result["unchanged"]


def recorded(desk: Desk) -> int:
    return int(desk.one("SELECT count(*) FROM outbox"))


def test_a3_estates_are_loaded_and_told(desk: Desk) -> None:
    assert desk.rows("SELECT code, charging_mode, late_fee_clause FROM estate ORDER BY code") == [
        ("E1", "lump_sum", "合同第七条"),
        ("E2", "remuneration", None),
    ]
    [event] = told(desk, EstatesRegistered)
    assert isinstance(event, EstatesRegistered)
    assert [(e.estate, e.region) for e in event.estates] == [("E1", "华东"), ("E2", "华南")]


def test_a3_a_new_code_obeys_the_law_and_one_that_stands_goes_on(desk: Desk) -> None:
    for bad in ("*", ".."):
        with pytest.raises(Invalid, match="1 bad cell;"):
            desk.load("estates", ESTATES, E1.replace("E1", bad, 1))
    desk.load("units", UNITS, *HOMES)
    odd = HOMES[0].replace("E1,1,101", "E1,1 栋,3/F 01")
    with pytest.raises(Invalid, match="2 bad cells;"):
        desk.load("units", UNITS, odd)
    desk.write("UPDATE unit SET code = '3/F 01', building = '1 栋' WHERE code = '101'")
    assert counts(desk.load("units", UNITS, odd)) == (0, 0, 1)


def test_a3_each_kind_again_changes_nothing_and_tells_nobody(desk: Desk) -> None:
    files = {
        "estates": (ESTATES, E1, E2),
        "units": (UNITS, *HOMES),
        "staff": (STAFF, "S1,张三,steward,E1,1;2,13800000001,", "T1,李四,technician,E1,,13800000002,lift;water"),
        "tariffs": (TARIFFS, "E1,property_fee,per_area,residential,2.35,2020-01-01,0.7"),
        "opening_balances": (OPENING, "E1,101,property_fee,2025-01,300.00,2025-02-15,100.00"),
        "meter_readings": ("estate_code,unit_code,meter,read_on,reading", "E1,101,W1,2026-10-31,123.4500"),
    }
    for kind, lines in files.items():
        desk.load(kind, *lines)
    before = recorded(desk)
    versions = desk.rows("SELECT xmin::text FROM unit UNION ALL SELECT xmin::text FROM household ORDER BY 1")
    for kind, lines in files.items():
        result = desk.load(kind, *lines)
        assert counts(result) == (0, 0, len(lines) - 1), kind
    assert recorded(desk) == before
    assert desk.rows("SELECT xmin::text FROM unit UNION ALL SELECT xmin::text FROM household ORDER BY 1") == versions


def test_a3_units_and_households_are_loaded_and_told(desk: Desk) -> None:
    result = desk.load("units", UNITS, *HOMES)
    assert result == {
        "kind": "units", "rows": 3, "created": 3, "updated": 0, "unchanged": 0, "warnings": [],
    }  # fmt: skip
    [homes], [contacts] = told(desk, HouseholdsRegistered), told(desk, ContactsRegistered)
    assert isinstance(homes, HouseholdsRegistered)
    assert isinstance(contacts, ContactsRegistered)
    assert [(h.household, h.unit, h.building) for h in homes.households] == [
        ("H1", "E1/101", "1"),
        ("H2", "E1/102", "1"),
    ]
    assert [(c.household, c.name, c.phone, c.language) for c in contacts.contacts] == [
        ("H1", "王小明", "13812345678", "zh-CN"),
        ("H2", "李雷", "13812345679", "zh-CN"),
    ]
    assert "13812345678" not in homes.model_dump_json()


def test_a3_only_what_changed_is_counted_and_told(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    phone = HOMES[1].replace("13812345679", "13900000000")
    new = "E1,3,301,66.00,residential,occupied,H3,韩梅梅,13700000000"
    assert counts(desk.load("units", UNITS, HOMES[0], phone, HOMES[2], new)) == (1, 1, 2)
    latest = told(desk, ContactsRegistered)[-1]
    assert isinstance(latest, ContactsRegistered)
    assert [c.household for c in latest.contacts] == ["H2", "H3"]


def test_a3_a_changed_owner_updates_every_row_of_the_household(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    renamed = [home.replace("王小明", "王大明") for home in HOMES]
    assert counts(desk.load("units", UNITS, *renamed)) == (0, 2, 1)


def test_a3_a_unit_that_changes_hands_is_told_for_both(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    sold = "E1,1,101,87.33,residential,occupied,H2,李雷,13812345679"
    assert counts(desk.load("units", UNITS, sold)) == (0, 1, 0)
    latest = told(desk, HouseholdsRegistered)[-1]
    assert isinstance(latest, HouseholdsRegistered)
    assert [(h.household, h.unit) for h in latest.households] == [("H1", "E1/201"), ("H2", "E1/101")]


def test_a3_columns_a_file_does_not_have_keep_what_they_hold(desk: Desk) -> None:
    with_email = UNITS + ",email,language,floor"
    desk.load("units", with_email, HOMES[0] + ",li@example.com,en,7")
    desk.load("units", UNITS, HOMES[0].replace("87.33", "88.00"))
    assert desk.rows("SELECT email, language FROM household") == [("li@example.com", "en")]
    assert desk.rows("SELECT floor, area_m2::text FROM unit") == [("7", "88.00")]
    desk.load("units", with_email, HOMES[0] + ",,,")
    assert desk.rows("SELECT email, language FROM household") == [(None, "zh-CN")]


def test_a3_one_bad_cell_loads_nothing(desk: Desk) -> None:
    before = recorded(desk)
    with pytest.raises(Invalid) as refused:
        desk.load("units", UNITS, *HOMES, "E9,1,1,-1,villa,occupied,H9,a,13800000000")
    assert {(e["line"], e["column"]) for e in refused.value.errors} == {
        (5, "estate_code"),
        (5, "area_m2"),
        (5, "usage"),
    }
    assert all(e["msg"] for e in refused.value.errors)
    assert desk.one("SELECT count(*) FROM unit") == 0
    assert recorded(desk) == before


def test_a3_a_household_of_another_estate_is_refused(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    with pytest.raises(Invalid) as refused:
        desk.load("units", UNITS, "E2,1,101,50,residential,occupied,H1,王小明,13812345678")
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, "household_code")]


def test_a3_roles_scope_and_kinds(desk: Desk) -> None:
    for role in ("cashier", "estate_manager"):
        with pytest.raises(Forbidden):
            desk.load("units", UNITS, *HOMES, caller=manager("E1", role=role))
    with pytest.raises(NotFound):
        desk.load("dragons", UNITS)
    assert desk.load("units", UNITS, *HOMES, caller=manager("E1", role="finance"))["created"] == 3
    with pytest.raises(Invalid) as refused:
        desk.load("units", UNITS, *HOMES, caller=manager("E2", role="finance"))
    assert {e["msg"] for e in refused.value.errors} == {"outside your scope"}
    with pytest.raises(Invalid):
        desk.load("estates", ESTATES, E1.replace("E1", "E3"), caller=manager("E1", role="finance"))


def test_a3_empty_and_too_large_files(desk: Desk) -> None:
    with pytest.raises(Invalid):
        desk.load("units", "")
    assert desk.load("units", UNITS)["rows"] == 0
    desk.settings = Settings(import_rows=2)
    with pytest.raises(TooLarge):
        desk.load("units", UNITS, *HOMES)


def test_a3_the_same_request_answers_the_same(desk: Desk) -> None:
    request_id = uuid4()
    first = desk.load("units", UNITS, *HOMES, request_id=request_id)
    assert desk.load("units", UNITS, *HOMES, request_id=request_id) == first
    with pytest.raises(Conflict):
        desk.load("units", UNITS, HOMES[0], request_id=request_id)


def test_a3_the_same_file_at_the_same_time_is_loaded_once(desk: Desk) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        results = list(pool.map(lambda _: desk.load("units", UNITS, *HOMES), range(4)))
    assert sorted(counts(result) for result in results) == [(0, 0, 3)] * 3 + [(3, 0, 0)]
    assert len(told(desk, HouseholdsRegistered)) == 1


def test_a3_checks_can_be_run_elsewhere(desk: Desk) -> None:
    """The door hands over a thread pool: nothing checked there may touch the session."""
    offloaded = []

    def offload(work, *arguments):  # type: ignore[no-untyped-def]
        offloaded.append(work.__name__)
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(work, *arguments).result()

    sheet = handlers.read(FINANCE, "units", "\n".join((UNITS, *HOMES)), settings=desk.settings, offload=offload)
    with Session(desk.engine) as session, session.begin():
        given = {"now": desk.now, "settings": desk.settings, "offload": offload}
        assert handlers.import_sheet(session, FINANCE, sheet, uuid4(), **given)["created"] == 3
    assert offloaded == ["read_sheet", "check"]


# --- staff and stewards (A4) ---------------------------------------------------------------------------------------

STEWARDS = "SELECT building, staff_code, from_date, to_date FROM stewardship ORDER BY building, from_date"


def test_a3_the_first_steward_answers_for_the_past_too(housed: Desk) -> None:
    housed.load("staff", STAFF, "S1,张三,steward,E1,1;2,13800000001,", "M1,王五,estate_manager,E1,1,,")
    assert housed.rows(STEWARDS) == [("1", "S1", date(1900, 1, 1), None), ("2", "S1", date(1900, 1, 1), None)]
    [event] = told(housed, StaffRegistered)
    assert isinstance(event, StaffRegistered)
    assert [(s.staff, s.role, s.buildings, s.phone) for s in event.staff] == [
        ("M1", "estate_manager", ["1"], ""),
        ("S1", "steward", ["1", "2"], "13800000001"),
    ]


def test_a3_a_building_passes_to_another_steward_from_today(housed: Desk) -> None:
    housed.load("staff", STAFF, "S1,张三,steward,E1,1;2,13800000001,")
    assert counts(housed.load("staff", STAFF, "S2,李四,steward,E1,2,13800000002,")) == (1, 0, 0)
    assert housed.rows(STEWARDS) == [
        ("1", "S1", date(1900, 1, 1), None),
        ("2", "S1", date(1900, 1, 1), date(2026, 11, 20)),
        ("2", "S2", date(2026, 11, 21), None),
    ]
    latest = told(housed, StaffRegistered)[-1]
    assert isinstance(latest, StaffRegistered)
    assert [(s.staff, s.buildings) for s in latest.staff] == [("S1", ["1"]), ("S2", ["2"])]


def test_a3_a_building_handed_back_on_the_same_day_leaves_no_trace(housed: Desk) -> None:
    housed.load("staff", STAFF, "S1,张三,steward,E1,1,13800000001,")
    housed.load("staff", STAFF, "S2,李四,steward,E1,1,13800000002,")
    housed.load("staff", STAFF, "S1,张三,steward,E1,1,13800000001,")
    assert housed.rows(STEWARDS) == [
        ("1", "S1", date(1900, 1, 1), date(2026, 11, 20)),
        ("1", "S1", date(2026, 11, 21), None),
    ]


def test_fm13_staff_are_given_buildings_that_exist(housed: Desk) -> None:
    """A slip of the pen stood as a building of its own, and the true one went without a steward."""
    housed.load("staff", STAFF, "S1,张三,steward,E1,1；2,13800000001,")
    assert housed.one("SELECT buildings FROM staff") == ["1", "2"]
    bad = ("S2,b,steward,E1,99,,", "T1,c,technician,E1,1;9,,", "S3,d,steward,E2,9,,", "S4,e,steward,E1,1、2,,")
    with pytest.raises(Invalid) as refused:
        housed.load("staff", STAFF, *bad)
    assert [(e["line"], e["column"], e["msg"]) for e in refused.value.errors] == [
        (2, "buildings", "no building 99 on this estate; parted by ;"),
        (3, "buildings", "no building 9 on this estate; parted by ;"),
        (5, "buildings", "no building 1、2 on this estate; parted by ;"),
    ]
    assert housed.rows("SELECT code FROM staff") == [("S1",)]


def test_a3_a_file_as_chinese_excel_writes_it_loads_as_the_plain_one(desk: Desk) -> None:
    """Signs of money, thousands, days with the year first, empty columns and lines at the end."""
    desk.load("units", UNITS + ",,", *(home + ",," for home in HOMES), ",,,,,,,,,,", "")
    desk.load("tariffs", TARIFFS + ",", "E1,property_fee,per_area,residential,￥2.35,2020/1/1,0.7,")
    desk.load("opening_balances", OPENING + ",", 'E1,101,property_fee,2025年1月,"¥1,300.00",2025/2/15,１００,')
    desk.load("meter_readings", "estate_code,unit_code,meter,read_on,reading,", 'E1,101,W1,2026年10月31日,"1,234.5",')
    assert desk.rows("SELECT amount_fen, paid_fen, due_date, period FROM bill") == [
        (130_000, 10_000, date(2025, 2, 15), date(2025, 1, 1))
    ]
    assert desk.one("SELECT reading FROM meter_reading") == Decimal("1234.5")
    plain = "E1,101,property_fee,2025-01,1300.00,2025-02-15,100.00"
    assert counts(desk.load("opening_balances", OPENING, plain)) == (0, 0, 1)


def test_a3_a_steward_who_leaves_an_estate_leaves_its_buildings(housed: Desk) -> None:
    housed.load("staff", STAFF, "S1,张三,steward,E1,1,13800000001,")
    later = replace(housed, now=datetime(2026, 12, 1, 4, tzinfo=UTC))
    later.load("staff", STAFF, "S1,张三,steward,E2,9,13800000001,")
    assert housed.rows(STEWARDS) == [
        ("1", "S1", date(1900, 1, 1), date(2026, 11, 30)),
        ("9", "S1", date(1900, 1, 1), None),
    ]


# --- opening balances ----------------------------------------------------------------------------------------------

BALANCES = (
    "E1,101,property_fee,2025-01,300.00,2025-02-15,100.00",
    "E1,101,property_fee,2025-02,200.00,2025-02-15,",
    "E1,102,property_fee,2025-01,50.00,2025-02-15,50.00",
)


def test_a3_opening_balances_are_posted_and_told(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    assert counts(desk.load("opening_balances", OPENING, *BALANCES)) == (3, 0, 0)
    assert desk.rows("SELECT amount_fen, paid_fen, issued_on, due_date, tariff_id FROM bill ORDER BY id") == [
        (30_000, 10_000, date(2025, 2, 1), date(2025, 2, 15), None),
        (20_000, 0, date(2025, 2, 15), date(2025, 2, 15), None),
        (5_000, 5_000, date(2025, 2, 1), date(2025, 2, 15), None),
    ]
    assert desk.rows(
        "SELECT kind, debit_account, credit_account, booked_on, sum(amount_fen)::int FROM ledger_entry"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1, 4"
    ) == [
        ("opening_bill", "receivable", "opening_equity", date(2025, 2, 1), 35_000),
        ("opening_bill", "receivable", "opening_equity", date(2025, 2, 15), 20_000),
        ("opening_paid", "opening_equity", "receivable", date(2025, 2, 15), 15_000),
    ]
    assert desk.rows(
        "SELECT sum(billed_fen)::int, sum(collected_fen)::int, sum(billed_count)::int FROM rate_rollup"
    ) == [(55_000, 15_000, 3)]
    told_bills = told(desk, BillsIssued)
    assert [(e.period, [b.open_fen for b in e.bills]) for e in told_bills if isinstance(e, BillsIssued)] == [
        ("2025-01", [20_000, 0]),
        ("2025-02", [20_000]),
    ]


def test_a3_the_day_it_was_paid_may_be_named(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    desk.load("opening_balances", OPENING + ",paid_on", BALANCES[0] + ",2025-03-01")
    assert desk.rows("SELECT booked_on FROM ledger_entry WHERE kind = 'opening_paid'") == [(date(2025, 3, 1),)]
    assert counts(desk.load("opening_balances", OPENING, BALANCES[0])) == (0, 0, 1)


@pytest.mark.bends_the_books
def test_a3_a_payment_later_does_not_make_the_same_file_differ(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    desk.load("opening_balances", OPENING, *BALANCES)
    desk.write("UPDATE bill SET paid_fen = amount_fen")
    assert counts(desk.load("opening_balances", OPENING, *BALANCES)) == (0, 0, 3)


def test_a3_a_bill_that_stands_is_never_edited(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    desk.load("opening_balances", OPENING, *BALANCES)
    with pytest.raises(Invalid) as refused:
        desk.load("opening_balances", OPENING, BALANCES[0].replace("300.00", "310.00"), *BALANCES[1:])
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, "amount_yuan")]


def test_a3_a_period_billed_by_a_run_is_refused(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    desk.load("tariffs", TARIFFS, "E1,property_fee,per_area,residential,2.35,2020-01-01,")
    desk.publish("E1")
    desk.run("2025-01", estates=["E1"])
    with pytest.raises(Invalid) as refused:
        desk.load("opening_balances", OPENING, BALANCES[0])
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, "period")]


# --- tariffs -------------------------------------------------------------------------------------------------------


def test_a3_tariff_versions_are_numbered_and_published_ones_stand(desk: Desk) -> None:
    first = "E1,property_fee,per_area,residential,2.35,2020-01-01,0.7"
    second = "E1,property_fee,per_area,residential,2.50,2026-01-01,0.7"
    desk.load("tariffs", TARIFFS, second, first)
    assert desk.rows("SELECT version, unit_price::text FROM tariff ORDER BY 1") == [(1, "2.3500"), (2, "2.5000")]
    assert counts(desk.load("tariffs", TARIFFS, first.replace("2.35", "2.30"))) == (0, 1, 0)
    desk.publish("E1")
    assert counts(desk.load("tariffs", TARIFFS, first.replace("2.35", "2.30"), second)) == (0, 0, 2)
    with pytest.raises(Invalid) as refused:
        desk.load("tariffs", TARIFFS, second.replace("2.50", "2.60"))
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, "unit_price_yuan")]
    desk.load("tariffs", TARIFFS, second.replace("2026-01-01", "2027-01-01"))
    assert desk.one("SELECT max(version) FROM tariff") == 3


def test_a3_a_large_file_is_loaded_in_seconds(desk: Desk) -> None:
    homes = [f"E1,{n // 100},{n},87.33,residential,occupied,H{n},王小明,13812345678" for n in range(30_000)]
    assert desk.load("units", UNITS, *homes)["created"] == 30_000
    assert counts(desk.load("units", UNITS, *homes)) == (0, 0, 30_000)
    assert max(len(e.contacts) for e in told(desk, ContactsRegistered) if isinstance(e, ContactsRegistered)) == 500


def test_a3_nobody_takes_staff_from_an_estate_out_of_scope(housed: Desk) -> None:
    """Whoever imported staff of one estate could carry off the steward of another."""
    housed.load("staff", STAFF, "S1,a,steward,E1,1,,")
    with pytest.raises(Invalid) as refused:
        housed.load("staff", STAFF, "S2,b,steward,E2,,,", "S1,a,technician,E2,,,", caller=manager("E2", role="finance"))
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(3, "staff_code")]
    assert housed.rows("SELECT code, role FROM staff") == [("S1", "steward")]


def test_a3_a_file_of_staff_and_a_run_of_the_same_estates_never_wait_for_each_other(desk: Desk) -> None:
    """The file held the new estate and asked for the old one, the run the other way round: a deadlock."""
    desk.load("units", UNITS, *HOMES)
    desk.load("staff", STAFF, "S1,a,steward,E1,1,,")
    first, second = (desk.one("SELECT id FROM estate WHERE code = :code", code=code) for code in ("E1", "E2"))
    with Session(desk.engine) as run, run.begin(), ThreadPoolExecutor(1) as pool:
        lock_estate(run, min(first, second))
        file = pool.submit(desk.load, "staff", STAFF, "S1,a,steward,E2,,,")
        until(lambda: desk.one("SELECT count(*) FROM pg_locks WHERE NOT granted"), "the file waits")
        lock_estate(run, max(first, second))
        run.commit()
        assert file.result()["updated"] == 1


def test_a3_a_voided_opening_balance_is_not_brought_back_by_its_file(desk: Desk) -> None:
    desk.load("units", UNITS, *HOMES)
    row, corrected = (f"E1,101,property_fee,2025-01,{yuan},2025-02-15," for yuan in ("300.00", "280.00"))
    desk.load("opening_balances", OPENING, row)
    wrong = Void(desk.one("SELECT id FROM bill"), "a wrong amount")
    with Session(desk.engine) as session, session.begin():
        void_bill(session, FINANCE, uuid4(), wrong, desk.now)
    assert counts(desk.load("opening_balances", OPENING, row)) == (0, 0, 1)
    assert counts(desk.load("opening_balances", OPENING, corrected)) == (1, 0, 0)
    assert counts(desk.load("opening_balances", OPENING, corrected)) == (0, 0, 1)
    assert desk.rows("SELECT amount_fen, voided_at IS NULL FROM bill ORDER BY id") == [(30_000, False), (28_000, True)]
