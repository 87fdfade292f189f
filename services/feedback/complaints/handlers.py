"""STORY of complaints: register, answer, close, reopen, show (H1, H2). The doors commit.

What the complainant wrote may be personal: it is shown to the estate's staff and to the complainant, and goes into no
event and no log.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.contracts.answers import complaints as answers
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.complaints import ComplaintAction, ComplaintRecord
from services.common.contracts.base import Event
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import ComplaintAnswered, ComplaintClosed, ComplaintOpened, ComplaintReopened
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.common.once import another_request, same_request
from services.common.paging import page, position
from services.common.sla.metrics import Stop, count_on_commit
from services.feedback.calendar.tables import working_calendar
from services.feedback.complaints import rules, tables, views
from services.feedback.complaints.rules import Complaint, NewComplaint
from services.feedback.complaints.tables import Filter, Step
from services.feedback.directory.tables import first_receivers, works_on
from services.feedback.sla import rules as sla_rules
from services.feedback.sla import tables as sla_tables
from services.feedback.tables import REGISTER


@dataclass(frozen=True)
class Act:
    """A step somebody asks for; the same `request_id` again does nothing more. `by` None: the caller did it."""

    complaint_id: UUID
    request_id: UUID
    action: ComplaintAction
    text: str | None = None
    by: str | None = None


def create_complaint(session: Session, caller: Caller, new: NewComplaint, now: datetime) -> ComplaintRecord:
    """Register a complaint before anybody handles it (H1) and answer it."""
    caller.require(Permission.REGISTER_COMPLAINT)
    new = replace(new, household=caller.own_household(new.household, new.estate))
    building = REGISTER.building_of(session, new.estate, new.household, new.building)
    policy = sla_rules.policy_for(sla_tables.policies(session), new.estate, new.category, rules.policy_level(new.level))
    accountable = rules.accountable_for(caller, first_receivers(session, new.estate), building)
    complaint = rules.open_complaint(new, building, accountable, policy, now, working_calendar(session))
    if tables.add(session, complaint):
        _announce(session, caller, complaint, now)
    else:
        complaint = _existing(tables.find(session, complaint.id))
        if not new.is_same_as(complaint):
            raise another_request("complaint")
    return views.whole(session, complaint, now)


def _announce(session: Session, caller: Caller, complaint: Complaint, now: datetime) -> None:
    first = Step(complaint.id, "register", None, complaint.status, caller.sub, caller.sub, now)
    tables.add_step(session, complaint.id, first)
    sla_tables.ALARMS.replan(session, complaint.id, rules.planned_alarms(complaint, sla_tables.chain(session)))
    event = ComplaintOpened(
        complaint_id=complaint.id,
        estate=complaint.estate,
        building=complaint.building,
        household=complaint.household,
        category=complaint.category,
        level=complaint.level,
        holds_dunning=_holds(session, complaint),
        opened_at=now,
    )
    record(session, event, aggregate=str(complaint.id), at=now)


def act_on_complaint(session: Session, caller: Caller, request: Act, now: datetime) -> ComplaintRecord:
    """One step (H1): Forbidden, Conflict naming the state, Invalid for an answer without words or by nobody of the
    estate, NotFound."""
    caller.require(rules.NEEDS[request.action])
    complaint = _existing(tables.lock(session, request.complaint_id))
    _require_scope(caller, complaint)
    by = request.by or caller.sub
    if not _done_before(session, request, by):
        _require_staff(session, caller, complaint, by)
        complaint = _move(session, caller, complaint, request, by, now)
    return views.whole(session, complaint, now)


def _require_staff(session: Session, caller: Caller, complaint: Complaint, by: str) -> None:
    if by != caller.sub and not works_on(session, by, complaint.estate):
        errors = [{"loc": "by", "msg": "a code of the staff register"}]
        raise Invalid("Nobody of this code works on the estate.", errors)


def _done_before(session: Session, request: Act, by: str) -> bool:
    earlier = tables.step_of(session, request.complaint_id, request.request_id)
    if earlier is not None:
        same_request("step of this complaint", earlier, {"action": request.action, "text": request.text, "by": by})
    return earlier is not None


def _move(session: Session, caller: Caller, complaint: Complaint, request: Act, by: str, now: datetime) -> Complaint:
    after = rules.act(complaint, request.action, request.text, by, now, working_calendar(session))
    tables.save(session, after)
    step = Step(request.request_id, request.action, complaint.status, after.status, by, caller.sub, now, request.text)
    tables.add_step(session, complaint.id, step)
    sla_tables.ALARMS.replan(session, after.id, rules.planned_alarms(after, sla_tables.chain(session)))
    for event in _events(session, after, request.action, now):
        record(session, event, aggregate=str(after.id), at=now)
    _count(session, complaint, after, request.action, now)
    return after


def _events(session: Session, complaint: Complaint, action: ComplaintAction, now: datetime) -> list[Event]:
    who: dict[str, Any] = {
        "complaint_id": complaint.id,
        "estate": complaint.estate,
        "household": complaint.household,
    }
    if action == "reopen":
        return [ComplaintReopened(**who, holds_dunning=_holds(session, complaint), reopened_at=now)]
    answer = ComplaintAnswered(**who, stage=complaint.status)
    return [answer, ComplaintClosed(**who, closed_at=now)] if action == "close" else [answer]


def _holds(session: Session, complaint: Complaint) -> bool:
    return complaint.household is not None and tables.holds_dunning(session, complaint.category)


def _count(session: Session, before: Complaint, after: Complaint, action: ComplaintAction, now: datetime) -> None:
    """A stage that was done in this step is counted when it commits, once per clock (J2)."""
    for stage in sla_rules.STAGES if action != "reopen" else ():
        if before.done_at(stage) is not None:
            continue
        for clock in sla_rules.CLOCKS:
            result = rules.outcome_of(after, stage, clock)
            if result is not None:
                took = now - after.received_at if clock == sla_rules.TARGET else None
                stop = Stop(rules.KIND[clock], stage, after.estate, after.category, result, took)
                count_on_commit(session, stop)


def get_complaint(session: Session, caller: Caller, complaint_id: UUID, now: datetime) -> ComplaintRecord:
    """The complaint with its history; NotFound, Forbidden outside the caller's scope."""
    caller.require(Permission.READ_COMPLAINTS)
    complaint = _existing(tables.find(session, complaint_id))
    _require_scope(caller, complaint)
    return views.whole(session, complaint, now)


def _existing(complaint: Complaint | None) -> Complaint:
    if complaint is None:
        raise NotFound("There is no such complaint.")
    return complaint


def _require_scope(caller: Caller, complaint: Complaint) -> None:
    if not caller.is_owner:
        caller.require_estate(complaint.estate)
    elif complaint.household is None:
        raise NotFound("There is no such complaint.")
    else:
        caller.require_household(complaint.household, complaint.estate)


def list_complaints(
    session: Session, caller: Caller, cut: Filter, now: datetime, limit: int, cursor: str | None
) -> Page[answers.Complaint]:
    """Complaints in the caller's scope, newest first; an owner sees those of the own household."""
    caller.require(Permission.READ_COMPLAINTS)
    scope = caller.scope(cut.estate, cut.household)
    rows = tables.listed(session, scope, cut, limit + 1, position(cursor, datetime.fromisoformat, UUID))
    items, next_cursor = page(rows, limit, lambda one: [one.created_at.isoformat(), str(one.id)])
    return Page(items=[views.item(complaint, now) for complaint in items], next_cursor=next_cursor)
