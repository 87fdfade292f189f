"""STORE of limits and alarms: policy rows, planned and raised alarms, figures per estate."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.workorders.orders.tables import late
from services.workorders.sla.rules import Alarm, Escalation, Policy
from services.workorders.tables import estate, sla_alarm, sla_escalation, sla_policy, work_order


@dataclass(frozen=True)
class DueAlarm(Alarm):
    """An alarm whose time has come, and the order it is about."""

    order_id: UUID
    estate: str
    category: str


@dataclass(frozen=True)
class EstateCounts:
    """What the figures of one estate are made of; `…_met` of `…_done` were in time."""

    estate: str
    open: int
    respond_late: int
    resolve_late: int
    respond_done: int
    respond_met: int
    resolve_done: int
    resolve_met: int


def policies(session: Session) -> list[Policy]:
    """Every row; there are few."""
    columns = (sla_policy.c[name] for name in Policy.__dataclass_fields__)
    return [Policy(**row._asdict()) for row in session.execute(select(*columns))]


def chain(session: Session) -> list[Escalation]:
    """The escalation chain in its order."""
    columns = (sla_escalation.c[name] for name in Escalation.__dataclass_fields__)
    return [Escalation(**row._asdict()) for row in session.execute(select(*columns).order_by(sla_escalation.c.step))]


def replan(session: Session, order_id: UUID, alarms: Iterable[Alarm]) -> None:
    """Replace what was planned and not raised; an alarm that was raised stays and is not raised again."""
    session.execute(delete(sla_alarm).where(sla_alarm.c.order_id == order_id, sla_alarm.c.raised_at.is_(None)))
    rows = [{"order_id": order_id, **asdict(alarm)} for alarm in alarms]
    if rows:
        session.execute(insert(sla_alarm).values(rows).on_conflict_do_nothing())


def claim_due(session: Session, now: datetime, limit: int) -> list[DueAlarm]:
    """Alarms whose time has come, locked; those another replica holds are skipped."""
    planned = (sla_alarm.c[field.name] for field in fields(Alarm))
    query = (
        select(*planned, sla_alarm.c.order_id, work_order.c.estate, work_order.c.category)
        .join(work_order, work_order.c.id == sla_alarm.c.order_id)
        .where(sla_alarm.c.raised_at.is_(None), sla_alarm.c.alarm_at <= now)
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
            sla_alarm.c.order_id == alarm.order_id,
            sla_alarm.c.round == alarm.round,
            sla_alarm.c.stage == alarm.stage,
            sla_alarm.c.step == alarm.step,
        )
        .values(raised_at=now)
    )


def counts(session: Session, estates: Iterable[str] | None, now: datetime, since: datetime) -> list[EstateCounts]:
    """Per known estate (zeros included): open and late now, done since `since` and in time."""
    order = work_order.c
    responded, resolved = order.responded_at >= since, order.resolved_at >= since
    columns = (
        func.count(order.id).filter(order.closed_at.is_(None)),
        func.count(order.id).filter(late("respond", now)),
        func.count(order.id).filter(late("resolve", now)),
        func.count(order.id).filter(responded),
        func.count(order.id).filter(responded, order.respond_outcome == "met"),
        func.count(order.id).filter(resolved),
        func.count(order.id).filter(resolved, order.resolve_outcome == "met"),
    )
    recent = or_(order.closed_at.is_(None), order.closed_at >= since)
    query = (
        select(estate.c.code, *columns)
        .outerjoin(work_order, (order.estate == estate.c.code) & recent)
        .group_by(estate.c.code)
        .order_by(estate.c.code)
    )
    if estates is not None:
        query = query.where(estate.c.code.in_(list(estates)))
    return [EstateCounts(*row) for row in session.execute(query)]


def late_per_estate(session: Session, now: datetime) -> list[tuple[str, int, int]]:
    """(estate, late responses, late results) for every known estate, zeros included: a series must come back to 0."""
    order = work_order.c
    query = (
        select(
            estate.c.code,
            func.count(order.id).filter(late("respond", now)),
            func.count(order.id).filter(late("resolve", now)),
        )
        .outerjoin(work_order, (order.estate == estate.c.code) & order.closed_at.is_(None))
        .group_by(estate.c.code)
    )
    return [(code, respond, resolve) for code, respond, resolve in session.execute(query)]
