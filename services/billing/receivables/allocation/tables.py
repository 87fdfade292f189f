"""STORE of allocation: when a payment in flight holds, and how often a payment was told anew (D3, B9)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Integer, SmallInteger, Table, select, text
from sqlalchemy.orm import Session

from services.billing.tables import metadata

payment_hold_policy = Table(
    "payment_hold_policy",
    metadata,
    # 0 is the group's default
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # of what is due: an order that would pay less holds nothing
    Column("least_percent", SmallInteger, nullable=False),
    CheckConstraint("least_percent BETWEEN 0 AND 100", name="least_percent"),
)

_REVISE = text("""
UPDATE payment_posting SET revision = revision + 1 WHERE payment_id = ANY (CAST(:payments AS uuid[]))
RETURNING payment_id, revision
""")


def least_percent(session: Session, estate_id: int) -> int:
    """How much of what is due an order must pay to hold escalation: the estate's own word, or else the group's."""
    query = select(payment_hold_policy.c.least_percent).where(payment_hold_policy.c.estate_id.in_([estate_id, 0]))
    return int(session.execute(query.order_by(payment_hold_policy.c.estate_id.desc()).limit(1)).scalar_one())


def revise(session: Session, payments: Sequence[UUID]) -> dict[UUID, int]:
    """Count that payments were put elsewhere once more; how often that was, by payment."""
    if not payments:
        return {}
    rows = session.execute(_REVISE, {"payments": [str(payment) for payment in payments]})
    return {row.payment_id: row.revision for row in rows}
