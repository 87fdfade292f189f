"""SIGNALS of payments: counters that move when the transaction that caused them has committed, and not before."""

from prometheus_client import Counter
from sqlalchemy.orm import Session

from services.common.observability.committed import when_committed

payments_total = Counter(
    "estateloop_payments_total",
    "Payments by channel and outcome: started, settled, expired, suspense, replayed, refused",
    ["channel", "outcome"],
)


def count_when_committed(session: Session, channel: str, outcome: str) -> None:
    """Count an outcome if the transaction at hand commits."""
    when_committed(session, lambda: payments_total.labels(channel, outcome).inc())


def count_refused(channel: str) -> None:
    """Count a notification that changed nothing because it was not genuine or not whole (E2)."""
    payments_total.labels(channel, "refused").inc()
