"""STORE of refunds of surplus: asked for, decided on by somebody else, booked (B6, ADR 18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
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
    Select,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from services.billing.tables import estate, household, metadata
from services.common.contracts.answers.credits import RefundChannel, RefundStatus
from services.common.narrowing import among, below, equals
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
    # once approved
    Column("booked_on", Date),
    Column("refunded_by", Text),
    Column("refunded_at", DateTime(timezone=True)),
    # the release before the second person wrote none of these
    Column("status", Text, nullable=False, server_default="approved"),
    Column("requested_by", Text),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # who approved, rejected or withdrew it
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text),
    # of the household, when it was asked for or approved
    Column("overdue_fen", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    CheckConstraint("channel IN ('transfer', 'cash', 'pos')", name="channel"),
    CheckConstraint("status IN ('requested', 'approved', 'rejected', 'withdrawn')", name="status"),
    CheckConstraint("(status = 'approved') = (booked_on IS NOT NULL)", name="booked"),
    Index("credit_refund_household_id_idx", "household_id", "refunded_at"),
    Index("credit_refund_estate_id_idx", "estate_id", "requested_at"),
)

_RESERVE = text("UPDATE household SET reserved_fen = reserved_fen + :fen WHERE id = :id")


@dataclass(frozen=True)
class RefundRow:
    """A refund of surplus with the codes of household and estate."""

    id: UUID
    household_id: int
    household: str
    estate: str
    amount_fen: int
    channel: RefundChannel
    reason: str
    status: RefundStatus
    overdue_fen: int
    requested_by: str | None
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    booked_on: date | None
    refunded_by: str | None
    refunded_at: datetime | None


def reserve(session: Session, household_id: int, fen: int) -> None:
    """Keep so much of a locked household's credit for a refund; less than nothing: keep it no longer."""
    session.execute(_RESERVE, {"id": household_id, "fen": fen})


def add(session: Session, row: Mapping[str, object]) -> None:
    """Write a request."""
    session.execute(insert(credit_refund).values(row))


def decide(session: Session, refund_id: UUID, changes: Mapping[str, object]) -> None:
    """Close a pending request."""
    session.execute(update(credit_refund).where(credit_refund.c.id == refund_id).values(changes))


def _refunds() -> Select[Any]:
    query = select(credit_refund, household.c.code.label("household"), estate.c.code.label("estate"))
    query = query.join(household, household.c.id == credit_refund.c.household_id)
    return query.join(estate, estate.c.id == credit_refund.c.estate_id)


def refund(session: Session, request_id: UUID) -> RefundRow | None:
    """A refund by its request id. Who decides holds the household's row."""
    return row_of(RefundRow, session.execute(_refunds().where(credit_refund.c.id == request_id)).one_or_none())


def refunds_before(
    session: Session,
    estates: frozenset[str] | None,
    household_code: str | None,
    status: RefundStatus | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[RefundRow]:
    """Refunds, newest first."""
    query = _refunds().where(
        among(estate.c.code, estates),
        equals(household.c.code, household_code),
        equals(credit_refund.c.status, status),
        below((credit_refund.c.requested_at, credit_refund.c.id), before),
    )
    query = query.order_by(credit_refund.c.requested_at.desc(), credit_refund.c.id.desc())
    return rows_of(RefundRow, session.execute(query.limit(limit)))
