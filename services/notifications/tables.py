"""STORE: every table of the notifications service. Queries live with the noun they serve.

`message` is the heart: unique (recipient, cause), claimed by a lease, with the words as they went out as proof of
delivery. Personal data (contact, staff, message.address/subject/text) does not leave this database but masked by role.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.common.messaging.tables import new_metadata
from services.common.policies.tables import policy_change_table

metadata = new_metadata()
policy_change_table(metadata)
INSTANT = DateTime(timezone=True)

estate = Table(
    "estate",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("as_of", INSTANT, nullable=False, comment="When the event that told us occurred: an older one is ignored"),
)

contact = Table(
    "contact",
    metadata,
    Column("household", Text, primary_key=True),
    Column("estate", Text, nullable=False),
    Column("building", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text),
    Column("language", Text, nullable=False),
    Column("as_of", INSTANT, nullable=False),
)

staff = Table(
    "staff",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("estate", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("as_of", INSTANT, nullable=False),
    Index("staff_estate_role", "estate", "role"),
)

preference = Table(
    "preference",
    metadata,
    Column("household", Text, primary_key=True),
    Column("language", Text, comment="Instead of the contact's"),
    Column("email", Text, comment="Instead of the contact's"),
    Column("changed_at", INSTANT, nullable=False),
    Column("changed_by", Text, nullable=False),
)

consent = Table(
    "consent",
    metadata,
    Column("household", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("changed_at", INSTANT, nullable=False),
    Column("changed_by", Text, nullable=False),
)

contact_policy = Table(
    "contact_policy",
    metadata,
    Column("category", Text, primary_key=True),
    Column("estate", Text, primary_key=True, server_default="*", comment="* is the group's; an estate's goes first"),
    Column("channels", ARRAY(Text), nullable=False, comment="Tried in this order after those the event names"),
    Column("contact_window", Text, comment="HH:MM-HH:MM Asia/Shanghai for sms and email; null: any time"),
    Column("cap_count", Integer, comment="At most so many by sms and email to one recipient …"),
    Column("cap_days", Integer, comment="… within so many days; null: no cap"),
    CheckConstraint("(cap_count IS NULL) = (cap_days IS NULL)", name="cap_whole"),
    CheckConstraint("contact_window ~ '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$'", name="window_form"),
)

template = Table(
    "template",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("variables", ARRAY(Text), nullable=False),
    Column(
        "shipped",
        Text,
        comment="Digest of subject and body as the product ships them; any other or none: the group's own words",
    ),
    UniqueConstraint("code", "channel", "language", "version", name="template_version"),
)

# What calls back dunning of a household that is decided and not sent yet (D3); one row per ground, the last counts.
withdrawal = Table(
    "withdrawal",
    metadata,
    Column("household", Text, primary_key=True),
    Column("ground", Text, primary_key=True),
    Column(
        "withdrawn_at",
        INSTANT,
        nullable=False,
        comment="Dunning decided up to then and not sent is not said",
    ),
    Column("reason", Text, nullable=False),
    CheckConstraint("ground IN ('hold', 'payment')", name="ground"),
)

message = Table(
    "message",
    metadata,
    Column("id", Uuid, primary_key=True, comment="Made from recipient and cause; the provider's idempotency key"),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("recipient", Text, nullable=False, comment="Household or staff code, or {estate}:{role}"),
    Column("recipient_kind", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("estate", Text, nullable=False),
    Column("building", Text),
    Column("household", Text, comment="The household it is about"),
    Column("assignee", Text, comment="Staff code of who hands it over when it becomes a staff task"),
    Column("business_on", Date, nullable=False, comment="Business day of its cause"),
    Column("variables", JSONB, nullable=False),
    Column("channels", ARRAY(Text), nullable=False, comment="The fallback chain"),
    Column("position", SmallInteger, nullable=False, server_default="0"),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("not_before", INSTANT, nullable=False),
    Column("claim", Uuid),
    Column("claimed_until", INSTANT),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="On the current channel"),
    Column("channel", Text, comment="The channel the words below are for"),
    Column("contact_on", Date, comment="Business day on which the recipient was contacted, for the frequency cap"),
    Column("address", Text),
    Column("language", Text),
    Column("template_version", Integer),
    Column("subject", Text),
    Column("text", Text),
    Column("provider_receipt", Text),
    Column("reason", Text, comment="Why it waits, fell back or failed"),
    Column("created_at", INSTANT, nullable=False, comment="Of dunning: when the step was decided"),
    Column("sent_at", INSTANT),
    Column("delivered_on", Date, comment="Business day on which a letter was received, as staff recorded it"),
    Column("delivery_proof", Text, comment="Tracking or receipt number of it, or why it came back"),
    Column("delivery_recorded_by", Text),
    UniqueConstraint("recipient", "cause", name="message_once"),
    CheckConstraint("recipient_kind IN ('household', 'staff')", name="recipient_kind"),
    CheckConstraint(
        "status IN ('queued', 'waiting_contact', 'sent', 'queued_for_print', 'delivered', 'failed')", name="status"
    ),
    Index("message_due", "not_before", "seq", postgresql_where=text("status IN ('queued', 'waiting_contact')")),
    Index("message_household", "household", "seq"),
    Index("message_estate", "estate", "seq"),
    Index("message_assignee", "assignee", "seq", postgresql_where=text("assignee IS NOT NULL")),
)
