"""STORY of the closure programme (画句号工程, D6): enrol an estate's old arrears, meet the owners, move cases on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.closure import queries, rules, views
from services.billing.collections.closure.queries import AppointmentRecord, CaseState, StageSums
from services.billing.collections.closure.rules import Stage
from services.billing.collections.closure.tables import (
    closure_programme,
)
from services.billing.collections.dunning.claims_sql import owing_but_in_credit
from services.billing.portfolio.stewards.handlers import require_staff
from services.billing.portfolio.tables import Estate, find_estate, find_household
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.closure import (
    Appointment,
    CaseStatus,
    ClosureCase,
    ClosureCaseSummary,
    HeldAppointment,
    MeetingOutcome,
    MeetingResult,
    Programme,
    Progress,
)
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import SHANGHAI, business_date
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.once import by_id, insert_once, same_request
from services.common.paging import page, position

log = get_logger(__name__)


def start_programme(
    session: Session, caller: Caller, request_id: UUID, estate: str, as_of: date, now: datetime
) -> Programme:
    """Enrol every household of the estate with a bill more than a year overdue; a second run enrols only new ones.

    NotFound, Forbidden, Conflict (id used for another run), Invalid (a day to come).
    """
    caller.require(Permission.START_CLOSURE)
    home = find_estate(session, caller, estate)
    if as_of > business_date(now):
        raise Invalid("This day has not come yet.", [{"loc": "as_of", "msg": "today or before"}])
    queries.lock_programme(session, home.id)
    row = {"estate_id": home.id, "as_of": as_of, "requested_by": caller.sub}
    if insert_once(session, closure_programme, {"id": request_id, "created_at": now, **row}):
        _enrol(session, request_id, home, as_of, caller.sub, now)
    programme = same_request("programme", by_id(session, closure_programme, request_id), row)
    return Programme(id=request_id, estate=estate, as_of=as_of, enrolled=programme.enrolled, bills=programme.bills)


def _enrol(session: Session, programme_id: UUID, home: Estate, as_of: date, by: str, now: datetime) -> None:
    days, _ = queries.policy_of(session, home.id)
    first = queries.stages_of(session, home.id)[0]
    key = {"id": programme_id, "estate_id": home.id, "as_of": as_of, "days": days, "stage": first.code}
    key["in_credit"] = owing_but_in_credit(session, [home.code], as_of)
    counts = vars(queries.enrol(session, {**key, "by": by, "now": now}))
    log.info("closure programme", extra={"programme_id": programme_id, **counts})


@dataclass(frozen=True)
class Cut:
    """Which cases a list shows."""

    estate: str | None = None
    steward: str | None = None
    stage: str | None = None
    status: CaseStatus | None = None


def list_cases(
    session: Session, caller: Caller, cut: Cut, limit: int, cursor: str | None, today: date
) -> Page[ClosureCaseSummary]:
    """Cases in the caller's scope, by steward for the worklist, paged. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_CLOSURE)
    scope = caller.estate_filter(cut.estate)
    after = (position(cursor, int) or (0,))[0]
    filters = {"steward": cut.steward, "stage": cut.stage, "status": cut.status, "after": after, "limit": limit + 1}
    estates = None if scope is None else sorted(scope)
    rows = queries.cases(session, filters | {"estates": estates, "as_of": today})
    cases, next_cursor = page(rows, limit, lambda row: [row.id])
    stages = {estate_id: queries.stages_of(session, estate_id) for estate_id in {row.estate_id for row in cases}}
    return Page(items=[_summary(case, stages[case.estate_id], today) for case in cases], next_cursor=next_cursor)


def get_case(session: Session, caller: Caller, household: str, today: date) -> ClosureCase:
    """A case with its bills, history and appointments. NotFound, Forbidden."""
    caller.require(Permission.READ_CLOSURE)
    case = _case(session, caller, household, today)
    return ClosureCase(
        **_summary(case, queries.stages_of(session, case.estate_id), today),
        bills=[views.bill(record) for record in queries.bills(session, case.id)],
        history=[views.event(record) for record in queries.events(session, case.id)],
        appointments=[views.appointment(record, household) for record in queries.appointments(session, case.id)],
    )


@dataclass(frozen=True)
class Meeting:
    """When and where who meets the owner."""

    at: datetime
    place: str
    who: str


def make_appointment(
    session: Session, caller: Caller, request_id: UUID, household: str, meeting: Meeting, now: datetime
) -> Appointment:
    """Plan to meet the owner, on any day of the week within the contact window and under the cap; the same request
    answers the same. Conflict names the next possible time; it is also the answer for a closed or paused case (a fix of
    our service is never paused). Invalid (a time gone by, or without offset; nobody of the estate), NotFound,
    Forbidden."""
    caller.require(Permission.MEET_OWNER)
    _case(session, caller, household, business_date(now))
    queries.lock_case(session, household)
    case = _case(session, caller, household, business_date(now))
    row = {"case_id": case.id, **asdict(meeting)}
    if queries.appointment(session, request_id) is None:
        require_staff(session, caller, case.estate_id, meeting.who, "who")
        _check(session, case, meeting.at, now)
        appointment_row = {"id": request_id, "stage": case.stage, "made_by": caller.sub}
        queries.add_appointment(session, appointment_row | row)
    appointment = same_request("appointment", queries.appointment(session, request_id), row)
    return views.appointment(appointment, household)


