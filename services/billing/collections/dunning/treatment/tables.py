"""STORE of treatment: disputes and plans of households, and the facts a cause is suggested from (D1, D2, D3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Row,
    Table,
    Text,
    Uuid,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from services.billing.tables import bill, metadata

bill_dispute = Table(
    "bill_dispute",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("bill_id", BigInteger, nullable=False),
    Column("household_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("opened_by", Text, nullable=False),
    # null while it is open
    Column("settled_at", DateTime(timezone=True)),
    Column("settled_by", Text),
    Column("settle_request", Uuid),
    Column("outcome", Text),
    Column("note", Text),
    CheckConstraint("outcome IN ('upheld', 'amended', 'rejected', 'withdrawn')", name="outcome"),
    CheckConstraint(
        "(settled_at IS NULL) = (outcome IS NULL) AND (settled_at IS NULL) = (settled_by IS NULL)", name="settled"
    ),
    Index("bill_dispute_bill_id_idx", "bill_id"),
    Index("bill_dispute_household_id_idx", "household_id"),
    Index("bill_dispute_open_key", "bill_id", unique=True, postgresql_where=text("settled_at IS NULL")),
)

# One plan per household (一户一策): a new one supersedes the one before, none is lost.
household_plan = Table(
    "household_plan",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    # what we promised to put right, and by when; escalation waits for it
    Column("problem", Text),
    Column("deadline", Date),
    Column("responsible", Text, nullable=False),
    Column("next_action", Text, nullable=False),
    Column("note", Text),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("made_by", Text, nullable=False),
    # null: this is the plan
    Column("superseded_at", DateTime(timezone=True)),
    Column("fixed_at", DateTime(timezone=True)),
    Column("fixed_by", Text),
    Column("fixed_note", Text),
    CheckConstraint("(problem IS NULL) = (deadline IS NULL)", name="problem"),
    Index("household_plan_household_id_idx", "household_id", "made_at"),
    Index("household_plan_current_key", "household_id", unique=True, postgresql_where=text("superseded_at IS NULL")),
)

_PLACE = text("""
SELECT h.code AS household, e.code AS estate FROM bill b
JOIN household h ON h.id = b.household_id JOIN estate e ON e.id = h.estate_id WHERE b.id = :bill_id
""")
# The household's row first, as everybody does who changes bills.
_LOCK_HOUSEHOLD = text("SELECT id FROM household WHERE code = :household FOR UPDATE")
_LOCK_BILL = text("""
SELECT b.id, b.household_id, b.amount_fen, b.paid_fen, b.waived_fen, b.voided_at, b.disputed_at,
       CAST(:household AS text) AS household
FROM bill b WHERE b.id = :bill_id FOR UPDATE
""")


def household_of_bill(session: Session, bill_id: int) -> Row[Any] | None:
    """Codes of the household and the estate a bill is of."""
    return session.execute(_PLACE, {"bill_id": bill_id}).one_or_none()


def lock_bill(session: Session, bill_id: int, household: str) -> Row[Any]:
    """The bill, for a change of it; the caller holds the estate."""
    session.execute(_LOCK_HOUSEHOLD, {"household": household})
    return session.execute(_LOCK_BILL, {"bill_id": bill_id, "household": household}).one()


def mark_disputed(session: Session, bill_id: int, at: datetime | None) -> None:
    """Since when a bill is disputed; null: it is not."""
    session.execute(update(bill).where(bill.c.id == bill_id).values(disputed_at=at))


def open_dispute(session: Session, row: dict[str, Any]) -> Row[Any]:
    """Record a dispute and mark its bill."""
    mark_disputed(session, row["bill_id"], row["opened_at"])
    return session.execute(insert(bill_dispute).values(row).returning(bill_dispute)).one()


def close_dispute(session: Session, dispute_id: UUID, done: dict[str, Any]) -> Row[Any]:
    """Record how a dispute ended."""
    ended = update(bill_dispute).where(bill_dispute.c.id == dispute_id).values(done)
    return session.execute(ended.returning(bill_dispute)).one()


def dispute(session: Session, dispute_id: UUID) -> Row[Any] | None:
    """One dispute."""
    return session.execute(select(bill_dispute).where(bill_dispute.c.id == dispute_id)).one_or_none()


def settled_by_request(session: Session, request_id: UUID) -> Row[Any] | None:
    """The dispute a request has settled."""
    return session.execute(select(bill_dispute).where(bill_dispute.c.settle_request == request_id)).one_or_none()


def open_dispute_of(session: Session, bill_id: int) -> Row[Any] | None:
    """A bill's dispute that is not settled."""
    query = select(bill_dispute).where(bill_dispute.c.bill_id == bill_id, bill_dispute.c.settled_at.is_(None))
    return session.execute(query).one_or_none()


def disputes(session: Session, household_id: int) -> Sequence[Row[Any]]:
    """All disputes of a household, oldest first."""
    query = select(bill_dispute).where(bill_dispute.c.household_id == household_id)
    return session.execute(query.order_by(bill_dispute.c.opened_at, bill_dispute.c.id)).all()


def add_plan(session: Session, row: dict[str, Any]) -> Row[Any]:
    """Put a plan in the place of the one before."""
    before = update(household_plan).where(
        household_plan.c.household_id == row["household_id"], household_plan.c.superseded_at.is_(None)
    )
    session.execute(before.values(superseded_at=row["made_at"]))
    return session.execute(insert(household_plan).values(row).returning(household_plan)).one()


def plans(session: Session, household_id: int) -> Sequence[Row[Any]]:
    """All plans of a household, the newest first."""
    query = select(household_plan).where(household_plan.c.household_id == household_id)
    newest = household_plan.c.superseded_at.desc().nulls_first()
    return session.execute(query.order_by(newest, household_plan.c.made_at.desc())).all()


def plan(session: Session, plan_id: UUID) -> Row[Any] | None:
    """One plan."""
    return session.execute(select(household_plan).where(household_plan.c.id == plan_id)).one_or_none()


def current_plan(session: Session, household_id: int) -> Row[Any] | None:
    """The plan of a household, if it has one."""
    query = select(household_plan).where(
        household_plan.c.household_id == household_id, household_plan.c.superseded_at.is_(None)
    )
    return session.execute(query).one_or_none()


def fix_problem(session: Session, plan_id: UUID, done: dict[str, Any]) -> Row[Any]:
    """The problem of a plan is put right."""
    fixed = update(household_plan).where(household_plan.c.id == plan_id).values(done)
    return session.execute(fixed.returning(household_plan)).one()


def lock_household(session: Session, household: str) -> None:
    """One plan at a time per household."""
    session.execute(_LOCK_HOUSEHOLD, {"household": household})
