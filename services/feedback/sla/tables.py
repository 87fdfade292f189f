"""STORE of policy and alarms, and the counts that figures are made of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from services.common.contracts.answers.complaints import ComplaintClock
from services.common.contracts.answers.sla import Stage
from services.common.narrowing import among
from services.common.sla.alarms import Alarms
from services.feedback.sla.rules import CLOCKS, STAGES, Alarm, Escalation, Policy
from services.feedback.tables import complaint, estate, sla_alarm, sla_escalation, sla_policy

Cell = tuple[Stage, ComplaintClock]
CELLS: list[Cell] = [(stage, clock) for clock in CLOCKS for stage in STAGES]

ALARMS = Alarms(sla_alarm, complaint, "complaint_id", at_once=False)


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


def _done_at(stage: Stage) -> ColumnElement[datetime]:
    return complaint.c.responded_at if stage == "respond" else complaint.c.resolved_at


def _due(stage: Stage, clock: ComplaintClock) -> ColumnElement[datetime]:
    return complaint.c[f"{stage}_{clock}_by"]


def _late(stage: Stage, clock: ComplaintClock, now: datetime) -> ColumnElement[bool]:
    """The SQL of `complaints.rules.is_late`; a test holds the two equal."""
    return and_(_done_at(stage).is_(None), _due(stage, clock) < now)


def counts(session: Session, estates: Collection[str] | None, now: datetime, since: datetime) -> list[EstateCounts]:
    """Per known estate (zeros included): open and late now; received, handled and done since `since`."""
    number = func.count(complaint.c.id)
    fresh = complaint.c.created_at >= since
    late = [number.filter(_late(*cell, now)) for cell in CELLS]
    done_cells = [number.filter(_done_at(stage) >= since) for stage, _ in CELLS]
    met = [number.filter(_done_at(stage) >= since, _done_at(stage) <= _due(stage, clock)) for stage, clock in CELLS]
    still_open = complaint.c.closed_at.is_(None)
    columns = (
        number.filter(still_open),
        number.filter(fresh),
        number.filter(fresh, complaint.c.resolved_at.is_not(None)),
    )
    query = (
        select(estate.c.code, *columns, *late, *done_cells, *met)
        .outerjoin(complaint, (complaint.c.estate == estate.c.code) & or_(still_open, complaint.c.closed_at >= since))
        .where(among(estate.c.code, estates))
        .group_by(estate.c.code)
        .order_by(estate.c.code)
    )
    return [_counts_of(*row) for row in session.execute(query)]


def _counts_of(code: str, open_now: int, received: int, handled: int, *cells: int) -> EstateCounts:
    size = len(CELLS)
    late, done_by_cell, met = (
        dict(zip(CELLS, cells[start : start + size], strict=True)) for start in (0, size, 2 * size)
    )
    return EstateCounts(code, open_now, received, handled, late, done_by_cell, met)


def late_per_estate(session: Session, now: datetime) -> list[tuple[str, dict[Cell, int]]]:
    """(estate, late by (stage, clock)) for every known estate, zeros included: a series must come back to 0."""
    late = [func.count(complaint.c.id).filter(_late(*cell, now)) for cell in CELLS]
    query = (
        select(estate.c.code, *late)
        .outerjoin(complaint, (complaint.c.estate == estate.c.code) & complaint.c.closed_at.is_(None))
        .group_by(estate.c.code)
    )
    return [(code, dict(zip(CELLS, cells, strict=True))) for code, *cells in session.execute(query)]