def record_outcome(
    session: Session, caller: Caller, appointment_id: UUID, result: MeetingResult, note: str | None, now: datetime
) -> HeldAppointment:
    """Record how a meeting went; the case may move to the next stage by it. The same again changes nothing.

    A paused case records what happened and stays where it is. NotFound, Forbidden, Conflict (another outcome is on
    record).
    """
    caller.require(Permission.MEET_OWNER)
    household = queries.household_of(session, appointment_id)
    if household is None:
        raise NotFound("There is no such appointment.")
    today = business_date(now)
    _case(session, caller, household, today)
    queries.lock_case(session, household)
    case, appointment = _case(session, caller, household, today), _appointment(session, appointment_id)
    if appointment.outcome is not None:
        if (appointment.outcome, appointment.note) != (result, note):
            raise Conflict("Another outcome of this appointment is on record.")
        return HeldAppointment(**views.appointment(appointment, household), case_stage=case.stage, advanced=False)
    outcome_row = {"outcome": result, "note": note, "recorded_by": caller.sub, "recorded_at": now}
    queries.settle_appointment(session, appointment_id, outcome_row)
    stage = case.stage if result == "cancelled" else _move(session, case, result, note, caller, now)
    appointment_view = views.appointment(_appointment(session, appointment_id), household)
    return HeldAppointment(**appointment_view, case_stage=stage, advanced=stage != case.stage)


def progress(session: Session, caller: Caller, estate: str | None, today: date) -> Page[Progress]:
    """How far each estate in scope is. Forbidden."""
    caller.require(Permission.READ_CLOSURE)
    scope = caller.estate_filter(estate)
    rows = queries.progress(session, None if scope is None else sorted(scope), today)
    by_estate = groupby(rows, key=lambda row: row.estate)
    return Page(items=[_progress(code, list(sums)) for code, sums in by_estate], next_cursor=None)


def _progress(estate: str, rows: Sequence[StageSums]) -> Progress:
    def cases(status: CaseStatus) -> int:
        return sum(row.cases for row in rows if row.status == status)

    by_stage: Counter[str] = Counter()
    for row in rows:
        if row.status != "closed":
            by_stage[row.stage] += row.cases
    return Progress(
        estate=estate,
        enrolled=sum(row.cases for row in rows),
        active=cases("active"),
        paused=cases("paused"),
        closed=cases("closed"),
        enrolled_fen=sum(row.enrolled_fen for row in rows),
        recovered_fen=sum(row.recovered_fen for row in rows),
        open_fen=sum(row.open_fen for row in rows),
        by_stage=dict(by_stage),
    )


def _move(
    session: Session, case: CaseState, outcome: MeetingOutcome, note: str | None, caller: Caller, now: datetime
) -> str:
    """Write the outcome into the case's history, with the stage from then on."""
    today, stages = business_date(now), queries.stages_of(session, case.estate_id)
    current = _stage(stages, case.stage)
    following = None
    if current is not None and case.status == "active":
        following = rules.next_stage(stages, current, outcome, case.stage_since, today, case.cause)
    stage = following.code if following else case.stage
    if following:
        queries.move_case(session, case.id, stage, today)
    event_row = {"case_id": case.id, "happened_on": today, "stage": stage, "outcome": outcome, "note": note}
    queries.add_event(session, event_row | {"recorded_by": caller.sub, "recorded_at": now})
    return stage


def _check(session: Session, case: CaseState, at: datetime, now: datetime) -> None:
    if at <= now:
        raise Invalid("The time has gone by.", [{"loc": "at", "msg": "a time to come"}])
    stage = _stage(queries.stages_of(session, case.estate_id), case.stage)
    mends = stage is not None and stage.after_outcome == rules.SERVICE_PROBLEM
    if case.status == "closed" or (case.status == "paused" and not mends):
        raise Conflict(f"The case is {case.status}: {_why(case)}.")
    others = [
        appointment.at for appointment in queries.appointments(session, case.id) if appointment.outcome != "cancelled"
    ]
    _, policy = queries.policy_of(session, case.estate_id)
    free = rules.next_possible(at, others, policy)
    if free != at:
        first = free.astimezone(SHANGHAI).isoformat()
        raise Conflict(
            f"Outside the contact window or above the cap; the next possible time is {first}.",
            [{"loc": "at", "msg": f"next possible: {first}"}],
        )


def _why(case: CaseState) -> str:
    if case.status == "closed":
        return "nothing it was enrolled for is open"
    return "a complaint is open" if case.complaint else "an instalment plan is performing"


def _case(session: Session, caller: Caller, household: str, today: date) -> CaseState:
    find_household(session, caller, household)
    cases = queries.cases(session, {"household": household, "as_of": today})
    if not cases:
        raise NotFound(f"Household {household} is not in the closure programme.")
    return cases[0]


def _appointment(session: Session, appointment_id: UUID) -> AppointmentRecord:
    appointment = queries.appointment(session, appointment_id)
    if appointment is None:
        raise NotFound("There is no such appointment.")
    return appointment


def _stage(stages: Sequence[Stage], code: str) -> Stage | None:
    """None when the policy no longer has the stage: the case stays in it until somebody decides."""
    return next((stage for stage in stages if stage.code == code), None)


def _summary(case: CaseState, stages: Sequence[Stage], today: date) -> ClosureCaseSummary:
    stage = _stage(stages, case.stage)
    return views.summary(case, rules.stage_ends(stage, case.stage_since) if stage else None, today)
