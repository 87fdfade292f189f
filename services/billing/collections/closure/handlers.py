"""STORY of the closure programme (画句号工程, D6): enrol an estate's old arrears, meet the owners, move cases on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.collections.closure import queries, rules
from services.billing.collections.closure.rules import Outcome, Stage
from services.billing.collections.closure.tables import closure_appointment, closure_programme
from services.billing.portfolio.tables import find_estate, find_household
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import SHANGHAI, business_date
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.once import by_id, insert_once, same_request
from services.common.paging import page, position

log = get_logger(__name__)
Status = Literal["active", "paused", "closed"]
Result = Literal["promised", "fixed", "refused", "not_reached", "service_problem", "cancelled"]


def start_programme(
    session: Session, caller: Caller, request_id: UUID, estate: str, as_of: date, now: datetime
) -> dict[str, Any]:
    """Enrol every household of the estate with a bill more than a year overdue; a second run enrols only new ones.

    `{id, estate, as_of, enrolled, bills}`: cases begun (or begun again) and bills added by this run. NotFound,
    Forbidden, Conflict (id used for another run), Invalid (a day to come).
    """
    caller.require(Permission.START_CLOSURE)
    home = find_estate(session, caller, estate)
    if as_of > business_date(now):
        raise Invalid("This day has not come yet.", [{"loc": "as_of", "msg": "today or before"}])
    queries.lock_programme(session, home.id)
    row = {"estate_id": home.id, "as_of": as_of, "requested_by": caller.sub}
    if insert_once(session, closure_programme, {"id": request_id, "created_at": now, **row}):
        _enrol(session, request_id, row, now)
    kept = same_request("programme", by_id(session, closure_programme, request_id), row)
    return {
        "id": str(request_id),
        "estate": estate,
        "as_of": as_of,
        "enrolled": kept.enrolled,
        "bills": kept.bills,
    }


def _enrol(session: Session, programme_id: UUID, row: dict[str, Any], now: datetime) -> None:
    days, _ = queries.policy_of(session, row["estate_id"])
    first = queries.stages_of(session, row["estate_id"])[0]
    key = {"id": programme_id, "days": days, "stage": first.code, "by": row["requested_by"], "now": now}
    counts = queries.enrol(session, key | {"estate_id": row["estate_id"], "as_of": row["as_of"]})
    log.info("closure programme", extra={"programme_id": programme_id, **counts})


@dataclass(frozen=True)
class Cut:
    """Which cases a list shows."""

    estate: str | None = None
    steward: str | None = None
    stage: str | None = None
    status: Status | None = None


def list_cases(
    session: Session, caller: Caller, cut: Cut, limit: int, cursor: str | None, today: date
) -> dict[str, Any]:
    """Cases in the caller's scope, by steward for the worklist, paged. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_CLOSURE)
    scope = caller.estate_filter(cut.estate)
    after = (position(cursor, int) or (0,))[0]
    wanted = {"steward": cut.steward, "stage": cut.stage, "status": cut.status, "after": after, "limit": limit + 1}
    estates = None if scope is None else sorted(scope)
    rows = queries.cases(session, wanted | {"estates": estates, "as_of": today})
    shown, next_cursor = page(rows, limit, lambda row: [row.id])
    stages = {estate_id: queries.stages_of(session, estate_id) for estate_id in {row.estate_id for row in shown}}
    return {"items": [_shown(row, stages[row.estate_id], today) for row in shown], "next_cursor": next_cursor}


def get_case(session: Session, caller: Caller, household: str, today: date) -> dict[str, Any]:
    """A case with its bills, history and appointments. NotFound, Forbidden."""
    caller.require(Permission.READ_CLOSURE)
    row = _case(session, caller, household, today)
    told = ("happened_on", "stage", "outcome", "note", "recorded_by", "recorded_at")
    return _shown(row, queries.stages_of(session, row.estate_id), today) | {
        "bills": [
            {"bill_id": bill.bill_id, "added_on": bill.added_on, "open_fen": bill.open_fen}
            for bill in queries.bills(session, row.id)
        ],
        "history": [{name: getattr(event, name) for name in told} for event in queries.events(session, row.id)],
        "appointments": [_meeting(one, household) for one in queries.appointments(session, row.id)],
    }


@dataclass(frozen=True)
class Meeting:
    """When and where who meets the owner."""

    at: datetime
    place: str
    who: str


def make_appointment(
    session: Session, caller: Caller, request_id: UUID, household: str, wanted: Meeting, now: datetime
) -> dict[str, Any]:
    """Plan to meet the owner, on any day of the week within the contact window and under the cap; the same request
    answers the same. Conflict names the next possible time; it is also the answer for a closed or paused case (a fix of
    our service is never paused). Invalid (a time gone by, or without offset), NotFound, Forbidden."""
    caller.require(Permission.MEET_OWNER)
    _case(session, caller, household, business_date(now))
    queries.lock_case(session, household)
    case = _case(session, caller, household, business_date(now))
    row = {"case_id": case.id, **asdict(wanted)}
    if by_id(session, closure_appointment, request_id) is None:
        _check(session, case, wanted.at, now)
        made = {"id": request_id, "stage": case.stage, "made_by": caller.sub}
        queries.add_appointment(session, made | row)
    appointment = same_request("appointment", by_id(session, closure_appointment, request_id), row)
    return _meeting(appointment, household)


