"""STORE of the feedback service: every table. Named queries live beside the noun that asks them."""

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
    SmallInteger,
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
    Column("known_at", DateTime(timezone=True), nullable=False),
    Index("ix_staff_estate_role", "estate", "role"),
)

# --- working days announced after the release (H2) --------------------------------------------------------------------

calendar_year = Table(
    "calendar_year",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("announced_at", DateTime(timezone=True), nullable=False),
)
calendar_day = Table(
    "calendar_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("working", Boolean, nullable=False),
)

# --- policy (H2, D3): rows, per group ('*') or per estate -------------------------------------------------------------

complaint_category = Table(
    "complaint_category",
    metadata,
    Column("code", Text, primary_key=True),
    Column("holds_dunning", Boolean, nullable=False),
)
sla_policy = Table(
    "sla_policy",
    metadata,
    Column("estate", Text, primary_key=True, server_default=text("'*'")),
    Column("category", Text, primary_key=True, server_default=text("'*'")),
    Column("level", Text, primary_key=True, server_default=text("'*'")),
    Column("respond_minutes", Integer, nullable=False),
    Column("resolve_minutes", Integer, nullable=False),
    Column("respond_days", Integer, nullable=False),
    Column("resolve_days", Integer, nullable=False),
    CheckConstraint("least(respond_minutes, resolve_minutes, respond_days, resolve_days) > 0", name="positive"),
)
sla_escalation = Table(
    "sla_escalation",
    metadata,
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("clock", Text, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("level", Text, nullable=False),
    Column("role", Text, nullable=False),
    CheckConstraint("clock IN ('target', 'commitment')", name="clock"),
    CheckConstraint("level IN ('warning', 'escalation', 'breach')", name="level"),
    CheckConstraint("percent > 0 AND (clock = 'target' OR percent = 100)", name="percent"),
)

# --- complaints (H1) --------------------------------------------------------------------------------------------------

complaint = Table(
    "complaint",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("estate", Text, nullable=False),
    Column("building", Text, nullable=True),
    Column("household", Text, nullable=True),
    Column("category", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("accountable", Text, nullable=True),
    Column("handler", Text, nullable=True),
    Column("round", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("respond_minutes", Integer, nullable=False),
    Column("resolve_minutes", Integer, nullable=False),
    Column("respond_days", Integer, nullable=False),
    Column("resolve_days", Integer, nullable=False),
    Column("respond_target_by", DateTime(timezone=True), nullable=False),
    Column("resolve_target_by", DateTime(timezone=True), nullable=False),
    Column("respond_commitment_on", Date, nullable=False),
    Column("respond_commitment_by", DateTime(timezone=True), nullable=False),
    Column("resolve_commitment_on", Date, nullable=False),
    Column("resolve_commitment_by", DateTime(timezone=True), nullable=False),
    Column("provisional_year", Integer, nullable=True),
    Column("responded_at", DateTime(timezone=True), nullable=True),
    Column("resolved_at", DateTime(timezone=True), nullable=True),
    Column("closed_at", DateTime(timezone=True), nullable=True),
    CheckConstraint("status IN ('registered', 'responded', 'resolved', 'closed')", name="status"),
    CheckConstraint("category IN ('service', 'fee', 'facility', 'management')", name="category"),
    CheckConstraint("closed_at IS NULL OR (responded_at IS NOT NULL AND resolved_at IS NOT NULL)", name="answered"),
    Index("ix_complaint_created", "created_at", "id"),
    Index("ix_complaint_estate_created", "estate", "created_at", "id"),
    Index("ix_complaint_household_created", "household", "created_at", "id"),
    Index("ix_complaint_open", "estate", "status", postgresql_where=text("closed_at IS NULL")),
    Index("ix_complaint_provisional", "provisional_year", postgresql_where=text("provisional_year IS NOT NULL")),
)
complaint_event = Table(
    "complaint_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("complaint_id", Uuid, ForeignKey("complaint.id"), nullable=False),
    Column("request_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("from_status", Text, nullable=True),
    Column("to_status", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("text", Text, nullable=True),
    UniqueConstraint("complaint_id", "request_id", name="uq_complaint_event_request"),
)
sla_alarm = Table(
    "sla_alarm",
    metadata,
    Column("complaint_id", Uuid, ForeignKey("complaint.id"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("stage", Text, primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("clock", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("alarm_at", DateTime(timezone=True), nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=True),
    Index("ix_sla_alarm_waiting", "alarm_at", postgresql_where=text("raised_at IS NULL")),
)

# --- ratings (H3) -----------------------------------------------------------------------------------------------------

survey = Table(
    "survey",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("work_order_id", Uuid, nullable=False),
    Column("estate", Text, nullable=False),
    Column("building", Text, nullable=True),
    Column("household", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("technician", Text, nullable=True),
    Column("invited_at", DateTime(timezone=True), nullable=False),
    Column("answered_at", DateTime(timezone=True), nullable=True),
    Column("answered_by", Text, nullable=True),
    Column("request_id", Uuid, nullable=True),
    Column("score", SmallInteger, nullable=True),
    Column("text", Text, nullable=True),
    CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    CheckConstraint("(answered_at IS NULL) = (score IS NULL)", name="answered"),
    Index("uq_survey_waiting", "work_order_id", unique=True, postgresql_where=text("answered_at IS NULL")),
    Index("ix_survey_work_order", "work_order_id"),
    Index("ix_survey_estate_invited", "estate", "invited_at", "id"),
    Index("ix_survey_household_invited", "household", "invited_at", "id"),
)
