"""STORE of treatment: disputes and plans of households, and the facts a cause is suggested from (D1, D2, D3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
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
from services.common.contracts.answers.dunning import DisputeOutcome
from services.common.contracts.answers.portfolio import Cause
from services.common.once import by_id
from services.common.rows import row_of, rows_of

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


@dataclass(frozen=True)
class Place:
    """Codes of the household and the estate a bill is of."""

    household: str
    estate: str


@dataclass(frozen=True)
class LockedBill:
    """A bill that is about to change, with the code of its household."""

    id: int
    household_id: int
    household: str
    amount_fen: int
    paid_fen: int
    waived_fen: int
    voided_at: datetime | None
    disputed_at: datetime | None


@dataclass(frozen=True)
class DisputeRecord:
    """A dispute; `settled_at` None: it is open."""

    id: UUID
    bill_id: int
    household_id: int
    reason: str
    opened_at: datetime
    opened_by: str
    settled_at: datetime | None
    settled_by: str | None
    settle_request: UUID | None
    outcome: DisputeOutcome | None
    note: str | None


@dataclass(frozen=True)
class PlanRecord:
    """A plan of a household; `superseded_at` None: it is the plan."""

    id: UUID
    household_id: int
    cause: Cause
    problem: str | None
    deadline: date | None
    responsible: str
    next_action: str
    note: str | None
    made_at: datetime
    made_by: str
    superseded_at: datetime | None
    fixed_at: datetime | None
    fixed_by: str | None
    fixed_note: str | None


def household_of_bill(session: Session, bill_id: int) -> Place | None:
    """Whose a bill is."""
    return row_of(Place, session.execute(_PLACE, {"bill_id": bill_id}).one_or_none())


def lock_bill(session: Session, bill_id: int, household: str) -> LockedBill:
    """The bill, for a change of it; the caller holds the estate."""
    session.execute(_LOCK_HOUSEHOLD, {"household": household})
    return row_of(LockedBill, session.execute(_LOCK_BILL, {"bill_id": bill_id, "household": household}).one())


def mark_disputed(session: Session, bill_id: int, at: datetime | None) -> None:
    """Since when a bill is disputed; null: it is not."""
    session.execute(update(bill).where(bill.c.id == bill_id).values(disputed_at=at))


def open_dispute(session: Session, bill_id: int, row: Mapping[str, object], at: datetime) -> DisputeRecord:
    """Record a dispute and mark its bill."""
    mark_disputed(session, bill_id, at)
    statement = insert(bill_dispute).values(bill_id=bill_id, opened_at=at, **row).returning(bill_dispute)
    return row_of(DisputeRecord, session.execute(statement).one())


def close_dispute(session: Session, dispute_id: UUID, ending: Mapping[str, object]) -> DisputeRecord:
    """Record how a dispute ended."""
    statement = update(bill_dispute).where(bill_dispute.c.id == dispute_id).values(ending).returning(bill_dispute)
    return row_of(DisputeRecord, session.execute(statement).one())


def dispute(session: Session, dispute_id: UUID) -> DisputeRecord | None:
    """One dispute."""
    return row_of(DisputeRecord, by_id(session, bill_dispute, dispute_id))


def settled_by_request(session: Session, request_id: UUID) -> DisputeRecord | None:
    """The dispute a request has settled."""
    query = select(bill_dispute).where(bill_dispute.c.settle_request == request_id)
    return row_of(DisputeRecord, session.execute(query).one_or_none())


def open_dispute_of(session: Session, bill_id: int) -> DisputeRecord | None:
    """A bill's dispute that is not settled."""
    query = select(bill_dispute).where(bill_dispute.c.bill_id == bill_id, bill_dispute.c.settled_at.is_(None))
    return row_of(DisputeRecord, session.execute(query).one_or_none())


def disputes(session: Session, household_id: int) -> list[DisputeRecord]:
    """All disputes of a household, oldest first."""
    query = select(bill_dispute).where(bill_dispute.c.household_id == household_id)
    return rows_of(DisputeRecord, session.execute(query.order_by(bill_dispute.c.opened_at, bill_dispute.c.id)))


def add_plan(session: Session, household_id: int, row: Mapping[str, object], at: datetime) -> PlanRecord:
    """Put a plan in the place of the one before."""
    before = update(household_plan).where(
        household_plan.c.household_id == household_id, household_plan.c.superseded_at.is_(None)
    )
    session.execute(before.values(superseded_at=at))
    statement = insert(household_plan).values(household_id=household_id, made_at=at, **row).returning(household_plan)
    return row_of(PlanRecord, session.execute(statement).one())


def plans(session: Session, household_id: int) -> list[PlanRecord]:
    """All plans of a household, the newest first."""
    query = select(household_plan).where(household_plan.c.household_id == household_id)
    newest = household_plan.c.superseded_at.desc().nulls_first()
    return rows_of(PlanRecord, session.execute(query.order_by(newest, household_plan.c.made_at.desc())))


def plan(session: Session, plan_id: UUID) -> PlanRecord | None:
    """One plan."""
    return row_of(PlanRecord, by_id(session, household_plan, plan_id))


def current_plan(session: Session, household_id: int) -> PlanRecord | None:
    """The plan of a household, if it has one."""
    query = select(household_plan).where(
        household_plan.c.household_id == household_id, household_plan.c.superseded_at.is_(None)
    )
    return row_of(PlanRecord, session.execute(query).one_or_none())


def fix_problem(session: Session, plan_id: UUID, by: str, note: str, at: datetime) -> PlanRecord:
    """The problem of a plan is put right."""
    statement = update(household_plan).where(household_plan.c.id == plan_id).returning(household_plan)
    return row_of(PlanRecord, session.execute(statement.values(fixed_at=at, fixed_by=by, fixed_note=note)).one())


def lock_household(session: Session, household: str) -> None:
    """One plan at a time per household."""
    session.execute(_LOCK_HOUSEHOLD, {"household": household})
