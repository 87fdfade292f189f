"""STORY of both clocks: raise alarms once, answer the figures (H2, J2)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from services.common.contracts.errors import NotFound
from services.common.contracts.events import ComplaintSlaAlarm
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.feedback.complaints.rules import KIND
from services.feedback.settings import settings
from services.feedback.sla import tables
from services.feedback.sla.rules import CLOCKS, STAGES
from services.feedback.surveys.rules import Tally
from services.feedback.surveys.tables import tallies


def raise_due_alarms(session: Session, now: datetime) -> int:
    """Raise what is due, each alarm once; returns how many. Several replicas share the work."""
    due = tables.claim_due(session, now, settings().complaint_alarm_batch)
    for alarm in due:
        told = ComplaintSlaAlarm(
            complaint_id=alarm.complaint_id,
            estate=alarm.estate,
            category=alarm.category,
            stage=alarm.stage,
            clock=alarm.clock,
            level=alarm.level,
            role=alarm.role,
            due_at=alarm.due_at,
        )
        record(session, told, aggregate=str(alarm.complaint_id), at=now)
        tables.mark_raised(session, alarm, now)
    return len(due)


def estate_figures(session: Session, caller: Caller, estate: str, now: datetime) -> dict[str, Any]:
    """Open and late complaints, shares in time, handling rate, CSAT (J2, H3); NotFound for no such estate."""
    caller.require(Permission.READ_FIGURES)
    caller.require_estate(estate)
    found, rated = _counts(session, frozenset({estate}), now)
    if not found:
        raise NotFound(f"There is no estate {estate}.")
    return {"estate": estate, **_figures(found, rated)}


def group_figures(session: Session, caller: Caller, now: datetime) -> dict[str, Any]:
    """The same over all estates in the caller's scope, and per estate."""
    caller.require(Permission.READ_GROUP_FIGURES)
    found, rated = _counts(session, caller.estate_filter(), now)
    return {**_figures(found, rated), "estates": [{"estate": one.estate, **_figures([one], rated)} for one in found]}


def overdue_rows(session: Session, now: datetime) -> Iterator[tuple[str, str, str, int]]:
    """(kind, stage, estate, late now) for the gauge; the commitment is a kind of its own."""
    for estate, late in tables.late_per_estate(session, now):
        for (stage, clock), number in late.items():
            yield KIND[clock], stage, estate, number


def _counts(
    session: Session, estates: frozenset[str] | None, now: datetime
) -> tuple[list[tables.EstateCounts], dict[str, Tally]]:
    since = now - timedelta(days=settings().complaint_figures_days)
    return tables.counts(session, estates, now, since), tallies(session, estates, since)


def _figures(found: Sequence[tables.EstateCounts], rated: dict[str, Tally]) -> dict[str, Any]:
    tally = sum((rated[one.estate] for one in found if one.estate in rated), Tally())
    return {
        "open": sum(one.open for one in found),
        "overdue": {clock: {stage: _late(found, stage, clock) for stage in STAGES} for clock in CLOCKS},
        "within_limit": {clock: {stage: _in_time(found, stage, clock) for stage in STAGES} for clock in CLOCKS},
        "handling_rate": _share(sum(one.handled for one in found), sum(one.received for one in found)),
        "csat": tally.csat,
        "survey": tally.as_result(),
        "window_days": settings().complaint_figures_days,
    }


def _late(found: Sequence[tables.EstateCounts], stage: str, clock: str) -> int:
    return sum(one.late[stage, clock] for one in found)


def _in_time(found: Sequence[tables.EstateCounts], stage: str, clock: str) -> float | None:
    return _share(sum(one.met[stage, clock] for one in found), sum(one.done[stage, clock] for one in found))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
