"""Work orders: directory, policy as data, orders with history and alarms (G1-G4)."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from services.common.messaging.schema import create_messaging_tables

revision = "workorders_0001"
down_revision = None
branch_labels = None
depends_on = None

ORDER_CATEGORIES = (
    # code, skill a technician needs, whether an open order of a household holds dunning (D3)
    ("plumbing", "plumbing", True),
    ("water_burst", "plumbing", True),
    ("electrical", "electrical", True),
    ("power", "electrical", True),
    ("lighting", "electrical", True),
    ("lift", "lift", True),
    ("elevator", "lift", True),
    ("lift_entrapment", "lift", True),
    ("fire", "fire", True),
    ("hvac", "hvac", True),
    ("heating", "hvac", True),
    ("door", "carpentry", True),
    ("access", "access", True),
    ("civil", "civil", True),
    ("leak", "plumbing", True),
    ("repair", None, True),
    ("maintenance", None, True),
    ("public_area", None, True),
    ("cleaning", "cleaning", True),
    ("greening", "greening", True),
    ("security", "security", True),
    ("parking", "security", True),
    ("noise", "security", True),
    ("other", None, True),
    ("inquiry", None, False),
    ("chargeable", None, False),
)
SLA_POLICIES = (
    # category, priority, respond minutes, resolve minutes: 24 h / 48 h; emergency 30 min / 4 h (G2)
    ("*", "*", 1_440, 2_880),
    ("*", "emergency", 30, 240),
    ("lift_entrapment", "*", 30, 240),
    ("water_burst", "*", 30, 240),
    ("fire", "*", 30, 240),
)
ESCALATION = (
    # step, percent of the limit, level, role it goes to: estate manager, then the group (G2)
    (1, 80, "warning", "estate_manager"),
    (2, 100, "breach", "estate_manager"),
    (3, 150, "breach", "group_admin"),
)


def upgrade() -> None:
    create_messaging_tables(op)
    _directory()
    _policy()
    _orders()


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=primary_key)


def _directory() -> None:
    op.create_table("estate", _text("code", primary_key=True), _text("name"), _text("region"), _instant("known_at"))
    op.create_table(
        "household",
        _text("code", primary_key=True),
        _text("estate"),
        _text("building"),
        _text("unit"),
        _instant("known_at"),
    )
    op.create_table(
        "staff",
        _text("code", primary_key=True),
        _text("role"),
        _text("estate"),
        sa.Column("buildings", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("skills", sa.ARRAY(sa.Text), nullable=False),
        _instant("known_at"),
    )
    op.create_index("ix_staff_estate_role", "staff", ["estate", "role"])
    op.create_table(
        "household_due",
        _text("household", primary_key=True),
        sa.Column("due_date", sa.Date, primary_key=True),
        sa.Column("open_fen", sa.BigInteger, nullable=False),
    )


def _policy() -> None:
    categories = op.create_table(
        "order_category",
        _text("code", primary_key=True),
        _text("skill", nullable=True),
        sa.Column("holds_dunning", sa.Boolean, nullable=False),
    )
    policies = op.create_table(
        "sla_policy",
        sa.Column("estate", sa.Text, primary_key=True, server_default=sa.text("'*'")),
        sa.Column("category", sa.Text, primary_key=True, server_default=sa.text("'*'")),
        sa.Column("priority", sa.Text, primary_key=True, server_default=sa.text("'*'")),
        _text("clock"),
        sa.Column("respond_minutes", sa.Integer, nullable=False),
        sa.Column("resolve_minutes", sa.Integer, nullable=False),
        sa.CheckConstraint("clock IN ('wall', 'working')", name=op.f("sla_policy_clock_check")),
        sa.CheckConstraint("respond_minutes > 0 AND resolve_minutes > 0", name=op.f("sla_policy_minutes_check")),
    )
    escalation = op.create_table(
        "sla_escalation",
        sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("percent", sa.Integer, nullable=False),
        _text("level"),
        _text("role"),
        sa.CheckConstraint("level IN ('warning', 'breach')", name=op.f("sla_escalation_level_check")),
        sa.CheckConstraint("percent > 0", name=op.f("sla_escalation_percent_check")),
    )
    op.bulk_insert(
        categories,
        [{"code": code, "skill": skill, "holds_dunning": holds} for code, skill, holds in ORDER_CATEGORIES],
    )
    op.bulk_insert(
        policies,
        [
            {
                "category": category,
                "priority": priority,
                "clock": "wall",
                "respond_minutes": respond,
                "resolve_minutes": resolve,
            }
            for category, priority, respond, resolve in SLA_POLICIES
        ],
    )
    op.bulk_insert(
        escalation,
        [{"step": step, "percent": percent, "level": level, "role": role} for step, percent, level, role in ESCALATION],
    )


def _orders() -> None:
    op.create_table(
        "work_order",
        sa.Column("id", sa.Uuid, primary_key=True),
        _text("estate"),
        _text("building", nullable=True),
        _text("household", nullable=True),
        _text("category"),
        _text("priority"),
        _text("description"),
        _text("place", nullable=True),
        _text("status"),
        _instant("status_since"),
        _text("paused_from", nullable=True),
        _text("technician", nullable=True),
        sa.Column("round", sa.Integer, nullable=False),
        _instant("created_at"),
        _text("clock"),
        sa.Column("respond_minutes", sa.Integer, nullable=False),
        sa.Column("resolve_minutes", sa.Integer, nullable=False),
        _instant("respond_by"),
        _instant("resolve_by"),
        _instant("resolve_since", nullable=True),
        sa.Column("resolve_used", sa.Interval, nullable=False),
        _instant("responded_at", nullable=True),
        _instant("resolved_at", nullable=True),
        _instant("closed_at", nullable=True),
        _text("respond_outcome", nullable=True),
        _text("resolve_outcome", nullable=True),
        sa.CheckConstraint(
            "status IN ('created', 'dispatched', 'accepted', 'arrived', 'paused', 'completed', 'confirmed', "
            "'cancelled')",
            name=op.f("work_order_status_check"),
        ),
        sa.CheckConstraint("(status = 'paused') = (paused_from IS NOT NULL)", name=op.f("work_order_paused_check")),
    )
    op.create_index("ix_work_order_created", "work_order", ["created_at", "id"])
    op.create_index("ix_work_order_estate_created", "work_order", ["estate", "created_at", "id"])
    op.create_index("ix_work_order_household_created", "work_order", ["household", "created_at", "id"])
    still_open = sa.text("closed_at IS NULL")
    op.create_index("ix_work_order_technician_open", "work_order", ["technician"], postgresql_where=still_open)
    op.create_index("ix_work_order_estate_closed", "work_order", ["estate", "closed_at"])
    op.create_index("ix_work_order_open", "work_order", ["estate", "status"], postgresql_where=still_open)
    op.create_table(
        "work_order_event",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("work_order.id"), nullable=False),
        sa.Column("request_id", sa.Uuid, nullable=False),
        _text("action"),
        _text("from_status", nullable=True),
        _text("to_status"),
        _text("by"),
        _instant("at"),
        _text("note", nullable=True),
        _text("asked_technician", nullable=True),
        _text("technician", nullable=True),
        _text("reason", nullable=True),
        sa.UniqueConstraint("order_id", "request_id", name="uq_work_order_event_request"),
    )
    op.create_table(
        "sla_alarm",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("work_order.id"), primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        _text("stage", primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
        _text("level"),
        _text("role"),
        _instant("due_at"),
        _instant("alarm_at"),
        _instant("raised_at", nullable=True),
    )
    op.create_index("ix_sla_alarm_waiting", "sla_alarm", ["alarm_at"], postgresql_where=sa.text("raised_at IS NULL"))


def downgrade() -> None:
    for table in (
        *("sla_alarm", "work_order_event", "work_order", "sla_escalation", "sla_policy", "order_category"),
        *("household_due", "staff", "household", "estate", "outbox", "inbox", "parked_event"),
    ):
        op.drop_table(table)
