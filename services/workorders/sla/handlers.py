"""STORY of limits: raise alarms once, answer the figures (G2, J2)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.common.contracts.answers.sla import StageCounts, StageShares
from services.common.contracts.answers.work_orders import EstateOrderFigures, GroupOrderFigures, OrderFigures
from services.common.contracts.errors import NotFound
from services.common.contracts.events import WorkOrderSlaAlarm
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.workorders.orders.rules import KIND
from services.workorders.settings import settings
from services.workorders.sla import tables


def raise_due_alarms(session: Session, now: datetime) -> int:
    """Raise what is due, each alarm once; returns how many. Several replicas share the work."""
    due = tables.ALARMS.claim_due(session, tables.DueAlarm, now, settings().sla_alarm_batch)
    for alarm in due:
        event = WorkOrderSlaAlarm(
            work_order_id=alarm.order_id,
            estate=alarm.estate,
            category=alarm.category,
            stage=alarm.stage,
            level=alarm.level,
            role=alarm.role,
            due_at=alarm.due_at,
        )
        record(session, event, aggregate=str(alarm.order_id), at=now)
        tables.ALARMS.mark_raised(session, alarm, now)
    return len(due)


def estate_figures(session: Session, caller: Caller, estate: str, now: datetime) -> EstateOrderFigures:
    """Open orders, what is late now, share within limit of what was done lately (J2); NotFound for no such estate."""
    caller.require(Permission.READ_FIGURES)
    caller.require_estate(estate)
    figures = _counts(session, frozenset({estate}), now)
    if not figures:
        raise NotFound(f"There is no estate {estate}.")
    return _of_estate(figures[0])


def group_figures(session: Session, caller: Caller, now: datetime) -> GroupOrderFigures:
    """The same over all estates in the caller's scope, and per estate."""
    caller.require(Permission.READ_GROUP_FIGURES)
    figures = _counts(session, caller.estate_filter(), now)
    return {**_figures(figures), "estates": [_of_estate(counts) for counts in figures]}


def _of_estate(counts: tables.EstateCounts) -> EstateOrderFigures:
    return {"estate": counts.estate, **_figures([counts])}


def overdue_rows(session: Session, now: datetime) -> Iterator[tuple[str, str, str, int]]:
    """(kind, stage, estate, late now) for the gauge."""
    for estate, respond, resolve in tables.late_per_estate(session, now):
        yield KIND, "respond", estate, respond
        yield KIND, "resolve", estate, resolve


def _counts(session: Session, estates: frozenset[str] | None, now: datetime) -> list[tables.EstateCounts]:
    return tables.counts(session, estates, now, now - timedelta(days=settings().sla_figures_days))


def _figures(estates: list[tables.EstateCounts]) -> OrderFigures:
    return OrderFigures(
        open=sum(counts.open for counts in estates),
        overdue=StageCounts(
            respond=sum(counts.respond_late for counts in estates),
            resolve=sum(counts.resolve_late for counts in estates),
        ),
        within_limit=StageShares(
            respond=_share(
                sum(counts.respond_met for counts in estates), sum(counts.respond_done for counts in estates)
            ),
            resolve=_share(
                sum(counts.resolve_met for counts in estates), sum(counts.resolve_done for counts in estates)
            ),
        ),
        window_days=settings().sla_figures_days,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
