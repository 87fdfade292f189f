"""Complaints on a real PostgreSQL (H1, H2): life, events, scope, alarms, the calendar, figures, two at once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import (
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintSlaAlarm,
    StaffEntry,
    StaffRegistered,
)
from services.common.database import transaction
from services.common.domain.access import Caller
from services.common.domain.calendar import SHANGHAI
from services.common.messaging.outbox import outbox
from services.feedback.calendar import handlers as calendar
from services.feedback.complaints import handlers, rules, tables
from services.feedback.complaints.handlers import Act
from services.feedback.complaints.rules import NewComplaint
from services.feedback.complaints.tables import Filter
from services.feedback.directory import handlers as directory
from services.feedback.sla import handlers as sla
from services.feedback.sla.rules import CLOCKS, COMMITMENT, STAGES, TARGET
from services.feedback.tables import REGISTER
from tests.support.outbox import events
from tests.support.quality import (
    GROUP,
    NEIGHBOUR,
    OWNER,
    STEWARD,
    STRANGER,
    ids_on_all_pages,
    tell_homes,
    two_at_once,
)

NOW = datetime(2026, 2, 13, 10, 0, tzinfo=SHANGHAI)
HOUR = timedelta(hours=1)
MANAGER = Caller(sub="M1", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))


def tell_directory(session: Session, at: datetime = NOW) -> None:
    tell_homes(session, REGISTER, "E1", "E2", at=at)
    staff = [
        StaffEntry(staff="S1", name="n", role="steward", estate="E1", buildings=["B1"]),
        StaffEntry(staff="M1", name="n", role="estate_manager", estate="E1"),
    ]
    directory.keep_staff(session, StaffRegistered(staff=staff), at)


@pytest.mark.parametrize("name", ["NOBODY", "S9"])
def test_fc8_nobody_who_does_not_work_on_the_estate_answers_a_complaint(session: Session, name: str) -> None:
    complaint = create(session)
    other = [StaffEntry(staff="S9", name="n", role="steward", estate="E2")]
    directory.keep_staff(session, StaffRegistered(staff=other), NOW)
    with pytest.raises(Invalid):
        act(session, complaint, "respond", MANAGER, NOW + HOUR, by=name)
    assert act(session, complaint, "respond", MANAGER, NOW + HOUR)["history"][-1]["by"] == "M1"


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    made = database("feedback")
    with transaction(made) as session:
        tell_directory(session)
    return made


def create(session: Session, caller: Caller = STEWARD, at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    plain = NewComplaint(uuid4(), "E1", "service", "normal", "王小明 13812345678: nobody came", "phone", "H1", None)
    return handlers.create_complaint(session, caller, replace(plain, **changes), at)


def act(
    session: Session, complaint: dict[str, Any], action: str, caller: Caller = STEWARD, at: datetime = NOW, **more: Any
) -> dict[str, Any]:
    request = more.pop("request_id", None) or uuid4()
    wanted = Act(complaint["id"], request, action, more.pop("text", f"text of {action}"), **more)
    return handlers.act_on_complaint(session, caller, wanted, at)


def closed(session: Session, complaint: dict[str, Any], at: datetime = NOW) -> dict[str, Any]:
    for action in ("respond", "resolve", "close"):
        complaint = act(session, complaint, action, at=at)
    return complaint


def test_life_of_a_complaint(session: Session) -> None:
    complaint = create(session, OWNER)
    assert (complaint["status"], complaint["accountable"], complaint["handler"]) == ("registered", "S1", None)
    assert (complaint["building"], complaint["household"]) == ("B1", "H1")
    act(session, complaint, "respond", MANAGER, NOW + HOUR, by="M1")
    act(session, complaint, "resolve", MANAGER, NOW + 2 * HOUR)
    done = act(session, complaint, "close", OWNER, NOW + 3 * HOUR, text=None)
    assert (done["status"], done["accountable"], done["handler"]) == ("closed", "S1", "M1")
    assert (done["responded_at"], done["resolved_at"], done["closed_at"]) == tuple(NOW + n * HOUR for n in (1, 2, 3))
    steps = [(step["action"], step["to_status"], step["by"], step["text"]) for step in done["history"]]
    assert steps == [
        ("register", "registered", "owner-1", None),
        ("respond", "responded", "M1", "text of respond"),
        ("resolve", "resolved", "M1", "text of resolve"),
        ("close", "closed", "owner-1", None),
    ]
    assert [event.stage for event in events(session, ComplaintAnswered)] == ["responded", "resolved", "closed"]
    assert [event.household for event in events(session, ComplaintClosed)] == ["H1"]


def test_bodies_show_all_clocks(session: Session) -> None:
    clocks = create(session)["clocks"]
    assert clocks["respond_target_by"] == NOW + 24 * HOUR
    assert clocks["resolve_target_by"] == NOW + 72 * HOUR
    assert (clocks["respond_commitment_on"], clocks["resolve_commitment_on"]) == (date(2026, 2, 24), date(2026, 3, 2))
    assert clocks["respond_commitment_by"] == datetime(2026, 2, 24, 23, 59, 59, 999_999, tzinfo=SHANGHAI)
    assert clocks["provisional"] is False
    assert clocks["respond"] == {clock: {"outcome": None, "overdue": False} for clock in CLOCKS}
    shown = act(session, create(session), "respond", at=NOW + 25 * HOUR)["clocks"]["respond"]
    assert (shown[TARGET]["outcome"], shown[COMMITMENT]["outcome"]) == ("breached", "met")


def test_closes_only_after_both_answers(session: Session) -> None:
    complaint = create(session)
    with pytest.raises(Conflict, match="is registered"):
        act(session, complaint, "close")
    act(session, complaint, "respond")
    with pytest.raises(Conflict, match="is responded"):
        act(session, complaint, "close")
    assert len(handlers.get_complaint(session, STEWARD, complaint["id"], NOW)["history"]) == 2


@pytest.mark.parametrize(
    ("category", "household", "holds"),
    [("service", "H1", True), ("facility", "H1", True), ("management", "H1", True), ("fee", "H1", False),
     ("service", None, False)],
)  # fmt: skip
def test_what_holds_dunning(session: Session, category: str, household: str | None, holds: bool) -> None:
    complaint = create(session, category=category, household=household)
    assert [event.holds_dunning for event in events(session, ComplaintOpened)] == [holds]
    closed(session, complaint)
    again = act(session, complaint, "reopen", at=NOW + 48 * HOUR)
    assert again["status"] == "registered"
    assert [event.holds_dunning for event in events(session, ComplaintReopened)] == [holds]


def test_what_the_complainant_wrote_is_in_no_event(session: Session) -> None:
    closed(session, create(session))
    told = json.dumps(list(session.scalars(select(outbox.c.data))))
    assert "13812345678" not in told
    assert "text of respond" not in told


def test_same_request_again(session: Session) -> None:
    request = uuid4()
    first = create(session, request_id=request, level="urgent")
    assert create(session, request_id=request, level="urgent", at=NOW + HOUR) == first
    assert first["level"] == "urgent"
    with pytest.raises(Conflict):
        create(session, request_id=request, text="something else")
    step = uuid4()
    answered = act(session, first, "respond", request_id=step)
    assert act(session, first, "respond", at=NOW + HOUR, request_id=step) == answered
    with pytest.raises(Conflict, match="another step"):
        act(session, first, "resolve", request_id=step)
    assert len(events(session, ComplaintAnswered)) == 1


def test_two_at_once_close_once(engine: Engine) -> None:
    with transaction(engine) as session:
        complaint = create(session)
        act(session, complaint, "respond")
        act(session, complaint, "resolve")

    def close() -> None:
        with transaction(engine) as own:
            act(own, complaint, "close")

    assert two_at_once(close) == ["conflict", "done"]
    with Session(engine) as session:
        assert len(events(session, ComplaintClosed)) == 1


def test_scope(session: Session) -> None:
    complaint = create(session)
    for outsider in (STRANGER, NEIGHBOUR):
        with pytest.raises(Forbidden):
            handlers.get_complaint(session, outsider, complaint["id"], NOW)
        with pytest.raises(Forbidden):
            act(session, complaint, "reopen", outsider)
        with pytest.raises(Forbidden):
            create(session, outsider)
    for action in ("respond", "resolve"):
        with pytest.raises(Forbidden):
            act(session, complaint, action, OWNER)
    anonymous = create(session, household=None)
    with pytest.raises(NotFound):
        handlers.get_complaint(session, OWNER, anonymous["id"], NOW)
    with pytest.raises(NotFound):
        handlers.get_complaint(session, GROUP, uuid4(), NOW)


def test_place_must_be_known_and_belong_together(session: Session) -> None:
    with pytest.raises(NotFound, match="imported just now"):
        create(session, household="H404")
    with pytest.raises(NotFound, match="no estate"):
        create(session, GROUP, estate="E404", household=None)
    with pytest.raises(Invalid) as refused:
        create(session, household="H9")
    assert refused.value.errors[0]["loc"] == "household"


def alarms(session: Session) -> list[tuple[str, str, str, str]]:
    return [(event.stage, event.clock, event.level, event.role) for event in events(session, ComplaintSlaAlarm)]


def test_alarms_warn_escalate_and_report_a_breach_once(session: Session) -> None:
    complaint = create(session)
    assert sla.raise_due_alarms(session, NOW + 19 * HOUR) == 0
    for _ in range(2):
        sla.raise_due_alarms(session, NOW + 25 * HOUR)
    assert alarms(session) == [
        ("respond", "target", "warning", "steward"),
        ("respond", "target", "escalation", "estate_manager"),
    ]
    act(session, complaint, "respond", at=NOW + 26 * HOUR)
    last = datetime(2026, 3, 2, 23, 59, 59, 999_999, tzinfo=SHANGHAI)
    sla.raise_due_alarms(session, last)
    assert [alarm for alarm in alarms(session) if alarm[1] == "commitment"] == [], "kept until the end of that day"
    sla.raise_due_alarms(session, last + timedelta(microseconds=1))
    assert [alarm for alarm in alarms(session) if alarm[1] == "commitment"] == [
        ("resolve", "commitment", "breach", "estate_manager"),
        ("resolve", "commitment", "breach", "group_admin"),
    ]
    assert len(alarms(session)) == 6
    act(session, complaint, "resolve", at=last + HOUR)
    assert sla.raise_due_alarms(session, last + 9999 * HOUR) == 0


def test_two_replicas_raise_an_alarm_once(engine: Engine) -> None:
    with transaction(engine) as session:
        create(session)
    with Session(engine) as one, Session(engine) as other:
        assert sla.raise_due_alarms(one, NOW + 20 * HOUR) == 1
        assert sla.raise_due_alarms(other, NOW + 20 * HOUR) == 0
        one.commit()
        assert sla.raise_due_alarms(other, NOW + 20 * HOUR) == 0


NEW_YEAR = [date(2027, 1, day) for day in (1, 4, 5)]


def test_a_provisional_promise_moves_when_the_year_is_announced(session: Session) -> None:
    received = datetime(2026, 12, 29, 9, 0, tzinfo=SHANGHAI)
    complaint = create(session, at=received)
    assert complaint["clocks"]["provisional"] is True
    assert complaint["clocks"]["resolve_commitment_on"] == date(2027, 1, 7)
    assert calendar.recompute_provisional(session) == 0, "nothing is announced yet"
    calendar.announce_year(session, GROUP, 2027, NEW_YEAR, [date(2027, 1, 9)], received)
    assert calendar.recompute_provisional(session) == 1
    assert calendar.recompute_provisional(session) == 0
    moved = handlers.get_complaint(session, GROUP, complaint["id"], received)["clocks"]
    assert (moved["provisional"], moved["resolve_commitment_on"]) == (False, date(2027, 1, 11))
    sla.raise_due_alarms(session, datetime(2027, 1, 11, 12, 0, tzinfo=SHANGHAI))
    assert ("resolve", "commitment", "breach", "estate_manager") not in alarms(session), "the alarm moved along"
    sla.raise_due_alarms(session, datetime(2027, 1, 12, 0, 0, tzinfo=SHANGHAI))
    assert ("resolve", "commitment", "breach", "estate_manager") in alarms(session)


def test_a_corrected_announcement_moves_it_again(session: Session) -> None:
    received = datetime(2026, 12, 29, 9, 0, tzinfo=SHANGHAI)
    complaint = create(session, at=received)
    before = create(session, at=NOW)
    for holidays, due in ((NEW_YEAR, date(2027, 1, 12)), (NEW_YEAR[:1], date(2027, 1, 8))):
        calendar.announce_year(session, GROUP, 2027, holidays, [], received)
        assert calendar.recompute_provisional(session) == 1, "the one whose clocks end before that year stays"
        moved = handlers.get_complaint(session, GROUP, complaint["id"], received)
        assert moved["clocks"]["resolve_commitment_on"] == due
    assert handlers.get_complaint(session, GROUP, before["id"], NOW)["clocks"] == before["clocks"]


def test_an_implausible_announcement_is_refused(session: Session) -> None:
    with pytest.raises(Forbidden):
        calendar.announce_year(session, MANAGER, 2027, NEW_YEAR, [], NOW)
    for holidays, makeup in (([], []), ([date(2026, 1, 1)], []), (NEW_YEAR, NEW_YEAR[:1])):
        with pytest.raises(Invalid):
            calendar.announce_year(session, GROUP, 2027, holidays, makeup, NOW)


def listed(session: Session, caller: Caller, **more: Any) -> list[Any]:
    return ids_on_all_pages(lambda cursor: handlers.list_complaints(session, caller, Filter(**more), NOW, 2, cursor))


def test_lists_are_filtered_scoped_and_paged(session: Session) -> None:
    mine = [create(session, at=NOW + number * HOUR)["id"] for number in range(5)]
    other = create(session, household="H2")["id"]
    foreign = create(session, GROUP, estate="E2", household="H9")["id"]
    assert listed(session, OWNER) == mine[::-1]
    assert set(listed(session, STEWARD)) == {*mine, other}
    assert listed(session, GROUP, estate="E2") == [foreign]
    act(session, {"id": mine[0]}, "respond")
    assert listed(session, GROUP, status="responded") == [mine[0]]
    with pytest.raises(Forbidden):
        listed(session, NEIGHBOUR, household="H1")
    with pytest.raises(Forbidden):
        listed(session, STRANGER, estate="E1")
    with pytest.raises(Invalid):
        handlers.list_complaints(session, GROUP, Filter(), NOW, 2, "WyJ4Il0")


def test_overdue_in_sql_and_law_agree(session: Session) -> None:
    made = [create(session, at=NOW + hours * HOUR) for hours in (0, 30, 100, 200)]
    act(session, made[1], "respond", at=NOW + 60 * HOUR)
    closed(session, made[2], at=NOW + 300 * HOUR)
    for hours in (0, 25, 80, 290, 500):
        at = NOW + hours * HOUR
        kept = [found for one in made if (found := tables.find(session, one["id"]))]
        figures = sla.estate_figures(session, GROUP, "E1", at)["overdue"]
        gauge = {(kind, stage, estate): late for kind, stage, estate, late in sla.overdue_rows(session, at)}
        for stage in STAGES:
            for clock in CLOCKS:
                late = sum(rules.is_late(one, stage, clock, at) for one in kept)
                assert figures[clock][stage] == late
                assert gauge[rules.KIND[clock], stage, "E1"] == late
                assert gauge[rules.KIND[clock], stage, "E2"] == 0


def test_figures(session: Session) -> None:
    assert sla.estate_figures(session, GROUP, "E1", NOW)["handling_rate"] is None
    closed(session, create(session), at=NOW + HOUR)
    closed(session, create(session), at=NOW + 30 * HOUR)
    create(session)
    figures = sla.group_figures(session, GROUP, NOW + 30 * HOUR)
    assert figures["open"] == 1
    assert figures["within_limit"][TARGET] == {"respond": 0.5, "resolve": 1.0}
    assert figures["within_limit"][COMMITMENT] == {"respond": 1.0, "resolve": 1.0}
    assert figures["handling_rate"] == 0.6667
    assert [one["estate"] for one in figures["estates"]] == ["E1", "E2"]
    assert [one["estate"] for one in sla.group_figures(session, MANAGER, NOW)["estates"]] == ["E1"]
    for refused in (OWNER, STEWARD):
        with pytest.raises(Forbidden):
            sla.group_figures(session, refused, NOW)
    with pytest.raises(NotFound):
        sla.estate_figures(session, GROUP, "E404", NOW)


def counted(kind: str, stage: str, outcome: str) -> float:
    labels = {"kind": kind, "stage": stage, "estate": "E1", "outcome": outcome}
    return REGISTRY.get_sample_value("estateloop_sla_outcomes_total", labels) or 0.0


def test_outcomes_are_counted_once_per_clock_when_they_commit(session: Session) -> None:
    cells = [("complaint", "respond", "breached"), ("complaint_commitment", "respond", "met")]
    before = [counted(*cell) for cell in cells]
    complaint = create(session)
    session.commit()
    act(session, complaint, "respond", at=NOW + 25 * HOUR)
    session.rollback()
    assert [counted(*cell) for cell in cells] == before
    for _ in range(2):  # the second is an interim answer
        act(session, complaint, "respond", at=NOW + 25 * HOUR)
        session.commit()
    assert [counted(*cell) for cell in cells] == [number + 1 for number in before]
