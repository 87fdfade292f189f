"""STORE of the reliable layer: outbox, inbox and parked events, the same three tables in every service's database."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)

NOTIFY_CHANNEL = "outbox"
NAMING = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


def new_metadata() -> MetaData:
    """The metadata of one service's database, with the reliable layer's tables. Names are PostgreSQL's own."""
    metadata = MetaData(naming_convention=NAMING)
    define_messaging_tables(metadata)
    return metadata


def define_messaging_tables(metadata: MetaData) -> None:
    """Add outbox, inbox and parked_event to a service's metadata.

    outbox: `exchange` empty means the row is addressed to one queue (`routing_key`), as repeats and replays are;
    `due_at` is when it may go out; `published_at` is null until the broker confirmed it. parked_event keeps the raw
    body, for an event may be parked because it cannot be read.
    """
    outbox = Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("event", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("source", Text, nullable=False),
        Column("aggregate", Text, nullable=False),
        Column("data", JSON, nullable=False),
        Column("occurred_at", DateTime(timezone=True), nullable=False),
        Column("trace_id", Text, nullable=False, server_default=text("''")),
        Column("exchange", Text, nullable=False),
        Column("routing_key", Text, nullable=False),
        Column("attempt", Integer, nullable=False, server_default=text("1")),
        Column("due_at", DateTime(timezone=True), nullable=False),
        Column("published_at", DateTime(timezone=True)),
    )
    Index("outbox_pending_idx", outbox.c.id, postgresql_where=outbox.c.published_at.is_(None))
    Index("outbox_published_idx", outbox.c.published_at, postgresql_using="brin")
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    )
    Index("inbox_received_idx", inbox.c.received_at, postgresql_using="brin")
    parked_event = Table(
        "parked_event",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("queue", Text, nullable=False),
        Column("event_id", Uuid),
        Column("event", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("error", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("parked_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("replayed_at", DateTime(timezone=True)),
    )
    Index("parked_event_waiting_idx", parked_event.c.id, postgresql_where=parked_event.c.replayed_at.is_(None))
