"""Prometheus figures of service clocks (J2), shared by every kind of promise. No household and no person in a label.

Counters and histograms move when the transition that decides them has been committed, and only then: a rolled-back or
repeated transition counts nothing. What is overdue is asked of the database at each
scrape, so it is right after a restart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import event
from sqlalchemy.orm import Session

from services.common.sla import Outcome

MINUTE, HOUR = 60, 3_600
BUCKETS = (
    *(5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR),
    *(12 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR, 168 * HOUR, 336 * HOUR),
)
RESPONSE = Histogram(
    "estateloop_response_seconds", "Time to the first response", ("kind", "estate", "category"), buckets=BUCKETS
)
RESOLUTION = Histogram(
    "estateloop_resolution_seconds",
    "Time to the result, pauses not counted",
    ("kind", "estate", "category"),
    buckets=BUCKETS,
)
OUTCOMES = Counter(
    "estateloop_sla_outcomes", "Promises kept (met) and broken (breached)", ("kind", "stage", "estate", "outcome")
)
STAGES = {"respond": RESPONSE, "resolve": RESOLUTION}
_PENDING = "sla_stops"


@dataclass(frozen=True)
class Stop:
    """A clock that stopped because the thing was done. `took` is None when the same time is observed elsewhere."""

    kind: str
    stage: str
    estate: str
    category: str
    outcome: Outcome
    took: timedelta | None


def count_on_commit(session: Session, stop: Stop) -> None:
    """Observe `stop` once, when `session` commits."""
    if _PENDING not in session.info:
        session.info[_PENDING] = []
        event.listen(session, "after_commit", _publish)
        event.listen(session, "after_soft_rollback", _forget)
    session.info[_PENDING].append(stop)


def _publish(session: Session) -> None:
    """Called by SQLAlchemy after the commit."""
    stops: list[Stop] = session.info[_PENDING]
    while stops:
        _observe(stops.pop())


def _forget(session: Session, *_previous: object) -> None:
    """Called by SQLAlchemy after a rollback: what was undone is not counted."""
    session.info[_PENDING].clear()


def _observe(stop: Stop) -> None:
    OUTCOMES.labels(stop.kind, stop.stage, stop.estate, stop.outcome).inc()
    if stop.took is not None:
        STAGES[stop.stage].labels(stop.kind, stop.estate, stop.category).observe(stop.took.total_seconds())


def overdue_gauge(rows: Iterable[tuple[str, str, str, int]]) -> GaugeMetricFamily:
    """`estateloop_sla_overdue` from (kind, stage, estate, how many are late now)."""
    family = GaugeMetricFamily("estateloop_sla_overdue", "Late at this moment", labels=("kind", "stage", "estate"))
    for kind, stage, estate, late in rows:
        family.add_metric([kind, stage, estate], late)
    return family