def record_outcome(
    session: Session, caller: Caller, appointment_id: UUID, result: Result, note: str | None, now: datetime
) -> dict[str, Any]:
    """Record how a meeting went; the case may move to the next stage by it. The same again changes nothing.

    A paused case records what happened and stays where it is. `{…appointment, case_stage, advanced}`. NotFound,
    Forbidden, Conflict (another outcome is on record).
    """
    caller.require(Permission.MEET_OWNER)
    found = by_id(session, closure_appointment, appointment_id)
    household = queries.household_of(session, appointment_id)
    if found is None or household is None:
        raise NotFound("There is no such appointment.")
    today = business_date(now)
    _case(session, caller, household, today)
    queries.lock_case(session, household)
    case, kept = _case(session, caller, household, today), by_id(session, closure_appointment, appointment_id)
    if kept is not None and kept.outcome is not None:
        if (kept.outcome, kept.note) != (result, note):
            raise Conflict("Another outcome of this appointment is on record.")
        return _meeting(kept, household) | {"case_stage": case.stage, "advanced": False}
    said = {"outcome": result, "note": note, "recorded_by": caller.sub, "recorded_at": now}
    queries.settle_appointment(session, appointment_id, said)
    stage = case.stage if result == "cancelled" else _move(session, case, result, note, caller, now)
    return _meeting(by_id(session, closure_appointment, appointment_id), household) | {
        "case_stage": stage,
        "advanced": stage != case.stage,
    }


def progress(session: Session, caller: Caller, estate: str | None, today: date) -> dict[str, Any]:
    """Per estate `{estate, enrolled, active, paused, closed, recovered_fen, open_fen, enrolled_fen, by_stage}`.

    The last counts cases that are not closed. Forbidden.
    """
    caller.require(Permission.READ_CLOSURE)
    scope = caller.estate_filter(estate)
    items: dict[str, dict[str, Any]] = {}
    for row in queries.progress(session, None if scope is None else sorted(scope), today):
        item = items.setdefault(row.estate, _nothing(row.estate))
        item["enrolled"] += row.cases
        item[row.status] += row.cases
        for name in ("recovered_fen", "open_fen", "enrolled_fen"):
            item[name] += getattr(row, name)
        if row.status != "closed":
            item["by_stage"][row.stage] = item["by_stage"].get(row.stage, 0) + row.cases
    return {"items": list(items.values())}


def _nothing(estate: str) -> dict[str, Any]:
    counts = dict.fromkeys(("enrolled", "active", "paused", "closed", "recovered_fen", "open_fen", "enrolled_fen"), 0)
    return {"estate": estate, **counts, "by_stage": {}}


def _move(session: Session, case: Row[Any], outcome: Outcome, note: str | None, caller: Caller, now: datetime) -> str:
    """Write the outcome into the case's history, with the stage from then on."""
    today, stages = business_date(now), queries.stages_of(session, case.estate_id)
    current = _stage(stages, case.stage)
    following = None
    if current is not None and case.status == "active":
        following = rules.next_stage(stages, current, outcome, case.stage_since, today, case.cause)
    stage = following.code if following else case.stage
    if following:
        queries.move_case(session, case.id, stage, today)
    told = {"case_id": case.id, "happened_on": today, "stage": stage, "outcome": outcome, "note": note}
    queries.add_event(session, told | {"recorded_by": caller.sub, "recorded_at": now})
    return stage


def _check(session: Session, case: Row[Any], at: datetime, now: datetime) -> None:
    if at <= now:
        raise Invalid("The time has gone by.", [{"loc": "at", "msg": "a time to come"}])
    stage = _stage(queries.stages_of(session, case.estate_id), case.stage)
    mends = stage is not None and stage.after_outcome == rules.SERVICE_PROBLEM
    if case.status == "closed" or (case.status == "paused" and not mends):
        raise Conflict(f"The case is {case.status}: {_why(case)}.")
    others = [one.at for one in queries.appointments(session, case.id) if one.outcome != "cancelled"]
    _, policy = queries.policy_of(session, case.estate_id)
    free = rules.next_possible(at, others, policy)
    if free != at:
        first = free.astimezone(SHANGHAI).isoformat()
        raise Conflict(
            f"Outside the contact window or above the cap; the next possible time is {first}.",
            [{"loc": "at", "msg": f"next possible: {first}"}],
        )


def _why(case: Row[Any]) -> str:
    if case.status == "closed":
        return "nothing it was enrolled for is open"
    return "a complaint is open" if case.complaint else "an instalment plan is performing"


def _case(session: Session, caller: Caller, household: str, today: date) -> Row[Any]:
    find_household(session, caller, household)
    found = queries.cases(session, {"household": household, "as_of": today})
    if not found:
        raise NotFound(f"Household {household} is not in the closure programme.")
    return found[0]


def _stage(stages: Sequence[Stage], code: str) -> Stage | None:
    """None when the policy no longer has the stage: the case stays in it until somebody decides."""
    return next((stage for stage in stages if stage.code == code), None)


def _shown(row: Row[Any], stages: Sequence[Stage], today: date) -> dict[str, Any]:
    names = ("household", "estate", "building", "steward", "cause", "enrolled_on", "stage", "stage_since", "status")
    sums = ("enrolled_fen", "recovered_fen", "open_fen")
    stage = _stage(stages, row.stage)
    due = rules.stage_ends(stage, row.stage_since) if stage else None
    return {name: getattr(row, name) for name in (*names, *sums)} | {
        "paused_by": [name for name in ("complaint", "plan") if getattr(row, name) and row.status == "paused"],
        "stage_due_on": due,
        "overdue": row.status == "active" and due is not None and due < today,
    }


def _meeting(row: Row[Any] | None, household: str) -> dict[str, Any]:
    if row is None:
        raise NotFound("There is no such appointment.")
    names = ("at", "place", "who", "stage", "made_by", "outcome", "note", "recorded_by", "recorded_at")
    return {"id": str(row.id), "household": household} | {name: getattr(row, name) for name in names}
