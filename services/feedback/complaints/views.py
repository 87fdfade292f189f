"""VIEWS: what callers see of a complaint, exactly as the contract's bodies have it."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.common.contracts.answers import complaints as answers
from services.common.contracts.answers.complaints import (
    ClockState,
    ComplaintClock,
    ComplaintClocks,
    ComplaintRecord,
    ComplaintStep,
    StageState,
)
from services.common.contracts.answers.sla import Stage
from services.feedback.complaints import rules, tables
from services.feedback.complaints.rules import Complaint
from services.feedback.complaints.tables import Step


def whole(session: Session, complaint: Complaint, now: datetime) -> ComplaintRecord:
    """The complaint with its history."""
    return {**item(complaint, now), "history": [_step(step) for step in tables.history(session, complaint.id)]}


def item(complaint: Complaint, now: datetime) -> answers.Complaint:
    """A complaint as a list shows it: everything but the history."""
    return answers.Complaint(
        id=complaint.id,
        estate=complaint.estate,
        building=complaint.building,
        household=complaint.household,
        category=complaint.category,
        level=complaint.level,
        text=complaint.text,
        channel=complaint.channel,
        status=complaint.status,
        accountable=complaint.accountable,
        handler=complaint.handler,
        round=complaint.round,
        created_at=complaint.created_at,
        responded_at=complaint.responded_at,
        resolved_at=complaint.resolved_at,
        closed_at=complaint.closed_at,
        clocks=_clocks(complaint, now),
    )


def _clocks(complaint: Complaint, now: datetime) -> ComplaintClocks:
    """Both clocks of both stages (H2): when each is due, and per stage and clock how it stands."""
    return ComplaintClocks(
        received_at=complaint.received_at,
        respond_target_by=complaint.respond_target_by,
        resolve_target_by=complaint.resolve_target_by,
        respond_commitment_by=complaint.respond_commitment_by,
        respond_commitment_on=complaint.respond_commitment_on,
        resolve_commitment_by=complaint.resolve_commitment_by,
        resolve_commitment_on=complaint.resolve_commitment_on,
        provisional=complaint.provisional_year is not None,
        respond=_stage(complaint, "respond", now),
        resolve=_stage(complaint, "resolve", now),
    )


def _stage(complaint: Complaint, stage: Stage, now: datetime) -> StageState:
    return StageState(
        target=_state(complaint, stage, "target", now), commitment=_state(complaint, stage, "commitment", now)
    )


def _state(complaint: Complaint, stage: Stage, clock: ComplaintClock, now: datetime) -> ClockState:
    return ClockState(
        outcome=rules.outcome_of(complaint, stage, clock), overdue=rules.is_late(complaint, stage, clock, now)
    )


def _step(step: Step) -> ComplaintStep:
    return ComplaintStep(
        action=step.action,
        from_status=step.from_status,
        to_status=step.to_status,
        by=step.by,
        recorded_by=step.recorded_by,
        at=step.at,
        text=step.text,
    )
