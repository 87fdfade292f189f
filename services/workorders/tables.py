"""STORE of the workorders service: every table. Named queries live beside the noun that asks them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from services.common.database import new_metadata
from services.common.directory import define_directory

metadata = new_metadata()

# --- what billing told us (A1, A4); `known_at` keeps an older message from overwriting a newer one --------------------

REGISTER = define_directory(metadata)
estate, household = REGISTER.estate, REGISTER.household
staff = Table(
    "staff",
    metadata,
    Column("code", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("estate", Text, nullable=False),
    Column("buildings", ARRAY(Text), nullable=False),
    Column("skills", ARRAY(Text), nullable=False),
    Column("known_at", DateTime(timezone=True), nullable=False),
    Index("ix_staff_estate_role", "estate", "role"),
)
household_due = Table(  # G4: principal by due date, as sums of what bills and payments added; may pass below zero
    "household_due",
    metadata,
    Column("household", Text, primary_key=True),
    Column("due_date", Date, primary_key=True),
    Column("open_fen", BigInteger, nullable=False),
)

# --- policy (G2, D3): rows, per group ('*') or per estate -------------------------------------------------------------

order_category = Table(
    "order_category",
    metadata,
    Column("code", Text, primary_key=True),
    Column("skill", Text, nullable=True),
    Column("holds_dunning", Boolean, nullable=False),
    Column("zh", Text, nullable=False, server_default=text("''")),
    Column("en", Text, nullable=False, server_default=text("''")),
    # other words for the same; case, spaces, hyphens and width do not matter
    Column("synonyms", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # its limits are those of an emergency
    Column("emergency", Boolean, nullable=False, server_default=text("false")),
    Column("position", Integer, nullable=False, server_default=text("1000")),
    # no new order may have it
    Column("retired", Boolean, nullable=False, server_default=text("false")),
)
sla_policy = Table(
    "sla_policy",
    metadata,
    Column("estate", Text, primary_key=True, server_default=text("'*'")),
    Column("category", Text, primary_key=True, server_default=text("'*'")),
    Column("priority", Text, primary_key=True, server_default=text("'*'")),
    Column("clock", Text, nullable=False),
    Column("respond_minutes", Integer, nullable=False),
    Column("resolve_minutes", Integer, nullable=False),
    CheckConstraint("clock IN ('wall', 'working')", name="clock"),
    CheckConstraint("respond_minutes > 0 AND resolve_minutes > 0", name="minutes"),
)
sla_escalation = Table(
    "sla_escalation",
    metadata,
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("percent", Integer, nullable=False),
    Column("level", Text, nullable=False),
    Column("role", Text, nullable=False),
    CheckConstraint("level IN ('warning', 'breach')", name="level"),
    CheckConstraint("percent > 0", name="percent"),
)

# --- orders (G1) ------------------------------------------------------------------------------------------------------

work_order = Table(
    "work_order",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("estate", Text, nullable=False),
    Column("building", Text, nullable=True),
    Column("household", Text, nullable=True),
    Column("category", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("place", Text, nullable=True),
    Column("status", Text, nullable=False),
    Column("status_since", DateTime(timezone=True), nullable=False),
    Column("paused_from", Text, nullable=True),
    Column("technician", Text, nullable=True),
    Column("round", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("clock", Text, nullable=False),
    Column("respond_minutes", Integer, nullable=False),
    Column("resolve_minutes", Integer, nullable=False),
    Column("respond_by", DateTime(timezone=True), nullable=False),
    Column("resolve_by", DateTime(timezone=True), nullable=False),
    Column("resolve_since", DateTime(timezone=True), nullable=True),
    Column("resolve_used", Interval, nullable=False),
    Column("responded_at", DateTime(timezone=True), nullable=True),
    Column("resolved_at", DateTime(timezone=True), nullable=True),
    Column("closed_at", DateTime(timezone=True), nullable=True),
    Column("respond_outcome", Text, nullable=True),
    Column("resolve_outcome", Text, nullable=True),
    CheckConstraint(
        "status IN ('created', 'dispatched', 'accepted', 'arrived', 'paused', 'completed', 'confirmed', 'cancelled')",
        name="status",
    ),
    CheckConstraint("(status = 'paused') = (paused_from IS NOT NULL)", name="paused"),
    Index("ix_work_order_created", "created_at", "id"),
    Index("ix_work_order_estate_created", "estate", "created_at", "id"),
    Index("ix_work_order_household_created", "household", "created_at", "id"),
    Index("ix_work_order_technician_open", "technician", postgresql_where=text("closed_at IS NULL")),
    Index("ix_work_order_estate_closed", "estate", "closed_at"),
    Index("ix_work_order_open", "estate", "status", postgresql_where=text("closed_at IS NULL")),
)
work_order_event = Table(
    "work_order_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Uuid, ForeignKey("work_order.id"), nullable=False),
    Column("request_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("from_status", Text, nullable=True),
    Column("to_status", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=True),
    Column("asked_technician", Text, nullable=True),
    Column("technician", Text, nullable=True),
    Column("reason", Text, nullable=True),
    UniqueConstraint("order_id", "request_id", name="uq_work_order_event_request"),
)
sla_alarm = Table(
    "sla_alarm",
    metadata,
    Column("order_id", Uuid, ForeignKey("work_order.id"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("stage", Text, primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("level", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("alarm_at", DateTime(timezone=True), nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=True),
    Index("ix_sla_alarm_waiting", "alarm_at", postgresql_where=text("raised_at IS NULL")),
)
