"""STORE of treatment: disputes and plans of households, and the facts a cause is suggested from (D1, D2, D3)."""

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
    text,
)

from services.billing.tables import metadata

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
