"""Feedback: directory, working days, policy as data, complaints with history and alarms, surveys (H1-H3)."""

import sqlalchemy as sa
from alembic import op

from services.common.messaging.schema import create_messaging_tables

revision = "feedback_0001"
down_revision = None
branch_labels = None
depends_on = None

HOLDS_DUNNING = {"service": True, "fee": False, "facility": True, "management": True}
# target 24 h / 72 h, commitment 2 / 7 working days (H2)
DEFAULT_POLICY = {"respond_minutes": 1_440, "resolve_minutes": 4_320, "respond_days": 2, "resolve_days": 7}
ESCALATION = (
    # step, clock, percent, level, role it goes to
    (1, "target", 80, "warning", "steward"),
    (2, "target", 100, "escalation", "estate_manager"),
    (3, "commitment", 100, "breach", "estate_manager"),
    (4, "commitment", 100, "breach", "group_admin"),
)


def upgrade() -> None:
    create_messaging_tables(op)
    _directory()
    _working_days()
    _policy()
    _complaints()
    _surveys()
    _seed()


def _directory() -> None:
    op.create_table(
        "estate",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("estate_pkey")),
    )
    op.create_table(
        "household",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("household_pkey")),
    )
    op.create_table(
        "staff",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("buildings", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("staff_pkey")),
    )
    op.create_index("ix_staff_estate_role", "staff", ["estate", "role"], unique=False)


def _working_days() -> None:
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("calendar_year_pkey")),
    )
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("calendar_day_pkey")),
    )


def _policy() -> None:
    op.create_table(
        "complaint_category",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("holds_dunning", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("complaint_category_pkey")),
    )
    op.create_table(
        "sla_policy",
        sa.Column("estate", sa.Text(), server_default=sa.text("'*'"), nullable=False),
        sa.Column("category", sa.Text(), server_default=sa.text("'*'"), nullable=False),
        sa.Column("level", sa.Text(), server_default=sa.text("'*'"), nullable=False),
        sa.Column("respond_minutes", sa.Integer(), nullable=False),
        sa.Column("resolve_minutes", sa.Integer(), nullable=False),
        sa.Column("respond_days", sa.Integer(), nullable=False),
        sa.Column("resolve_days", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "least(respond_minutes, resolve_minutes, respond_days, resolve_days) > 0",
            name=op.f("sla_policy_positive_check"),
        ),
        sa.PrimaryKeyConstraint("estate", "category", "level", name=op.f("sla_policy_pkey")),
    )
    op.create_table(
        "sla_escalation",
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint("clock IN ('target', 'commitment')", name=op.f("sla_escalation_clock_check")),
        sa.CheckConstraint("level IN ('warning', 'escalation', 'breach')", name=op.f("sla_escalation_level_check")),
        sa.CheckConstraint(
            "percent > 0 AND (clock = 'target' OR percent = 100)", name=op.f("sla_escalation_percent_check")
        ),
        sa.PrimaryKeyConstraint("step", name=op.f("sla_escalation_pkey")),
    )


def _complaints() -> None:
    op.create_table(
        "complaint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=True),
        sa.Column("household", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("accountable", sa.Text(), nullable=True),
        sa.Column("handler", sa.Text(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("respond_minutes", sa.Integer(), nullable=False),
        sa.Column("resolve_minutes", sa.Integer(), nullable=False),
        sa.Column("respond_days", sa.Integer(), nullable=False),
        sa.Column("resolve_days", sa.Integer(), nullable=False),
        sa.Column("respond_target_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolve_target_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("respond_commitment_on", sa.Date(), nullable=False),
        sa.Column("respond_commitment_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolve_commitment_on", sa.Date(), nullable=False),
        sa.Column("resolve_commitment_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provisional_year", sa.Integer(), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "category IN ('service', 'fee', 'facility', 'management')", name=op.f("complaint_category_check")
        ),
        sa.CheckConstraint("level IN ('normal', 'serious', 'major')", name=op.f("complaint_level_check")),
        sa.CheckConstraint(
            "status IN ('registered', 'responded', 'resolved', 'closed')", name=op.f("complaint_status_check")
        ),
        sa.CheckConstraint(
            "closed_at IS NULL OR (responded_at IS NOT NULL AND resolved_at IS NOT NULL)",
            name=op.f("complaint_answered_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("complaint_pkey")),
    )
    op.create_index("ix_complaint_created", "complaint", ["created_at", "id"], unique=False)
    op.create_index("ix_complaint_estate_created", "complaint", ["estate", "created_at", "id"], unique=False)
    op.create_index("ix_complaint_household_created", "complaint", ["household", "created_at", "id"], unique=False)
    op.create_index(
        "ix_complaint_open",
        "complaint",
        ["estate", "status"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_complaint_provisional",
        "complaint",
        ["provisional_year"],
        unique=False,
        postgresql_where=sa.text("provisional_year IS NOT NULL"),
    )
    op.create_table(
        "complaint_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("complaint_event_complaint_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("complaint_event_pkey")),
        sa.UniqueConstraint("complaint_id", "request_id", name="uq_complaint_event_request"),
    )
    op.create_table(
        "sla_alarm",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alarm_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("sla_alarm_complaint_id_fkey")),
        sa.PrimaryKeyConstraint("complaint_id", "round", "stage", "step", name=op.f("sla_alarm_pkey")),
    )
    op.create_index(
        "ix_sla_alarm_waiting", "sla_alarm", ["alarm_at"], unique=False, postgresql_where=sa.text("raised_at IS NULL")
    )


def _surveys() -> None:
    op.create_table(
        "survey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=True),
        sa.Column("household", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("technician", sa.Text(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.CheckConstraint("(answered_at IS NULL) = (score IS NULL)", name=op.f("survey_answered_check")),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("survey_score_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("survey_pkey")),
    )
    op.create_index("ix_survey_estate_invited", "survey", ["estate", "invited_at", "id"], unique=False)
    op.create_index("ix_survey_household_invited", "survey", ["household", "invited_at", "id"], unique=False)
    op.create_index("ix_survey_work_order", "survey", ["work_order_id"], unique=False)
    op.create_index(
        "uq_survey_waiting", "survey", ["work_order_id"], unique=True, postgresql_where=sa.text("answered_at IS NULL")
    )


def _seed() -> None:
    for category, holds in HOLDS_DUNNING.items():
        op.execute(
            sa.text("INSERT INTO complaint_category VALUES (:category, :holds)").bindparams(
                category=category, holds=holds
            )
        )
    policy = sa.text(
        "INSERT INTO sla_policy (respond_minutes, resolve_minutes, respond_days, resolve_days) "
        "VALUES (:respond_minutes, :resolve_minutes, :respond_days, :resolve_days)"
    )
    op.execute(policy.bindparams(**DEFAULT_POLICY))
    for step, clock, percent, level, role in ESCALATION:
        row = sa.text("INSERT INTO sla_escalation VALUES (:step, :clock, :percent, :level, :role)")
        op.execute(row.bindparams(step=step, clock=clock, percent=percent, level=level, role=role))


def downgrade() -> None:
    for table in (
        *("survey", "sla_alarm", "complaint_event", "complaint", "sla_escalation", "sla_policy", "complaint_category"),
        *("calendar_day", "calendar_year", "staff", "household", "estate", "outbox", "inbox", "parked_event"),
    ):
        op.drop_table(table)
