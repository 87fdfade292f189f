"""LAW of complaints (H1, H2): who may do what in which state, what is promised, who is accountable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypedDict
from uuid import UUID

from services.common.contracts.answers.complaints import (
    ComplaintAction,
    ComplaintCategory,
    ComplaintClock,
    ComplaintStatus,
)
from services.common.contracts.answers.sla import Outcome, Stage
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar
from services.common.domain.permissions import Permission
from services.common.sla.rules import is_overdue, outcome
from services.feedback.sla.rules import (
    COMMITMENT,
    TARGET,
    Alarm,
    Escalation,
    Policy,
    Promises,
    alarm_at,
    promises,
)

KIND: Mapping[ComplaintClock, str] = {TARGET: "complaint", COMMITMENT: "complaint_commitment"}
# A level is a word of the group's own and kept as given; policies are written for these three: normal (一般), serious
# (较重), major (重大). Words other systems use for them are understood, any other word counts as normal.
NORMAL = "normal"
_POLICY_LEVELS: Mapping[str, str] = {
    "serious": "serious",
    "high": "serious",
    "major": "major",
    "urgent": "major",
    "critical": "major",
    "较重": "serious",
    "重大": "major",
}
TRANSITIONS: Mapping[ComplaintAction, Mapping[ComplaintStatus, ComplaintStatus]] = {
    "respond": {"registered": "responded", "responded": "responded"},
    "resolve": {"responded": "resolved"},
    "close": {"resolved": "closed"},
    "reopen": {"resolved": "registered", "closed": "registered"},
}
# A complaint that came back was answered before: its new result is an answer as well.
TRANSITIONS_WHEN_REOPENED: Mapping[ComplaintAction, Mapping[ComplaintStatus, ComplaintStatus]] = {
    **TRANSITIONS,
    "resolve": {"registered": "resolved", "responded": "resolved"},
}
NEEDS_TEXT = ("respond", "resolve")
NEEDS: Mapping[ComplaintAction, Permission] = {
    "respond": Permission.ANSWER_COMPLAINT,
    "resolve": Permission.ANSWER_COMPLAINT,
    "close": Permission.CLOSE_COMPLAINT,
    "reopen": Permission.CLOSE_COMPLAINT,
}


@dataclass(frozen=True)
class Complaint:
    """One complaint. `received_at` starts the clocks of this `round`; `accountable` received it first (首问负责)."""

    id: UUID
    estate: str
    building: str | None
    household: str | None
    category: ComplaintCategory
    level: str
    text: str
    channel: str
    status: ComplaintStatus
    accountable: str | None
    handler: str | None
    round: int
    created_at: datetime
    received_at: datetime
    respond_minutes: int
    resolve_minutes: int
    respond_days: int
    resolve_days: int
    respond_target_by: datetime
    resolve_target_by: datetime
    respond_commitment_on: date
    respond_commitment_by: datetime
    resolve_commitment_on: date
    resolve_commitment_by: datetime
    provisional_year: int | None
    responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None

    @property
    def policy(self) -> Policy:
        """The limits that applied when it was registered."""
        limits = (self.respond_minutes, self.resolve_minutes, self.respond_days, self.resolve_days)
        return Policy(self.estate, self.category, self.level, *limits)

    def done_at(self, stage: Stage) -> datetime | None:
        """When a stage (respond, resolve) was done in this round."""
        return self.responded_at if stage == "respond" else self.resolved_at

    def due_at(self, stage: Stage, clock: ComplaintClock) -> datetime:
        """Until when a stage is in time by a clock (target, commitment)."""
        return {
            ("respond", TARGET): self.respond_target_by,
            ("resolve", TARGET): self.resolve_target_by,
            ("respond", COMMITMENT): self.respond_commitment_by,
            ("resolve", COMMITMENT): self.resolve_commitment_by,
        }[stage, clock]


@dataclass(frozen=True)
class NewComplaint:
    """What is complained about; `request_id` becomes the complaint's id, so that a repeat makes no second one."""

    request_id: UUID
    estate: str
    category: ComplaintCategory
    level: str
    text: str
    channel: str
    household: str | None
    building: str | None

    def is_same_as(self, standing: Complaint) -> bool:
        """Whether `kept` came from this very request; a building may have been filled in from the household."""
        mine = (self.estate, self.category, self.level, self.text, self.channel, self.household)
        theirs = (
            standing.estate,
            standing.category,
            standing.level,
            standing.text,
            standing.channel,
            standing.household,
        )
        return mine == theirs and self.building in (None, standing.building)


@dataclass(frozen=True)
class Receiver:
    """A steward or manager who can be accountable."""

    code: str
    role: str
    buildings: frozenset[str]


def policy_level(level: str) -> str:
    """The level a policy is looked up by."""
    return _POLICY_LEVELS.get(level, NORMAL)


