"""Levels, co-owners, stewards by date and owner files on a real PostgreSQL (A1, A2, A3, A4)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.figures.rates import handlers as figures
from services.billing.figures.rates.handlers import RateCut
from services.billing.portfolio.estates import handlers as portfolio
from services.billing.portfolio.estates.takeover import take_over
from services.billing.portfolio.files import handlers as files
from services.billing.portfolio.files.handlers import FileChange
from services.billing.portfolio.files.rules import CoOwner
from services.billing.portfolio.files.tables import UnknownHousehold
from services.billing.portfolio.stewards import handlers as stewards
from services.billing.portfolio.transfers import handlers as transfers
from services.billing.portfolio.transfers.handlers import Place, TransferRequest
from services.billing.service import BillingService
from services.billing.settings import Settings
from services.common.contracts.errors import Forbidden, Invalid, NotFound
from services.common.contracts.events import (
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    StaffRegistered,
    WorkOrderFinished,
    WorkOrderOpened,
)
from services.common.domain.access import Caller
from tests.support.billing.desk import ESTATES, FINANCE, NOW, UNITS, Desk, manager
from tests.support.doors import deliver_twice
from tests.support.outbox import events

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,50.00,residential,unsold,H1,王小明,13812345678",
)
STAFF = "staff_code,name,role,estate_code,buildings"
TODAY = date(2026, 11, 21)
MANAGER = manager("E1")


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", *HOMES)
    return desk


def ask(desk: Desk, handler: Callable[..., Any], *arguments: Any) -> Any:
    with Session(desk.engine) as session, session.begin():
        return handler(session, *arguments)


# --- group → region → estate → building (A1) -----------------------------------------------------------------------


def test_a1_every_level_lists_and_sums_what_is_below_it(desk: Desk) -> None:
    desk.estate("E2", "E2,1,901,12.67,parking,occupied,H9,赵六,13812345670")
    desk.load("estates", ESTATES, "E3,空,华南,广州,residential,A,lump_sum,")
    told = ask(desk, portfolio.list_regions, FINANCE)
    assert [(r["region"], r["estates"], r["units"], r["area_m2"]) for r in told["items"]] == [
        ("华东", 2, 4, 250.0),
        ("华南", 1, 0, 0.0),
    ]
    group = {"estates": 3, "buildings": 3, "units": 4, "households": 3, "occupied": 2, "vacant": 1, "unsold": 1}
    assert {name: told["group"][name] for name in group} == group
    estates = ask(desk, portfolio.list_estates, FINANCE, 50, None, "华东")["items"]
    assert [(e["estate"], e["units"], e["households"]) for e in estates] == [("E1", 3, 2), ("E2", 1, 1)]
    below = ask(desk, portfolio.list_buildings, FINANCE, "E1", TODAY)["items"]
    assert sum(b["units"] for b in below) == estates[0]["units"]
    assert [b["unsold"] for b in below] == [0, 1]
    mine = ask(desk, portfolio.list_regions, manager("E2"))
    assert (mine["group"]["units"], len(mine["items"])) == (1, 1)
    assert ask(desk, portfolio.list_regions, manager())["group"]["units"] == 0


# --- co-owners (A1) ------------------------------------------------------------------------------------------------

TWO = [CoOwner("韩梅梅", Decimal("0.5"), "13900000001"), CoOwner("李雷")]


def test_a1_co_owners_are_named_changed_and_remembered(desk: Desk) -> None:
    told = ask(desk, files.set_owners, MANAGER, "E1", "101", TWO, NOW)
    assert [(o["name"], o["share"], o["phone"]) for o in told["owners"]] == [
        ("韩梅梅", "0.5", "13900000001"),
        ("李雷", None, None),
    ]
    assert ask(desk, files.set_owners, MANAGER, "E1", "101", TWO, NOW.replace(hour=9)) == told
    later = ask(desk, files.set_owners, MANAGER, "E1", "101", TWO[1:], NOW.replace(hour=10))
    assert [o["name"] for o in later["owners"]] == ["李雷"]
    assert [(o["name"], o["until"]) for o in later["former"]] == [("韩梅梅", NOW.replace(hour=10))]
    masked = ask(desk, files.get_owners, manager("E1", role="auditor"), "E1", "101")
    assert (masked["former"][0]["name"], masked["former"][0]["phone"]) == ("韩**", "139****0001")


def test_a1_co_owners_leave_with_a_sale_and_come_back_when_it_never_was(desk: Desk) -> None:
    ask(desk, files.set_owners, MANAGER, "E1", "101", TWO, NOW)
    lease = TransferRequest("H2", "tenant", date(2026, 10, 1), "lease")
    sale = TransferRequest("H2", "owner", date(2026, 11, 1), "sold")
    ask(desk, transfers.transfer, FINANCE, Place("E1", "101"), lease, uuid4(), NOW)
    assert len(ask(desk, files.get_owners, FINANCE, "E1", "101")["owners"]) == 2
    sold = ask(desk, transfers.transfer, FINANCE, Place("E1", "101"), sale, uuid4(), NOW)
    assert ask(desk, files.get_owners, FINANCE, "E1", "101")["owners"] == []
    ask(desk, transfers.undo, FINANCE, Place("E1", "101"), sold["id"], "never was", NOW)
    assert len(ask(desk, files.get_owners, FINANCE, "E1", "101")["owners"]) == 2


def test_a1_wrong_co_owners_are_named(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        ask(desk, files.set_owners, MANAGER, "E1", "101", [CoOwner(" ", Decimal(2), "no")], NOW)
    assert {e["loc"] for e in refused.value.errors} == {
        "owners", "owners.0.share", "owners.0.name", "owners.0.phone"
    }  # fmt: skip
    with pytest.raises(NotFound):
        ask(desk, files.set_owners, MANAGER, "E1", "999", [], NOW)
    with pytest.raises(Forbidden):
        ask(desk, files.set_owners, manager("E2"), "E1", "101", [], NOW)


# --- stewards by date (A4) -----------------------------------------------------------------------------------------


def appoint(desk: Desk, staff: str, day: date, building: str = "1") -> dict[str, Any]:
    told: dict[str, Any] = ask(desk, stewards.set_steward, MANAGER, "E1", building, staff, day, desk.now)
    return told


@pytest.fixture
def staffed(desk: Desk) -> Desk:
    desk.load("staff", STAFF, "S1,张三,steward,E1,1;2", "S2,李四,steward,E1,", "T1,王五,technician,E1,")
    return desk


def lists(desk: Desk) -> dict[str, list[str]]:
    return dict(desk.rows("SELECT code, buildings FROM staff WHERE role = 'steward'"))


def test_a4_a_building_passes_to_another_steward_from_a_day(staffed: Desk) -> None:
    told = appoint(staffed, "S2", date(2026, 11, 10))
    assert told["steward"] == "S2"
    assert [(t["staff"], t["from_date"], t["to_date"], t["set_by"]) for t in told["items"]] == [
        ("S1", None, date(2026, 11, 9), told["items"][0]["set_by"]),
        ("S2", date(2026, 11, 10), None, MANAGER.sub),
    ]
    assert lists(staffed) == {"S1": ["2"], "S2": ["1"]}
    recorded = staffed.one("SELECT count(*) FROM outbox")
    assert appoint(staffed, "S2", date(2026, 11, 10)) == told
    assert staffed.one("SELECT count(*) FROM outbox") == recorded
    with Session(staffed.engine) as session:
        latest = events(session, StaffRegistered)[-1]
    assert [(s.staff, s.buildings) for s in latest.staff] == [("S1", ["2"]), ("S2", ["1"])]
    listed = ask(staffed, stewards.list_stewardships, FINANCE, "E1")["items"]
    assert [(t["building"], t["staff"], t["name"]) for t in listed] == [
        ("1", "S1", "张三"), ("1", "S2", "李四"), ("2", "S1", "张三")
    ]  # fmt: skip


def test_a4_a_planned_steward_takes_over_on_the_day(staffed: Desk) -> None:
    appoint(staffed, "S2", date(2026, 12, 1))
    assert lists(staffed) == {"S1": ["1", "2"], "S2": []}
    day = datetime(2026, 12, 1, 4, tzinfo=UTC)
    [estate_id] = ask(staffed, transfers.estates_due, day)
    assert ask(staffed, take_over, estate_id, day)
    assert lists(staffed) == {"S1": ["2"], "S2": ["1"]}
    assert ask(staffed, transfers.estates_due, day) == []
    below = ask(staffed, portfolio.list_buildings, FINANCE, "E1", date(2026, 12, 1))["items"]
    assert [b["steward"] for b in below] == ["S2", "S1"]


def test_a4_figures_are_cut_by_the_steward_in_office_on_their_day(staffed: Desk) -> None:
    appoint(staffed, "S2", date(2026, 11, 10))
    staffed.run()

    def billed(as_of: date) -> dict[str, int]:
        items = ask(staffed, figures.collection_rates, FINANCE, RateCut("steward", "2026-10"), as_of)["items"]
        return {item["key"]: item["billed_fen"] for item in items}

    assert billed(date(2026, 11, 9)) == {"S1": 20_523 + 16_450 + 11_750}
    assert billed(date(2026, 11, 21)) == {"S1": 11_750, "S2": 20_523 + 16_450}


def test_a3_a_staff_file_older_than_an_appointment_changes_nothing(staffed: Desk) -> None:
    appoint(staffed, "S2", date(2026, 11, 10))
    before = staffed.one("SELECT count(*) FROM outbox"), lists(staffed)
    same = ("S1,张三,steward,E1,1;2", "S2,李四,steward,E1,", "T1,王五,technician,E1,")
    assert staffed.load("staff", STAFF, *same)["unchanged"] == 3
    assert (staffed.one("SELECT count(*) FROM outbox"), lists(staffed)) == before
    assert staffed.load("staff", STAFF, "S1,张三丰,steward,E1,1;2")["updated"] == 1
    assert lists(staffed) == before[1]
    assert staffed.load("staff", STAFF, "S1,张三丰,steward,E1,2;1")["updated"] == 1
    assert lists(staffed) == {"S1": ["2", "1"], "S2": []}


def test_a3_a_staff_file_without_buildings_leaves_them_alone(staffed: Desk) -> None:
    staffed.load("staff", "staff_code,name,role,estate_code", "S1,张三丰,steward,E1")
    assert lists(staffed)["S1"] == ["1", "2"]
    staffed.load("staff", "staff_code,name,role,estate_code", "S1,张三丰,estate_manager,E1")
    assert staffed.one("SELECT count(*) FROM stewardship WHERE to_date IS NULL") == 0


@pytest.mark.parametrize(
    ("caller", "building", "staff", "error"),
    [
        (MANAGER, "9", "S1", NotFound),
        (MANAGER, "1", "T1", Invalid),
        (MANAGER, "1", "S9", Invalid),
        (manager("E2"), "1", "S1", Forbidden),
        (manager("E1", role="steward"), "1", "S1", Forbidden),
    ],
)
def test_a4_wrong_appointments(
    staffed: Desk, caller: Caller, building: str, staff: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(staffed, stewards.set_steward, caller, "E1", building, staff, TODAY, NOW)


# --- owner files (A2) ----------------------------------------------------------------------------------------------

OWNER = Caller(sub="owner-1", roles=frozenset({"owner"}), household="H1")
FULL = FileChange.model_validate(
    {
        "segment": "senior",
        "other_phones": ["13900000009"],
        "preferred_channel": "phone",
        "preferred_time": "evening",
        "legacy_dispute": {"liable": "developer", "since": "2024-05-01", "note": "roof leaks"},
    }
)


def seen(desk: Desk, caller: Caller = FINANCE) -> dict[str, Any]:
    found: dict[str, Any] = ask(desk, portfolio.get_household, caller, "H1")
    return found


def test_a2_a_file_is_kept_and_every_change_is_on_record(desk: Desk) -> None:
    assert (seen(desk)["segment"], seen(desk)["legacy_dispute"], seen(desk)["changes"]) == (None, None, [])
    ask(desk, files.keep_file, MANAGER, "H1", FULL, NOW)
    kept = seen(desk)
    assert (kept["segment"], kept["other_phones"]) == ("senior", ["13900000009"])
    assert kept["preferences"] == {"channel": "phone", "time": "evening"}
    assert kept["legacy_dispute"] == {"liable": "developer", "since": date(2024, 5, 1), "note": "roof leaks"}
    assert len(kept["changes"]) == 7
    ask(desk, files.keep_file, MANAGER, "H1", FULL, NOW)
    assert seen(desk) == kept
    ask(desk, files.keep_file, FINANCE, "H1", FileChange.model_validate({"legacy_dispute": None}), NOW)
    cleared = seen(desk)
    assert (cleared["legacy_dispute"], cleared["segment"]) == (None, "senior")
    assert {(c["field"], c["before"], c["after"], c["changed_by"]) for c in cleared["changes"][:3]} == {
        ("dispute_liable", "developer", None, FINANCE.sub),
        ("dispute_since", "2024-05-01", None, FINANCE.sub),
        ("dispute_note", "roof leaks", None, FINANCE.sub),
    }


def test_a2_half_of_a_dispute_changes(desk: Desk) -> None:
    ask(desk, files.keep_file, MANAGER, "H1", FULL, NOW)
    for part in ({"liable": "developer", "since": "2025-06-01"}, {"liable": "company", "since": "2025-06-01"}):
        ask(desk, files.keep_file, MANAGER, "H1", FileChange.model_validate({"legacy_dispute": part}), NOW)
        assert seen(desk)["legacy_dispute"] == {**part, "since": date(2025, 6, 1), "note": None}


def test_a2_the_file_is_masked_by_role_and_its_notes_are_for_staff(desk: Desk) -> None:
    ask(desk, files.keep_file, MANAGER, "H1", FULL, NOW)
    masked = seen(desk, manager("E1", role="auditor"))
    assert (masked["other_phones"], masked["legacy_dispute"]["note"], masked["changes"]) == (["139****0009"], None, [])
    own = seen(desk, OWNER)
    assert (own["other_phones"], own["legacy_dispute"], own["segment"], own["changes"]) == (
        ["13900000009"], None, None, [])  # fmt: skip
    assert seen(desk, manager("E1", role="technician"))["legacy_dispute"] is None


def test_a2_a_units_file_does_not_undo_what_people_kept(desk: Desk) -> None:
    with_segment = UNITS + ",segment"
    desk.load("units", with_segment, HOMES[0] + ",低收入", HOMES[2] + ",low-income")
    assert seen(desk)["segment"] == "low_income"
    ask(desk, files.keep_file, MANAGER, "H1", FULL, NOW)
    desk.load("units", with_segment, HOMES[0] + ",low_income", HOMES[2] + ",low_income")
    assert seen(desk)["segment"] == "senior"
    ask(desk, files.keep_file, MANAGER, "H1", FileChange.model_validate({"segment": None}), NOW)
    assert seen(desk)["segment"] == "low_income"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, ["change"]),
        ({"other_phones": ["x", "13900000009"]}, ["change.other_phones.0"]),
        ({"other_phones": ["13900000009"] * 6}, ["change.other_phones"]),
        ({"legacy_dispute": {"liable": "owner", "since": "2026-11-22"}}, ["change.legacy_dispute.since"]),
    ],
)
def test_a2_what_cannot_be_kept_is_named(desk: Desk, change: dict[str, Any], wrong: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        ask(desk, files.keep_file, MANAGER, "H1", FileChange.model_validate(change), NOW)
    assert [e["loc"] for e in refused.value.errors] == wrong
    assert desk.one("SELECT count(*) FROM household_file") == 0


def test_a2_files_out_of_reach(desk: Desk) -> None:
    for caller in (OWNER, manager("E2"), manager("E1", role="cashier")):
        with pytest.raises(Forbidden):
            ask(desk, files.keep_file, caller, "H1", FULL, NOW)
    with pytest.raises(NotFound):
        ask(desk, files.keep_file, FINANCE, "H77", FULL, NOW)


def test_a2_service_history_comes_from_what_other_services_tell(desk: Desk) -> None:
    service: Any = BillingService()
    service.engine = desk.engine
    complaint, order = uuid4(), uuid4()
    where = {"estate": "E1", "household": "H1"}
    told = {**where, "building": None, "category": "service", "holds_dunning": True, "opened_at": NOW}
    opened = ComplaintOpened(complaint_id=complaint, level="normal", **told)
    closed = ComplaintClosed(complaint_id=complaint, closed_at=NOW.replace(hour=9), **where)
    again = ComplaintReopened(complaint_id=complaint, holds_dunning=True, reopened_at=NOW.replace(hour=10), **where)
    # the closing is heard of before the opening
    deliver_twice(service.on_complaint_closed_for_file, closed)
    assert seen(desk)["service"]["complaints"] == {"total": 1, "open": 0, "reopened": 0, "last_opened_at": None}
    deliver_twice(service.on_complaint_opened_for_file, opened)
    assert seen(desk)["service"]["complaints"]["open"] == 0
    deliver_twice(service.on_complaint_reopened_for_file, again)
    assert seen(desk)["service"]["complaints"] == {
        "total": 1, "open": 1, "reopened": 1, "last_opened_at": NOW.replace(hour=10)
    }  # fmt: skip
    deliver_twice(service.on_work_order_opened_for_file, WorkOrderOpened(work_order_id=order, priority="low", **told))
    finished = {**where, "building": None, "category": "service", "outcome": "confirmed", "technician": None}
    deliver_twice(
        service.on_work_order_finished_for_file,
        WorkOrderFinished(work_order_id=order, finished_at=NOW.replace(hour=6), **finished),
    )
    assert seen(desk)["service"]["work_orders"]["open"] == 0
    nobody = opened.model_copy(update={"household": "H77", "complaint_id": uuid4()})
    with pytest.raises(UnknownHousehold):
        ask(desk, files.note_opened, nobody)
    ask(desk, files.note_opened, nobody.model_copy(update={"household": None}))
    assert desk.one("SELECT count(*) FROM service_event") == 2
