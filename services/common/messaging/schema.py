"""STORE of the reliable layer: its tables as every service's first migration creates them."""

from typing import Any

from sqlalchemy import MetaData

from services.common.messaging.tables import NOTIFY_CHANNEL, define_messaging_tables

# The relay sleeps on LISTEN; PostgreSQL delivers one wake-up per committing transaction, however many rows it wrote.
WAKE_UP = f"""
CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('{NOTIFY_CHANNEL}', '');
  RETURN NULL;
END $$;
CREATE TRIGGER outbox_wakes_relay AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();
"""
# The outbox is a queue: rows die soon after they are written, so it is vacuumed early, and an event's data is stored as
# the text it goes out as, neither parsed into a tree nor compressed for the moment it waits.
QUEUE = """
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);
ALTER TABLE outbox ALTER COLUMN data SET STORAGE EXTERNAL;
"""


def create_messaging_tables(op: Any) -> None:
    """Create outbox, inbox, parked_event and the relay's wake-up; `op` is Alembic's."""
    metadata = MetaData()
    define_messaging_tables(metadata)
    metadata.create_all(op.get_bind())
    op.execute(WAKE_UP)
    op.execute(QUEUE)