def accountable_for(caller: Caller, receivers: Sequence[Receiver], building: str | None) -> str | None:
    """Who answers for the complaint: the one who took it, or for an owner's own filing the building's steward (A4).

    Without a steward the estate's manager; without either nobody yet, which the alarms bring to light.
    """
    if not caller.is_owner:
        return caller.sub
    stewards = [person.code for person in receivers if person.role == "steward" and building in person.buildings]
    managers = [person.code for person in receivers if person.role == "estate_manager"]
    return next(iter(stewards + managers), None)


def open_complaint(
    new: NewComplaint,
    building: str | None,
    accountable: str | None,
    policy: Policy,
    now: datetime,
    calendar: WorkingCalendar,
) -> Complaint:
    """A registered complaint with its four promises."""
    return Complaint(
        id=new.request_id,
        estate=new.estate,
        building=building,
        household=new.household,
        category=new.category,
        level=new.level,
        text=new.text,
        channel=new.channel,
        status="registered",
        accountable=accountable,
        handler=None,
        round=1,
        created_at=now,
        received_at=now,
        respond_minutes=policy.respond_minutes,
        resolve_minutes=policy.resolve_minutes,
        respond_days=policy.respond_days,
        resolve_days=policy.resolve_days,
        responded_at=None,
        resolved_at=None,
        closed_at=None,
        **_dates(promises(policy, now, calendar)),
    )


class Dates(TypedDict):
    """The fields of a complaint that say what is promised until when."""

    respond_target_by: datetime
    resolve_target_by: datetime
    respond_commitment_on: date
    respond_commitment_by: datetime
    resolve_commitment_on: date
    resolve_commitment_by: datetime
    provisional_year: int | None


def _dates(promises: Promises) -> Dates:
    return Dates(
        respond_target_by=promises.respond_target_by,
        resolve_target_by=promises.resolve_target_by,
        respond_commitment_on=promises.respond.day,
        respond_commitment_by=promises.respond.until,
        resolve_commitment_on=promises.resolve.day,
        resolve_commitment_by=promises.resolve.until,
        provisional_year=promises.provisional_year,
    )


def recomputed(complaint: Complaint, calendar: WorkingCalendar) -> Complaint:
    """The same complaint under what is known of working days now (H2)."""
    return replace(complaint, **_dates(promises(complaint.policy, complaint.received_at, calendar)))


def require_lawful(complaint: Complaint, action: ComplaintAction, text: str | None) -> ComplaintStatus:
    """Where `action` leads. Invalid for an answer without words, Conflict naming the state.

    Closing needs responded and resolved before: nobody closes on a complainant who was not answered.
    """
    steps = TRANSITIONS_WHEN_REOPENED if complaint.round > 1 else TRANSITIONS
    if action in NEEDS_TEXT and text is None:
        raise Invalid("An answer needs a text.", [{"loc": "text", "msg": "missing"}])
    if complaint.status not in steps[action]:
        possible = [name for name, sources in steps.items() if complaint.status in sources]
        raise Conflict(
            f"The complaint is {complaint.status}: {action} is not possible now; allowed: {', '.join(possible)}."
        )
    return steps[action][complaint.status]


def act(
    complaint: Complaint, action: ComplaintAction, text: str | None, by: str, at: datetime, calendar: WorkingCalendar
) -> Complaint:
    """The complaint after a lawful `action` by `by`."""
    after = replace(complaint, status=require_lawful(complaint, action, text))
    if action == "close":
        return replace(after, closed_at=at)
    if action == "reopen":
        again = replace(after, received_at=at, round=complaint.round + 1)
        return recomputed(replace(again, responded_at=None, resolved_at=None, closed_at=None), calendar)
    with_answer = replace(after, handler=by, responded_at=complaint.responded_at or at)
    return replace(with_answer, resolved_at=at) if action == "resolve" else with_answer


def outcome_of(complaint: Complaint, stage: Stage, clock: ComplaintClock) -> Outcome | None:
    """met or breached once the stage is done, None before."""
    done_at = complaint.done_at(stage)
    return None if done_at is None else outcome(done_at, complaint.due_at(stage, clock))


def is_late(complaint: Complaint, stage: Stage, clock: ComplaintClock, now: datetime) -> bool:
    """Whether a stage still to be done is past its promise."""
    return is_overdue(complaint.due_at(stage, clock), complaint.done_at(stage), now)


def planned_alarms(complaint: Complaint, chain: Sequence[Escalation]) -> list[Alarm]:
    """Every step of the chain for the stages still to be done."""
    minutes: dict[Stage, int] = {"respond": complaint.respond_minutes, "resolve": complaint.resolve_minutes}
    return [
        Alarm(complaint.round, stage, step.step, step.clock, step.level, step.role, due, at)
        for stage in minutes
        if complaint.done_at(stage) is None
        for step in chain
        for due in [complaint.due_at(stage, step.clock)]
        for at in [alarm_at(step, complaint.received_at, minutes[stage], complaint.due_at(stage, COMMITMENT))]
    ]
