"""STORE of policy and alarms, and the counts that figures are made of."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.answers.complaints import ComplaintClock
from services.common.contracts.answers.sla import Stage
from services.feedback.sla.rules import CLOCKS, STAGES, Alarm, Escalation, Policy
from services.feedback.tables import complaint, estate, sla_alarm, sla_escalation, sla_policy

Cell = tuple[Stage, ComplaintClock]
CELLS: list[Cell] = [(stage, clock) for clock in CLOCKS for stage in STAGES]


@dataclass(frozen=True)
class DueAlarm(Alarm):
    """An alarm whose time has come, and the complaint it is about."""

    complaint_id: UUID
    estate: str
    category: str


@dataclass(frozen=True)
class EstateCounts:
    """Counts of one estate; the dictionaries are keyed by (stage, clock); `met` of `done` were in time."""

    estate: str
    open: int
    received: int
    handled: int
    late: dict[Cell, int]
    done: dict[Cell, int]
    met: dict[Cell, int]


def policies(session: Session) -> list[Policy]:
    """Every row; there are few."""
    columns = (sla_policy.c[name] for name in Policy.__dataclass_fields__)
    return [Policy(**row._asdict()) for row in session.execute(select(*columns))]


def chain(session: Session) -> list[Escalation]:
    """The escalation chain in its order."""
    columns = (sla_escalation.c[name] for name in Escalation.__dataclass_fields__)
    return [Escalation(**row._asdict()) for row in session.execute(select(*columns).order_by(sla_escalation.c.step))]


def replan(session: Session, complaint_id: UUID, alarms: Iterable[Alarm]) -> None:
    """Replace what was planned and not raised; an alarm that was raised stays and is not raised again."""
    waiting = (sla_alarm.c.complaint_id == complaint_id, sla_alarm.c.raised_at.is_(None))
    session.execute(delete(sla_alarm).where(*waiting))
    rows = [{"complaint_id": complaint_id, **asdict(alarm)} for alarm in alarms]
    if rows:
        session.execute(insert(sla_alarm).values(rows).on_conflict_do_nothing())


def claim_due(session: Session, now: datetime, limit: int) -> list[DueAlarm]:
    """Alarms whose time has come, locked; those another replica holds are skipped."""
    planned = (sla_alarm.c[field.name] for field in fields(Alarm))
    query = (
        select(*planned, sla_alarm.c.complaint_id, complaint.c.estate, complaint.c.category)
        .join(complaint, complaint.c.id == sla_alarm.c.complaint_id)
        .where(sla_alarm.c.raised_at.is_(None), sla_alarm.c.alarm_at < now)
        .order_by(sla_alarm.c.alarm_at)
        .limit(limit)
        .with_for_update(of=sla_alarm, skip_locked=True)
    )
    return [DueAlarm(**row._mapping) for row in session.execute(query)]


def mark_raised(session: Session, alarm: DueAlarm, now: datetime) -> None:
    """This alarm is never raised again."""
    session.execute(
        update(sla_alarm)
        .where(
            sla_alarm.c.complaint_id == alarm.complaint_id,
            sla_alarm.c.round == alarm.round,
            sla_alarm.c.stage == alarm.stage,
            sla_alarm.c.step == alarm.step,
        )
        .values(raised_at=now)
    )


def _done(stage: Stage) -> ColumnElement[datetime]:
    return complaint.c.responded_at if stage == "respond" else complaint.c.resolved_at


def _due(stage: Stage, clock: ComplaintClock) -> ColumnElement[datetime]:
    return complaint.c[f"{stage}_{clock}_by"]


def _late(stage: Stage, clock: ComplaintClock, now: datetime) -> ColumnElement[bool]:
    """The SQL of `complaints.rules.is_late`; a test holds the two equal."""
    return and_(_done(stage).is_(None), _due(stage, clock) < now)


def counts(session: Session, estates: Iterable[str] | None, now: datetime, since: datetime) -> list[EstateCounts]:
    """Per known estate (zeros included): open and late now; received, handled and done since `since`."""
    number = func.count(complaint.c.id)
    fresh = complaint.c.created_at >= since
    late = [number.filter(_late(*cell, now)) for cell in CELLS]
    done = [number.filter(_done(stage) >= since) for stage, _ in CELLS]
    met = [number.filter(_done(stage) >= since, _done(stage) <= _due(stage, clock)) for stage, clock in CELLS]
    still_open = complaint.c.closed_at.is_(None)
    columns = (
        number.filter(still_open),
        number.filter(fresh),
        number.filter(fresh, complaint.c.resolved_at.is_not(None)),
    )
    query = (
        select(estate.c.code, *columns, *late, *done, *met)
        .outerjoin(complaint, (complaint.c.estate == estate.c.code) & or_(still_open, complaint.c.closed_at >= since))
        .group_by(estate.c.code)
        .order_by(estate.c.code)
    )
    if estates is not None:
        query = query.where(estate.c.code.in_(list(estates)))
    return [_counted(*row) for row in session.execute(query)]


def _counted(code: str, open_now: int, received: int, handled: int, *cells: int) -> EstateCounts:
    size = len(CELLS)
    late, done, met = (dict(zip(CELLS, cells[start : start + size], strict=True)) for start in (0, size, 2 * size))
    return EstateCounts(code, open_now, received, handled, late, done, met)


def late_per_estate(session: Session, now: datetime) -> list[tuple[str, dict[Cell, int]]]:
    """(estate, late by (stage, clock)) for every known estate, zeros included: a series must come back to 0."""
    late = [func.count(complaint.c.id).filter(_late(*cell, now)) for cell in CELLS]
    query = (
        select(estate.c.code, *late)
        .outerjoin(complaint, (complaint.c.estate == estate.c.code) & complaint.c.closed_at.is_(None))
        .group_by(estate.c.code)
    )
    return [(code, dict(zip(CELLS, cells, strict=True))) for code, *cells in session.execute(query)]
