"""Counters of the payments service. They move when the transaction that caused them has committed, and not before."""

from prometheus_client import Counter
from sqlalchemy import event
from sqlalchemy.orm import Session

payments_total = Counter(
    "estateloop_payments_total",
    "Payments by channel and outcome: started, settled, expired, suspense, replayed, refused",
    ["channel", "outcome"],
)
_WAITING = "payments_to_count"


def count_when_committed(session: Session, channel: str, outcome: str) -> None:
    """Count an outcome if the transaction at hand commits."""
    session.info.setdefault(_WAITING, []).append((channel, outcome))


@event.listens_for(Session, "after_commit")
def _count(session: Session) -> None:
    for channel, outcome in session.info.pop(_WAITING, ()):
        payments_total.labels(channel, outcome).inc()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_WAITING, None)


def count_refused(channel: str) -> None:
    """Count a notification that changed nothing because it was not genuine or not whole (E2)."""
    payments_total.labels(channel, "refused").inc()
