"""Orders on a real PostgreSQL (G1–G4): life, repeats, scope, arrears, dispatch, alarms, figures, two at once."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from services.common.access import Caller
from services.common.contracts.base import Message
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import (
    Allocation,
    BillsIssued,
    EstateEntry,
    EstatesRegistered,
    HouseholdEntry,
    HouseholdsRegistered,
    IssuedBill,
    PaymentAllocated,
    StaffEntry,
    StaffRegistered,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
    WorkOrderSlaAlarm,
)
from services.common.database import transaction
from services.common.messaging import first_delivery
from services.workorders.directory import handlers as directory
from services.workorders.orders import handlers, rules, tables
from services.workorders.orders.handlers import Act
from services.workorders.orders.rules import NewOrder
from services.workorders.orders.tables import Filter
from services.workorders.sla import handlers as sla
from services.workorders.tables import sla_policy
from tests.support.outbox import events

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
GROUP = Caller(sub="G1", roles=frozenset({"group_admin"}), estates=frozenset({"*"}))
OWNER = Caller(sub="owner-1", roles=frozenset({"owner"}), household="H1")
NEIGHBOUR = Caller(sub="owner-2", roles=frozenset({"owner"}), household="H2")
STRANGER = Caller(sub="S9", roles=frozenset({"steward"}), estates=frozenset({"E2"}))
T1 = Caller(sub="T1", roles=frozenset({"technician"}), estates=frozenset({"E1"}))
T2 = Caller(sub="T2", roles=frozenset({"technician"}), estates=frozenset({"E1"}))


def tell_directory(session: Session, at: datetime = NOW) -> None:
    estates = [EstateEntry(estate=code, name=code, region="north") for code in ("E1", "E2", "E3")]
    directory.keep_estates(session, EstatesRegistered(estates=estates), at)
    for estate, households in (("E1", ("H1", "H2")), ("E2", ("H9",))):
        entries = [HouseholdEntry(household=code, unit=f"u-{code}", building="B1") for code in households]
        directory.keep_households(session, HouseholdsRegistered(estate=estate, households=entries), at)
    staff = [
        StaffEntry(staff="T1", name="n", role="technician", estate="E1", skills=["plumbing"], buildings=["B1"]),
        StaffEntry(staff="T2", name="n", role="technician", estate="E1", skills=["Plumbing", "lift"]),
        StaffEntry(staff="T9", name="n", role="technician", estate="E2", skills=["plumbing"]),
        StaffEntry(staff="S1", name="n", role="steward", estate="E1", buildings=["B1"]),
    ]
    directory.keep_staff(session, StaffRegistered(staff=staff), at)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    made = database("workorders")
    with transaction(made) as session:
        tell_directory(session)
    return made


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as opened:
        yield opened


def asked(**changes: Any) -> NewOrder:
    plain = NewOrder(uuid4(), "E1", "plumbing", "normal", "tap drips", None, "H1", "kitchen")
    return replace(plain, **changes)


def create(session: Session, caller: Caller = STEWARD, at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    return handlers.create_order(session, caller, asked(**changes), at)


def act(
    session: Session, order: dict[str, Any] | UUID, action: str, caller: Caller, at: datetime = NOW, **more: Any
) -> dict[str, Any]:
    order_id = order if isinstance(order, UUID) else order["id"]
    wanted = Act(order_id, more.pop("request_id", None) or uuid4(), action, **more)
    return handlers.act_on_order(session, caller, wanted, at)


def finish(session: Session, order: dict[str, Any], technician: Caller = T1, at: datetime = NOW) -> dict[str, Any]:
    act(session, order, "dispatch", STEWARD, at, technician=technician.sub)
    for action in ("accept", "arrive", "complete"):
        act(session, order, action, technician, at)
    return act(session, order, "confirm", OWNER, at)


def test_life_of_an_order_with_its_history(session: Session) -> None:
    order = create(session, OWNER)
    assert (order["status"], order["building"], order["arrears_fen"]) == ("created", "B1", 0)
    assert order["respond_by"] == NOW + 24 * HOUR
    assert order["resolve_by"] == NOW + 48 * HOUR
    act(session, order, "dispatch", STEWARD, NOW + HOUR, note="please today")
    act(session, order, "accept", T1, NOW + 2 * HOUR)
    act(session, order, "arrive", T1, NOW + 3 * HOUR)
    act(session, order, "complete", T1, NOW + 4 * HOUR)
    done = act(session, order, "confirm", OWNER, NOW + 5 * HOUR)
    assert done["status"] == "confirmed"
    assert (done["responded_at"], done["resolved_at"]) == (NOW + 2 * HOUR, NOW + 4 * HOUR)
    steps = [(step["action"], step["from_status"], step["to_status"], step["by"]) for step in done["history"]]
    assert steps == [
        ("create", None, "created", "owner-1"),
        ("dispatch", "created", "dispatched", "S1"),
        ("accept", "dispatched", "accepted", "T1"),
        ("arrive", "accepted", "arrived", "T1"),
        ("complete", "arrived", "completed", "T1"),
        ("confirm", "completed", "confirmed", "owner-1"),
    ]
    assert done["history"][1]["note"].startswith("please today; automatic: skill plumbing; responsible for building B1")
    opened, finished = events(session, WorkOrderOpened), events(session, WorkOrderFinished)
    assert (opened[0].household, opened[0].holds_dunning) == ("H1", True)
    assert (finished[0].outcome, finished[0].technician, finished[0].household) == ("confirmed", "T1", "H1")


def test_illegal_transition_is_a_conflict_that_changes_nothing(session: Session) -> None:
    order = create(session)
    with pytest.raises(Conflict, match="is created: complete is not possible now; allowed: dispatch, cancel"):
        act(session, order, "complete", STEWARD)
    assert len(handlers.get_order(session, STEWARD, order["id"], NOW)["history"]) == 1


def test_same_request_again_opens_no_second_order(session: Session) -> None:
    request = uuid4()
    first = create(session, request_id=request)
    assert create(session, request_id=request, at=NOW + HOUR) == first
    assert len(events(session, WorkOrderOpened)) == 1
    with pytest.raises(Conflict):
        create(session, request_id=request, description="something else")


def test_same_request_again_makes_no_second_transition(session: Session) -> None:
    order, request = create(session), uuid4()
    first = act(session, order, "dispatch", STEWARD, request_id=request, technician="T1")
    again = act(session, order, "dispatch", STEWARD, NOW + HOUR, request_id=request, technician="T1")
    assert again == first
    with pytest.raises(Conflict, match="another step"):
        act(session, order, "accept", STEWARD, request_id=request)


def test_two_at_once_make_one_transition(engine: Engine) -> None:
    with transaction(engine) as session:
        order = create(session)
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def dispatch() -> None:
        barrier.wait(timeout=10)
        try:
            with transaction(engine) as own:
                act(own, order, "dispatch", STEWARD)
            outcomes.append("done")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=dispatch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(outcomes) == ["conflict", "done"]
    with Session(engine) as session:
        assert len(tables.history(session, order["id"])) == 2


def test_scope(session: Session) -> None:
    order = create(session)
    for outsider in (STRANGER, NEIGHBOUR):
        with pytest.raises(Forbidden):
            handlers.get_order(session, outsider, order["id"], NOW)
        with pytest.raises(Forbidden):
            act(session, order, "cancel", outsider)
        with pytest.raises(Forbidden):
            create(session, outsider)
    public_area = create(session, household=None)
    with pytest.raises(NotFound):
        handlers.get_order(session, OWNER, public_area["id"], NOW)
    with pytest.raises(NotFound):
        handlers.get_order(session, STEWARD, uuid4(), NOW)
    with pytest.raises(Forbidden):
        act(session, order, "dispatch", OWNER)
    act(session, order, "dispatch", STEWARD, technician="T1")
    with pytest.raises(Forbidden):
        act(session, order, "accept", T2)


def test_place_must_be_known_and_belong_together(session: Session) -> None:
    with pytest.raises(NotFound, match="imported just now"):
        create(session, household="H404")
    with pytest.raises(NotFound, match="no estate"):
        create(session, GROUP, estate="E404", household=None)
    with pytest.raises(Invalid) as refused:
        create(session, household="H9")
    assert refused.value.errors[0]["loc"] == "household"


def test_an_older_message_never_overwrites_a_newer_one(session: Session) -> None:
    moved = [HouseholdEntry(household="H1", unit="u", building="B7")]
    directory.keep_households(session, HouseholdsRegistered(estate="E1", households=moved), NOW - HOUR)
    assert create(session)["building"] == "B1"
    directory.keep_households(session, HouseholdsRegistered(estate="E1", households=moved), NOW + HOUR)
    assert create(session)["building"] == "B7"


def bills(*open_fen: int, due: date, household: str = "H1") -> BillsIssued:
    issued = [
        IssuedBill(bill_id=number, household=household, amount_fen=fen + 50, open_fen=fen)
        for number, fen in enumerate(open_fen)
    ]
    return BillsIssued(run_id=None, estate="E1", fee_item="property", period="2026-09", due_date=due, bills=issued)


def payment(principal_fen: int, due: date) -> PaymentAllocated:
    part = Allocation(
        bill_id=1, fee_item="property", period="2026-09", due_date=due, principal_fen=principal_fen, late_fee_fen=77
    )
    return PaymentAllocated(
        payment_id=uuid4(),
        household="H1",
        estate="E1",
        channel="cash",
        amount_fen=principal_fen + 77,
        business_date=date(2026, 11, 1),
        allocations=[part],
        credit_fen=0,
    )


TODAY = date(2026, 11, 2)
YESTERDAY = date(2026, 11, 1)


def test_arrears_are_the_overdue_principal_of_today_in_any_order_of_events(session: Session) -> None:
    directory.subtract_payment(session, payment(400, YESTERDAY))  # heard of before its bill
    order = create(session)
    assert (order["arrears_fen"], order["arrears_note"]) == (0, None)
    directory.add_bills(session, bills(1000, 300, due=YESTERDAY))
    directory.add_bills(session, bills(5000, due=TODAY))
    directory.add_bills(session, bills(9999, due=YESTERDAY, household="H2"))
    shown = handlers.get_order(session, STEWARD, order["id"], NOW)
    assert shown["arrears_fen"] == 900
    assert "9.00" in shown["arrears_note"]
    tomorrow = handlers.get_order(session, STEWARD, order["id"], NOW + 24 * HOUR)
    assert tomorrow["arrears_fen"] == 5900


def test_a_payment_heard_of_before_its_bill_does_not_hide_other_arrears(session: Session) -> None:
    directory.add_bills(session, bills(500, due=date(2026, 9, 15)))
    directory.subtract_payment(session, payment(400, YESTERDAY))
    assert create(session)["arrears_fen"] == 500


def test_an_event_delivered_twice_counts_once(session: Session) -> None:
    told = bills(1000, due=YESTERDAY)
    message = Message("workorders.on_bills_issued", uuid4(), "bills_issued", 1, "billing", "x", NOW, "t", {})
    for _ in range(2):
        if first_delivery(session, message):
            directory.add_bills(session, told)
    assert create(session)["arrears_fen"] == 1000


def test_arrears_never_delay_or_refuse_service(session: Session) -> None:
    free = create(session, household="H2")
    directory.add_bills(session, bills(99_999_999, due=YESTERDAY))
    owing = create(session, OWNER)
    for field in ("status", "respond_by", "resolve_by", "priority"):
        assert owing[field] == free[field]
    assert finish(session, owing)["status"] == "confirmed"


@pytest.mark.parametrize(
    ("category", "household", "holds"),
    [("plumbing", "H1", True), ("inquiry", "H1", False), ("chargeable", "H1", False), ("plumbing", None, False),
     ("something new", "H1", True)],
)  # fmt: skip
def test_what_holds_dunning(session: Session, category: str, household: str | None, holds: bool) -> None:
    create(session, category=category, household=household)
    assert [event.holds_dunning for event in events(session, WorkOrderOpened)] == [holds]


@pytest.mark.parametrize(
    ("category", "priority"),
    [("lift_entrapment", "normal"), ("water_burst", "low"), ("fire", "normal"), ("plumbing", "emergency")],
)
def test_emergencies_are_answered_in_half_an_hour(session: Session, category: str, priority: str) -> None:
    order = create(session, category=category, priority=priority)
    assert order["respond_by"] == NOW + timedelta(minutes=30)
    assert order["resolve_by"] == NOW + 4 * HOUR


def test_policy_is_data_and_an_estate_may_have_its_own(session: Session) -> None:
    row = {"estate": "E1", "clock": "wall", "respond_minutes": 60, "resolve_minutes": 120}
    session.execute(insert(sla_policy).values(**row))
    assert create(session)["respond_by"] == NOW + HOUR
    assert create(session, GROUP, estate="E2", household="H9")["respond_by"] == NOW + 24 * HOUR


def test_automatic_dispatch_spreads_the_load(session: Session) -> None:
    chosen = [
        act(session, create(session, building="B9"), "dispatch", STEWARD)["technician"] for _ in range(4)
    ]  # nobody is responsible for B9
    assert chosen == ["T1", "T2", "T1", "T2"]


def test_handing_over_needs_another_name(session: Session) -> None:
    order = create(session)
    act(session, order, "dispatch", STEWARD, technician="T1")
    for name in (None, "T1"):
        with pytest.raises(Conflict, match="name another technician"):
            act(session, order, "dispatch", STEWARD, technician=name)
    handed = act(session, order, "dispatch", STEWARD, technician="contractor-7")
    assert handed["technician"] == "contractor-7"
    assert handed["history"][-1]["note"] == "manual choice; not on the technicians' register"
    with pytest.raises(Conflict, match="T1 has it not"):
        act(session, order, "accept", GROUP, technician="T1")


def test_an_estate_without_technicians_needs_one_named(session: Session) -> None:
    order = create(session, GROUP, estate="E3", household=None)
    with pytest.raises(Conflict, match="name the technician"):
        act(session, order, "dispatch", GROUP)
    assert act(session, order, "dispatch", GROUP, technician="T9")["status"] == "dispatched"


def test_rework(session: Session) -> None:
    order = create(session)
    finish(session, order)
    again = act(session, order, "reopen", OWNER, NOW + 24 * HOUR, note="drips again")
    assert (again["status"], again["technician"], again["resolved_at"]) == ("dispatched", "T1", None)
    assert again["resolve_by"] == NOW + 72 * HOUR
    assert events(session, WorkOrderReopened)[0].holds_dunning
    for action in ("accept", "arrive", "complete"):
        act(session, order, action, T1, NOW + 25 * HOUR)
    act(session, order, "confirm", STEWARD, NOW + 25 * HOUR)
    with pytest.raises(Conflict, match="more than 7 days"):
        act(session, order, "reopen", OWNER, NOW + timedelta(days=9))


def alarms(session: Session) -> list[tuple[str, str, str]]:
    return [(event.stage, event.level, event.role) for event in events(session, WorkOrderSlaAlarm)]


def test_alarms_are_raised_once_along_the_chain(session: Session) -> None:
    order = create(session)
    assert sla.raise_due_alarms(session, NOW + 19 * HOUR) == 0
    assert sla.raise_due_alarms(session, NOW + 20 * HOUR) == 1
    assert sla.raise_due_alarms(session, NOW + 20 * HOUR) == 0
    sla.raise_due_alarms(session, NOW + 36 * HOUR)
    assert alarms(session) == [
        ("respond", "warning", "estate_manager"),
        ("respond", "breach", "estate_manager"),
        ("respond", "breach", "group_admin"),
    ]
    act(session, order, "dispatch", STEWARD, NOW + 36 * HOUR, technician="T1")
    act(session, order, "accept", T1, NOW + 37 * HOUR)
    act(session, order, "pause", T1, NOW + 38 * HOUR, note="waiting for parts")
    assert sla.raise_due_alarms(session, NOW + 500 * HOUR) == 0, "a paused clock raises nothing"
    act(session, order, "resume", T1, NOW + 500 * HOUR)
    assert sla.raise_due_alarms(session, NOW + 501 * HOUR) == 1, "80 % of 48 h are used 24 minutes later"
    act(session, order, "cancel", STEWARD, NOW + 502 * HOUR)
    assert sla.raise_due_alarms(session, NOW + 9999 * HOUR) == 0
    assert len(alarms(session)) == 4


def test_two_replicas_raise_an_alarm_once(engine: Engine) -> None:
    with transaction(engine) as session:
        create(session)
    with Session(engine) as one, Session(engine) as other:
        assert sla.raise_due_alarms(one, NOW + 20 * HOUR) == 1
        assert sla.raise_due_alarms(other, NOW + 20 * HOUR) == 0
        one.rollback()
        assert sla.raise_due_alarms(other, NOW + 20 * HOUR) == 1, "what a dead replica held is not lost"
        other.commit()
        assert sla.raise_due_alarms(one, NOW + 20 * HOUR) == 0


def listed(session: Session, caller: Caller, at: datetime = NOW, **more: Any) -> list[Any]:
    estate, found, cursor = more.pop("estate", None), [], None
    while True:
        page = handlers.list_orders(session, caller, Filter(**more), estate, at, 2, cursor)
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_lists_are_filtered_scoped_and_paged(session: Session) -> None:
    mine = [create(session, at=NOW + number * HOUR)["id"] for number in range(5)]
    other = create(session, household="H2")["id"]
    foreign = create(session, GROUP, estate="E2", household="H9")["id"]
    newest_first = mine[::-1]
    assert listed(session, OWNER) == newest_first
    assert listed(session, STEWARD, household="H1") == newest_first
    assert set(listed(session, STEWARD)) == {*mine, other}
    assert listed(session, GROUP, estate="E2") == [foreign]
    assert len(listed(session, GROUP)) == 7
    act(session, mine[0], "dispatch", STEWARD)
    assert listed(session, GROUP, status="dispatched") == [mine[0]]
    for call in ({"caller": NEIGHBOUR, "household": "H1"}, {"caller": STRANGER, "estate": "E1"}):
        with pytest.raises(Forbidden):
            listed(session, **call)
    with pytest.raises(Invalid):
        handlers.list_orders(session, GROUP, Filter(), None, NOW, 2, "WyJ4Il0")


def test_overdue_in_lists_bodies_and_figures_agree(session: Session) -> None:
    orders = [create(session, at=NOW + hours * HOUR, household="H2") for hours in (0, 1, 30, 60, 70)]
    act(session, orders[1], "dispatch", STEWARD, NOW + 2 * HOUR, technician="T1")
    act(session, orders[1], "accept", T1, NOW + 3 * HOUR)
    act(session, orders[1], "pause", T1, NOW + 4 * HOUR)
    act(session, orders[4], "cancel", STEWARD, NOW + 71 * HOUR)
    for hours in (0, 23, 25, 48, 55, 80, 120):
        at = NOW + hours * HOUR
        kept = [found for order in orders if (found := tables.find(session, order["id"]))]
        late = {o.id for o in kept if rules.late_since(o, "respond", at) or rules.late_since(o, "resolve", at)}
        assert set(listed(session, GROUP, at, overdue=True)) == late
        assert set(listed(session, GROUP, at, overdue=False)) == {order.id for order in kept} - late
        overdue = sla.estate_figures(session, GROUP, "E1", at)["overdue"]
        assert overdue["respond"] == sum(rules.late_since(order, "respond", at) for order in kept)
        assert overdue["resolve"] == sum(rules.late_since(order, "resolve", at) for order in kept)
        gauge = {(stage, estate): late_now for _, stage, estate, late_now in sla.overdue_rows(session, at)}
        assert gauge["resolve", "E1"] == overdue["resolve"]
        assert gauge["resolve", "E3"] == 0


def test_figures(session: Session) -> None:
    assert sla.estate_figures(session, GROUP, "E1", NOW)["within_limit"] == {"respond": None, "resolve": None}
    finish(session, create(session), at=NOW + HOUR)
    finish(session, create(session), at=NOW + 30 * HOUR)
    create(session)
    figures = sla.group_figures(session, GROUP, NOW + 30 * HOUR)
    assert (figures["open"], figures["within_limit"]) == (1, {"respond": 0.5, "resolve": 1.0})
    assert [one["estate"] for one in figures["estates"]] == ["E1", "E2", "E3"]
    assert [one["estate"] for one in sla.group_figures(session, STEWARD, NOW)["estates"]] == ["E1"]
    with pytest.raises(Forbidden):
        sla.group_figures(session, OWNER, NOW)
    with pytest.raises(NotFound):
        sla.estate_figures(session, GROUP, "E404", NOW)


def outcomes(stage: str) -> float:
    labels = {"kind": "work_order", "stage": stage, "estate": "E1", "outcome": "met"}
    return REGISTRY.get_sample_value("estateloop_sla_outcomes_total", labels) or 0.0


def seconds(name: str, category: str) -> float:
    labels = {"kind": "work_order", "estate": "E1", "category": category}
    return REGISTRY.get_sample_value(f"estateloop_{name}_seconds_sum", labels) or 0.0


def test_an_outcome_is_counted_once_and_only_when_it_commits(session: Session) -> None:
    before, took = outcomes("respond"), seconds("response", "plumbing")
    order = create(session)
    act(session, order, "dispatch", STEWARD, technician="T1")
    session.commit()
    act(session, order, "accept", T1, NOW + HOUR)
    session.rollback()
    assert outcomes("respond") == before
    request = uuid4()
    for _ in range(2):
        act(session, order, "accept", T1, NOW + HOUR, request_id=request)
        session.commit()
    assert outcomes("respond") == before + 1
    assert seconds("response", "plumbing") == took + 3600


def test_a_category_nobody_knows_makes_no_new_series(session: Session) -> None:
    before = seconds("response", "other")
    order = create(session, category="my own words")
    act(session, order, "dispatch", STEWARD, technician="T1")
    act(session, order, "accept", T1, NOW + HOUR)
    session.commit()
    assert seconds("response", "other") == before + 3600
    assert seconds("response", "my own words") == 0


def test_no_personal_data_is_kept_of_staff(session: Session) -> None:
    columns = session.scalars(
        text("SELECT column_name FROM information_schema.columns WHERE table_name IN ('staff', 'household')")
    ).all()
    assert not {"name", "phone", "owner_name", "email"} & set(columns)
