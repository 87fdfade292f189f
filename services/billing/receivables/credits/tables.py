"""STORE of credit moved by hand: applications to bills and refunds of surplus (B6)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Row,
    Table,
    Text,
    Uuid,
    insert,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from services.billing.tables import bill, metadata

credit_refund = Table(
    "credit_refund",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("refunded_by", Text, nullable=False),
    Column("refunded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    CheckConstraint("channel IN ('transfer', 'cash', 'pos')", name="channel"),
    Index("credit_refund_household_id_idx", "household_id", "refunded_at"),
)

credit_application = Table(
    "credit_application",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    # as asked for, in order; empty: oldest due first
    Column("bill_ids", ARRAY(BigInteger), nullable=False),
    # what each bill got: [{bill_id, principal_fen, late_fee_fen}]
    Column("shares", JSONB, nullable=False),
    Column("credit_left_fen", BigInteger, nullable=False),
    Column("applied_by", Text, nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False),
)


def refund(session: Session, request_id: UUID) -> Row[Any] | None:
    """A refund by its request id."""
    return session.execute(select(credit_refund).where(credit_refund.c.id == request_id)).one_or_none()


def add_refund(session: Session, row: Mapping[str, Any]) -> Row[Any]:
    """Write a refund."""
    return session.execute(insert(credit_refund).values(row).returning(credit_refund)).one()


def refunds_after(session: Session, household_id: int, after: tuple[Any, ...] | None, limit: int) -> Sequence[Row[Any]]:
    """Refunds of a household, newest first."""
    query = select(credit_refund).where(credit_refund.c.household_id == household_id)
    if after is not None:
        query = query.where(tuple_(credit_refund.c.refunded_at, credit_refund.c.id) < after)
    query = query.order_by(credit_refund.c.refunded_at.desc(), credit_refund.c.id.desc())
    return session.execute(query.limit(limit)).all()


def application(session: Session, request_id: UUID) -> Row[Any] | None:
    """An application by its request id."""
    return session.execute(select(credit_application).where(credit_application.c.id == request_id)).one_or_none()


def add_application(session: Session, row: Mapping[str, Any]) -> Row[Any]:
    """Write an application."""
    return session.execute(insert(credit_application).values(row).returning(credit_application)).one()


def own_bills(session: Session, household_id: int, bill_ids: Sequence[int]) -> dict[int, bool]:
    """Which of some bills are a household's, each with whether it is void."""
    query = select(bill.c.id, bill.c.voided_at).where(bill.c.id.in_(bill_ids), bill.c.household_id == household_id)
    return {row.id: row.voided_at is not None for row in session.execute(query)}
