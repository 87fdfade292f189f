"""Directory, policies, templates and messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.common.messaging.schema import create_messaging_tables

revision = "notifications_0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text)


def upgrade() -> None:
    create_messaging_tables(op)
    create_directory()
    create_policies()
    create_template()
    create_message()


def create_directory() -> None:
    op.create_table(
        "estate",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column(
            "as_of", INSTANT, nullable=False, comment="When the event that told us occurred: an older one is ignored"
        ),
    )
    op.create_table(
        "contact",
        sa.Column("household", sa.Text, primary_key=True),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("building", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
    )
    op.create_table(
        "staff",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
    )
    op.create_index("staff_estate_role", "staff", ["estate", "role"])
    op.create_table(
        "preference",
        sa.Column("household", sa.Text, primary_key=True),
        sa.Column("language", sa.Text, comment="Instead of the contact's"),
        sa.Column("email", sa.Text, comment="Instead of the contact's"),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
    )
    op.create_table(
        "consent",
        sa.Column("household", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
    )


def create_policies() -> None:
    table = op.create_table(
        "contact_policy",
        sa.Column("category", sa.Text, primary_key=True),
        sa.Column(
            "estate",
            sa.Text,
            primary_key=True,
            server_default="*",
            comment="* is the group's; an estate's goes first",
        ),
        sa.Column("channels", TEXTS, nullable=False, comment="Tried in this order after those the event names"),
        sa.Column("contact_window", sa.Text, comment="HH:MM-HH:MM Asia/Shanghai for sms and email; null: any time"),
        sa.Column("cap_count", sa.Integer, comment="At most so many by sms and email to one recipient …"),
        sa.Column("cap_days", sa.Integer, comment="… within so many days; null: no cap"),
        sa.CheckConstraint("(cap_count IS NULL) = (cap_days IS NULL)", name=op.f("contact_policy_cap_whole_check")),
        sa.CheckConstraint(
            "contact_window ~ '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$'",
            name=op.f("contact_policy_window_form_check"),
        ),
    )
    op.bulk_insert(table, [*group_policies()])


def group_policies() -> list[dict[str, object]]:
    """The group's policy (D6, F3): urging and surveys only 08:00–21:00; urging at most three times a week."""
    window = "08:00-21:00"
    rows: list[tuple[str, list[str], str | None, int | None, int | None]] = [
        ("dunning", ["sms", "email", "staff_task"], window, 3, 7),
        ("survey", ["sms", "email"], window, None, None),
        ("receipt", ["sms", "email"], None, None, None),
        ("complaint", ["sms", "email", "staff_task"], None, None, None),
        ("task", ["staff_task"], None, None, None),
        ("sla_warning", ["staff_task"], None, None, None),
        ("sla_breach", ["sms", "staff_task"], None, None, None),
    ]
    names = ("category", "channels", "contact_window", "cap_count", "cap_days")
    return [dict(zip(names, row, strict=True)) for row in rows]


def create_template() -> None:
    op.create_table(
        "template",
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("variables", TEXTS, nullable=False),
        sa.UniqueConstraint("code", "channel", "language", "version", name="template_version"),
    )


def create_message() -> None:
    op.create_table(
        "message",
        sa.Column(
            "id", sa.Uuid, primary_key=True, comment="Made from recipient and cause; the provider's idempotency key"
        ),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False, comment="Household or staff code, or {estate}:{role}"),
        sa.Column("recipient_kind", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("building", sa.Text),
        sa.Column("household", sa.Text, comment="The household it is about"),
        sa.Column("assignee", sa.Text, comment="Staff code of who hands it over when it becomes a staff task"),
        sa.Column("business_on", sa.Date, nullable=False, comment="Business day of its cause"),
        sa.Column("variables", postgresql.JSONB, nullable=False),
        sa.Column("channels", TEXTS, nullable=False, comment="The fallback chain"),
        sa.Column("position", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("claim", sa.Uuid),
        sa.Column("claimed_until", INSTANT),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0", comment="On the current channel"),
        sa.Column("channel", sa.Text, comment="The channel the words below are for"),
        sa.Column(
            "contact_on", sa.Date, comment="Business day on which the recipient was contacted, for the frequency cap"
        ),
        sa.Column("address", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("template_version", sa.Integer),
        sa.Column("subject", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("provider_receipt", sa.Text),
        sa.Column("reason", sa.Text, comment="Why it waits, fell back or failed"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.UniqueConstraint("recipient", "cause", name="message_once"),
        sa.CheckConstraint("recipient_kind IN ('household', 'staff')", name=op.f("message_recipient_kind_check")),
        sa.CheckConstraint(
            "status IN ('queued', 'waiting_contact', 'sent', 'queued_for_print', 'failed')",
            name=op.f("message_status_check"),
        ),
    )
    waiting = sa.text("status IN ('queued', 'waiting_contact')")
    op.create_index("message_due", "message", ["not_before", "seq"], postgresql_where=waiting)
    op.create_index("message_household", "message", ["household", "seq"])
    op.create_index("message_estate", "message", ["estate", "seq"])
    assigned = sa.text("assignee IS NOT NULL")
    op.create_index("message_assignee", "message", ["assignee", "seq"], postgresql_where=assigned)


def downgrade() -> None:
    for name in ("message", "template", "contact_policy", "consent", "preference", "staff", "contact", "estate"):
        op.drop_table(name)
    for name in ("outbox", "inbox", "parked_event"):
        op.drop_table(name)
    op.execute("DROP FUNCTION wake_relay()")
