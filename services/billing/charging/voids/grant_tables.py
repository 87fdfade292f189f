"""STORE of what became of waivers and discounts of void bills: kept by the reissue, or come back (B5, C2, C4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, Uuid, insert, select, text
from sqlalchemy.orm import Session

from services.billing.tables import metadata
from services.common.contracts.answers.voids import GrantKind
from services.common.rows import rows_of

kept_grant = Table(
    "kept_grant",
    metadata,
    # the void or the reissue that moved it
    Column("request_id", Uuid, primary_key=True),
    # the waiver or the redemption
    Column("source_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    # the void bill
    Column("from_bill_id", BigInteger, nullable=False),
    Column("granted_fen", BigInteger, nullable=False),
    # the bill that keeps it; null: none does
    Column("bill_id", BigInteger),
    Column("kept_fen", BigInteger, nullable=False),
    # what came back to the household
    Column("returned_points", BigInteger),
    Column("returned_coupon_id", Uuid),
    CheckConstraint("kind IN ('principal', 'late_fee', 'discount')", name="kind"),
    CheckConstraint("kept_fen >= 0", name="kept_fen"),
)

_PROPORTIONAL = text("""
SELECT id::text FROM waiver WHERE id = ANY (CAST(:sources AS uuid[])) AND ratio IS NOT NULL
""")


@dataclass(frozen=True)
class KeptRow:
    """What became of one waiver or discount."""

    request_id: UUID
    source_id: UUID
    kind: GrantKind
    from_bill_id: int
    granted_fen: int
    bill_id: int | None
    kept_fen: int
    returned_points: int | None = None
    returned_coupon_id: UUID | None = None


def add(session: Session, rows: Sequence[KeptRow]) -> None:
    """Write what became of some."""
    if rows:
        session.execute(insert(kept_grant), [vars(row) for row in rows])


def rows(session: Session, request_id: UUID) -> list[KeptRow]:
    """What a void or a reissue moved, by kind."""
    query = select(kept_grant).where(kept_grant.c.request_id == request_id)
    return rows_of(KeptRow, session.execute(query.order_by(kept_grant.c.kind, kept_grant.c.source_id)))


def proportional(session: Session, sources: Sequence[str]) -> set[str]:
    """Which of some waivers were asked for as a part of the bill, not as an amount."""
    return set(session.scalars(_PROPORTIONAL, {"sources": list(sources)}))
