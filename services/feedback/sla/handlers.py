"""STORY of both clocks: raise alarms once, answer the figures (H2, J2)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.common.contracts.answers.complaints import (
    ClockCounts,
    ClockShares,
    ComplaintClock,
    ComplaintFigures,
    EstateComplaintFigures,
    GroupComplaintFigures,
)
from services.common.contracts.answers.sla import StageCounts, StageShares
from services.common.contracts.errors import NotFound
from services.common.contracts.events import ComplaintSlaAlarm
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.feedback.complaints.rules import KIND
from services.feedback.settings import settings
from services.feedback.sla import tables
from services.feedback.surveys.rules import Tally
from services.feedback.surveys.tables import tallies


def raise_due_alarms(session: Session, now: datetime) -> int:
    """Raise what is due, each alarm once; returns how many. Several replicas share the work."""
    due = tables.ALARMS.claim_due(session, tables.DueAlarm, now, settings().complaint_alarm_batch)
    for alarm in due:
        event = ComplaintSlaAlarm(
            complaint_id=alarm.complaint_id,
            estate=alarm.estate,
            category=alarm.category,
            stage=alarm.stage,
            clock=alarm.clock,
            level=alarm.level,
            role=alarm.role,
            due_at=alarm.due_at,
        )
        record(session, event, aggregate=str(alarm.complaint_id), at=now)
        tables.ALARMS.mark_raised(session, alarm, now)
    return len(due)


def estate_figures(session: Session, caller: Caller, estate: str, now: datetime) -> EstateComplaintFigures:
    """Open and late complaints, shares in time, handling rate, CSAT (J2, H3); NotFound for no such estate."""
    caller.require(Permission.READ_FIGURES)
    caller.require_estate(estate)
    figures, tallies = _counts(session, frozenset({estate}), now)
    if not figures:
        raise NotFound(f"There is no estate {estate}.")
    return _of_estate(figures[0], tallies)


def group_figures(session: Session, caller: Caller, now: datetime) -> GroupComplaintFigures:
    """The same over all estates in the caller's scope, and per estate."""
    caller.require(Permission.READ_GROUP_FIGURES)
    figures, tallies = _counts(session, caller.estate_filter(), now)
    return {**_figures(figures, tallies), "estates": [_of_estate(counts, tallies) for counts in figures]}


def _of_estate(counts: tables.EstateCounts, tallies: dict[str, Tally]) -> EstateComplaintFigures:
    return {"estate": counts.estate, **_figures([counts], tallies)}


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


def _figures(estates: Sequence[tables.EstateCounts], tallies: dict[str, Tally]) -> ComplaintFigures:
    tally = sum((tallies[counts.estate] for counts in estates if counts.estate in tallies), Tally())
    return ComplaintFigures(
        open=sum(counts.open for counts in estates),
        overdue=ClockCounts(target=_late(estates, "target"), commitment=_late(estates, "commitment")),
        within_limit=ClockShares(target=_in_time(estates, "target"), commitment=_in_time(estates, "commitment")),
        handling_rate=_share(sum(counts.handled for counts in estates), sum(counts.received for counts in estates)),
        csat=tally.csat,
        survey=tally.as_result(),
        window_days=settings().complaint_figures_days,
    )


def _late(estates: Sequence[tables.EstateCounts], clock: ComplaintClock) -> StageCounts:
    return StageCounts(
        respond=sum(counts.late["respond", clock] for counts in estates),
        resolve=sum(counts.late["resolve", clock] for counts in estates),
    )


def _in_time(estates: Sequence[tables.EstateCounts], clock: ComplaintClock) -> StageShares:
    return StageShares(
        respond=_share_in_time(estates, ("respond", clock)), resolve=_share_in_time(estates, ("resolve", clock))
    )


def _share_in_time(estates: Sequence[tables.EstateCounts], cell: tables.Cell) -> float | None:
    return _share(sum(counts.met[cell] for counts in estates), sum(counts.done[cell] for counts in estates))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
