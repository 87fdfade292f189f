"""STORE of limits and alarms: policy rows, planned and raised alarms, figures per estate."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from services.common.narrowing import among
from services.common.sla.alarms import Alarms
from services.workorders.orders.tables import late
from services.workorders.sla.rules import Alarm, Escalation, Policy
from services.workorders.tables import estate, sla_alarm, sla_escalation, sla_policy, work_order

ALARMS = Alarms(sla_alarm, work_order, "order_id")


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


def counts(session: Session, estates: Collection[str] | None, now: datetime, since: datetime) -> list[EstateCounts]:
    """Per known estate (zeros included): open and late now, done since `since` and in time."""
    order = work_order.c
    in_response, in_resolution = order.responded_at >= since, order.resolved_at >= since
    columns = (
        func.count(order.id).filter(order.closed_at.is_(None)),
        func.count(order.id).filter(late("respond", now)),
        func.count(order.id).filter(late("resolve", now)),
        func.count(order.id).filter(in_response),
        func.count(order.id).filter(in_response, order.respond_outcome == "met"),
        func.count(order.id).filter(in_resolution),
        func.count(order.id).filter(in_resolution, order.resolve_outcome == "met"),
    )
    recent = or_(order.closed_at.is_(None), order.closed_at >= since)
    query = (
        select(estate.c.code, *columns)
        .outerjoin(work_order, (order.estate == estate.c.code) & recent)
        .where(among(estate.c.code, estates))
        .group_by(estate.c.code)
        .order_by(estate.c.code)
    )
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
