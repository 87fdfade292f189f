"""SIGNALS of service clocks (J2), shared by every kind of promise. No household and no person in a label.

Counters and histograms move when the transition that decides them has been committed, and only then: a rolled-back or
repeated transition counts nothing. What is overdue is asked of the database at each scrape, so it is right after a
restart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter, Histogram, Metric
from sqlalchemy.orm import Session

from services.common.contracts.answers.sla import Outcome
from services.common.observability.committed import when_committed
from services.common.observability.metrics import gauge

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
    when_committed(session, lambda: _observe(stop))


def _observe(stop: Stop) -> None:
    OUTCOMES.labels(stop.kind, stop.stage, stop.estate, stop.outcome).inc()
    if stop.took is not None:
        STAGES[stop.stage].labels(stop.kind, stop.estate, stop.category).observe(stop.took.total_seconds())


def overdue_gauge(rows: Iterable[tuple[str, str, str, int]]) -> Metric:
    """`estateloop_sla_overdue` from (kind, stage, estate, how many are late now)."""
    samples = ((where, late) for *where, late in rows)
    return gauge("estateloop_sla_overdue", "Late at this moment", ["kind", "stage", "estate"], samples)
