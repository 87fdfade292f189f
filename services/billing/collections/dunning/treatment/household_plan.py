"""STORY of the one plan per household (一户一策, D2): cause, what we put right and by when, who does what next.

A promise to put something right holds escalation from the moment it is recorded until it is kept or its deadline has
passed: fixed first. It is a hold like others, so it is on the same record (D3).
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.dunning.tables import set_cause
from services.billing.collections.dunning.treatment import tables
from services.billing.collections.dunning.treatment.tables import PlanRecord
from services.billing.holds import handlers as holds
from services.billing.portfolio.stewards.handlers import require_staff
from services.billing.portfolio.tables import find_household
from services.common.contracts.answers.dunning import HouseholdPlan
from services.common.contracts.answers.portfolio import Cause
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import add_months, business_date
from services.common.domain.permissions import Permission
from services.common.once import same_request

# so many months may a promise to put something right hold escalation
LONGEST_FIX = 12


@dataclass(frozen=True)
class PlanContent:
    """What is done about a household: `problem` with its `deadline` is what we promised to put right."""

    cause: Cause
    responsible: str
    next_action: str
    problem: str | None = None
    deadline: date | None = None
    note: str | None = None


def make_plan(
    session: Session, caller: Caller, household: str, request_id: UUID, content: PlanContent, now: datetime
) -> HouseholdPlan:
    """Put a plan in the place of the one before, which is kept; the household's cause becomes the plan's.

    Invalid (a problem without deadline, a deadline gone by, dissatisfied without a problem, nobody of the estate is
    responsible), Conflict, NotFound, Forbidden.
    """
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    tables.lock_household(session, household)
    request = {"made_by": caller.sub, **asdict(content)}
    record = tables.plan(session, request_id)
    if record is None:
        _check(content, business_date(now))
        require_staff(session, caller, row.estate_id, content.responsible, "responsible")
        before = tables.current_plan(session, row.id)
        record = tables.add_plan(session, row.id, {"id": request_id, **request}, now)
        _hold_for(session, household, before, record, now)
        set_cause(session, row.id, content.cause)
    return plan_view(same_request("plan", record, request | {"household_id": row.id}), household)


def problem_fixed(session: Session, caller: Caller, household: str, note: str, now: datetime) -> HouseholdPlan:
    """What was promised is done: escalation goes on. Saying it again changes nothing. Conflict, NotFound, Forbidden."""
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    tables.lock_household(session, household)
    current = tables.current_plan(session, row.id)
    if current is None or current.problem is None:
        raise Conflict("The household's plan names no problem to put right.")
    if current.fixed_at is None:
        current = tables.fix_problem(session, current.id, caller.sub, note, now)
        holds.release(session, "problem", current.id, household, now)
    return plan_view(current, household)


def plan_view(record: PlanRecord, household: str) -> HouseholdPlan:
    """A plan as people see it."""
    return HouseholdPlan(
        id=record.id,
        household=household,
        cause=record.cause,
        problem=record.problem,
        deadline=record.deadline,
        responsible=record.responsible,
        next_action=record.next_action,
        note=record.note,
        made_at=record.made_at,
        made_by=record.made_by,
        current=record.superseded_at is None,
        superseded_at=record.superseded_at,
        fixed_at=record.fixed_at,
        fixed_by=record.fixed_by,
        fixed_note=record.fixed_note,
    )


def _check(content: PlanContent, today: date) -> None:
    faults = []
    if (content.problem is None) != (content.deadline is None):
        faults.append({"loc": "deadline", "msg": "a problem has a deadline, and a deadline a problem"})
    if content.deadline is not None and content.deadline < today:
        faults.append({"loc": "deadline", "msg": "is over already"})
    if content.deadline is not None and content.deadline > (last := add_months(today, LONGEST_FIX)):
        faults.append({"loc": "deadline", "msg": f"must not be after {last}: nobody is asked to pay until then"})
    if content.cause == "dissatisfied" and content.problem is None:
        faults.append({"loc": "problem", "msg": "what is the owner dissatisfied with?"})
    if faults:
        raise Invalid("This is no plan.", faults)


def _hold_for(session: Session, household: str, before: PlanRecord | None, plan: PlanRecord, now: datetime) -> None:
    if before is not None and before.problem is not None and before.fixed_at is None:
        holds.release(session, "problem", before.id, household, now)
    promises = plan.problem is not None
    holds.hold(session, "problem", plan.id, household, now, holds_dunning=promises, until=plan.deadline)
