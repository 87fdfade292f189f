"""STORE of credit moved by hand: applications to bills and refunds of surplus (B6)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
    Table,
    Text,
    Uuid,
    insert,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from services.billing.receivables.ledger.sql import open_bill
from services.billing.tables import bill, metadata
from services.common.contracts.answers.credits import BillCredit, RefundChannel
from services.common.rows import row_of, rows_of

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


# By id: the order in which households are locked.
_TO_SETTLE = text(f"""
SELECT h.code FROM household h WHERE h.id = ANY (:households) AND h.credit_fen > h.reserved_fen
  AND (EXISTS (SELECT FROM bill b WHERE b.estate_id = h.estate_id AND b.household_id = h.id AND {open_bill("b")})
       OR EXISTS (SELECT FROM late_fee_left f WHERE f.household_id = h.id))
ORDER BY h.id
""")


@dataclass(frozen=True)
class RefundRow:
    """Surplus that was given back."""

    id: UUID
    household_id: int
    amount_fen: int
    channel: RefundChannel
    reason: str
    booked_on: date
    refunded_by: str
    refunded_at: datetime


@dataclass(frozen=True)
class ApplicationRow:
    """Credit that was applied: the bills as asked for, what each bill got, and what was left."""

    id: UUID
    household_id: int
    bill_ids: list[int]
    shares: list[BillCredit]
    credit_left_fen: int


def refund(session: Session, request_id: UUID) -> RefundRow | None:
    """A refund by its request id."""
    query = select(credit_refund).where(credit_refund.c.id == request_id)
    return row_of(RefundRow, session.execute(query).one_or_none())


def add_refund(session: Session, row: Mapping[str, object]) -> RefundRow:
    """Write a refund."""
    return row_of(RefundRow, session.execute(insert(credit_refund).values(row).returning(credit_refund)).one())


def refunds_after(
    session: Session, household_id: int, after: tuple[datetime, UUID] | None, limit: int
) -> list[RefundRow]:
    """Refunds of a household, newest first."""
    query = select(credit_refund).where(credit_refund.c.household_id == household_id)
    if after is not None:
        query = query.where(tuple_(credit_refund.c.refunded_at, credit_refund.c.id) < after)
    query = query.order_by(credit_refund.c.refunded_at.desc(), credit_refund.c.id.desc())
    return rows_of(RefundRow, session.execute(query.limit(limit)))


def application(session: Session, request_id: UUID) -> ApplicationRow | None:
    """An application by its request id."""
    query = select(credit_application).where(credit_application.c.id == request_id)
    return row_of(ApplicationRow, session.execute(query).one_or_none())


def add_application(session: Session, row: Mapping[str, object]) -> ApplicationRow:
    """Write an application."""
    query = insert(credit_application).values(row).returning(credit_application)
    return row_of(ApplicationRow, session.execute(query).one())


def own_bills(session: Session, household_id: int, bill_ids: Sequence[int]) -> dict[int, bool]:
    """Which of some bills are a household's, each with whether it is void."""
    query = select(bill.c.id, bill.c.voided_at).where(bill.c.id.in_(bill_ids), bill.c.household_id == household_id)
    return {row.id: row.voided_at is not None for row in session.execute(query)}


def households_to_settle(session: Session, household_ids: Collection[int]) -> list[str]:
    """Those of some households that have free credit and something to pay, by id."""
    return list(session.scalars(_TO_SETTLE, {"households": sorted(household_ids)}))
