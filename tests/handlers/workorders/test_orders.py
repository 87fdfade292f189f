"""Orders on a real PostgreSQL (G1–G4): life, repeats, scope, arrears, dispatch, lists, two at once."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from services.common.contracts.base import Message
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import (
    AdjustedBill,
    Allocation,
    BillsIssued,
    HouseholdEntry,
    HouseholdsRegistered,
    IssuedBill,
    PaymentAllocated,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
)
from services.common.database import transaction
from services.common.domain.access import Caller
from services.common.messaging import first_delivery
from services.workorders.directory import handlers as directory
from services.workorders.orders import handlers, tables
from services.workorders.orders.tables import Filter
from services.workorders.tables import REGISTER, sla_policy
from tests.support.orders import HOUR, NOW, T1, T2, act, create, finish, listed, prepared
from tests.support.outbox import events
from tests.support.quality import GROUP, NEIGHBOUR, OWNER, STEWARD, STRANGER, two_at_once


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return prepared(database("workorders"))


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
    assert done["history"][1]["note"] == "please today", "why this technician is for staff (FC6)"
    told = handlers.get_order(session, STEWARD, order["id"], NOW)["history"][1]["note"]
    assert told.startswith("please today; automatic: skill plumbing; responsible for building B1")
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

    def dispatch() -> None:
        with transaction(engine) as own:
            act(own, order, "dispatch", STEWARD)

    assert two_at_once(dispatch) == ["conflict", "done"]
    with Session(engine) as session:
        assert len(tables.history(session, order["id"])) == 2


@pytest.mark.parametrize("role", ["finance", "region_manager"])
def test_the_office_asks_for_work_too(session: Session, role: str) -> None:
    caller = Caller(sub="X1", roles=frozenset({role}), estates=frozenset({"E1"}))
    assert create(session, caller)["history"][0]["by"] == "X1"
    with pytest.raises(Forbidden):
        create(session, caller.model_copy(update={"estates": frozenset({"E2"})}))


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
    REGISTER.keep_households(session, HouseholdsRegistered(estate="E1", households=moved), NOW - HOUR)
    assert create(session)["building"] == "B1"
    REGISTER.keep_households(session, HouseholdsRegistered(estate="E1", households=moved), NOW + HOUR)
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


def test_fm8_a_payment_that_made_room_leaves_the_banner_right(session: Session) -> None:
    directory.add_bills(session, bills(1000, due=YESTERDAY))
    directory.adjust_bills(session, [AdjustedBill(bill_id=0, household="H1", due_date=YESTERDAY, open_change_fen=100)])
    directory.subtract_payment(session, payment(400, YESTERDAY))
    assert create(session)["arrears_fen"] == 700


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
     ("Other", "H1", True)],
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
    handed = act(session, order, "dispatch", STEWARD, technician="T2")
    assert handed["technician"] == "T2"
    with pytest.raises(Conflict, match="T1 has it not"):
        act(session, order, "accept", GROUP, technician="T1")


@pytest.mark.parametrize("name", ["NOBODY", "T9"])
def test_fc8_nobody_who_does_not_work_on_the_estate_gets_its_orders(session: Session, name: str) -> None:
    """T9 is on the register of another estate."""
    order = create(session)
    with pytest.raises(Invalid):
        act(session, order, "dispatch", STEWARD, technician=name)
    act(session, create(session, GROUP, estate="E3", household=None), "dispatch", GROUP)
    mine = act(session, order, "dispatch", STEWARD, technician=STEWARD.sub)
    assert mine["technician"] == STEWARD.sub, "who is signed in may take it himself"


def test_fc8_an_order_of_nobody_is_not_accepted_for_a_stranger(session: Session) -> None:
    order = create(session, GROUP, estate="E3", household=None)
    act(session, order, "dispatch", GROUP)
    with pytest.raises(Invalid):
        act(session, order, "accept", GROUP, technician="NOBODY")


def test_on_an_estate_without_technicians_an_order_is_dispatched_to_whoever_accepts_it(session: Session) -> None:
    order = create(session, GROUP, estate="E3", household=None)
    open_to_all = act(session, order, "dispatch", GROUP)
    assert (open_to_all["status"], open_to_all["technician"]) == ("dispatched", None)
    with pytest.raises(Conflict, match="with nobody: name another technician"):
        act(session, order, "dispatch", GROUP)
    visitor = Caller(sub="T9", roles=frozenset({"technician"}), estates=frozenset({"E3"}))
    assert act(session, order, "accept", visitor)["technician"] == "T9", "on the register of another estate"
    for action in ("arrive", "complete"):
        act(session, order, action, visitor)
    with pytest.raises(Forbidden, match="another technician"):
        act(session, order, "pause", Caller(sub="T1", roles=frozenset({"technician"}), estates=frozenset({"*"})))


def test_an_order_nobody_took_can_still_be_done_by_the_office(session: Session) -> None:
    order = create(session, GROUP, estate="E3", household=None)
    for action in ("dispatch", "accept", "arrive", "complete", "confirm"):
        moved = act(session, order, action, GROUP)
    assert (moved["status"], moved["technician"]) == ("confirmed", None)


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
        handlers.list_orders(session, GROUP, Filter(), NOW, 2, "WyJ4Il0")


def test_no_personal_data_is_kept_of_staff(session: Session) -> None:
    columns = session.scalars(
        text("SELECT column_name FROM information_schema.columns WHERE table_name IN ('staff', 'household')")
    ).all()
    assert not {"name", "phone", "owner_name", "email"} & set(columns)
