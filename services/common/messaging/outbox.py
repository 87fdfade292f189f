"""STORE of events to send: rows of the caller's transaction, so that an event exists exactly when the change does."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from services.common.contracts.base import Event, Message
from services.common.messaging.names import event_exchange
from services.common.messaging.tables import new_metadata
from services.common.observability.logs import current_trace_id

outbox = new_metadata().tables["outbox"]
_BACKLOG = text("""
SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())), 0)::float
FROM outbox WHERE published_at IS NULL
""")


def record(session: Session, event: Event, *, aggregate: str, at: datetime) -> UUID:
    """Write `event` to the outbox; events of one `aggregate` reach each queue in the order they were recorded.

    `at` is the aware instant the fact became true. Returns the event's id. Nothing is sent before the commit.
    """
    return record_many(session, [event], aggregate=aggregate, at=at)[0]


def record_many(session: Session, events: Iterable[Event], *, aggregate: str, at: datetime) -> list[UUID]:
    """Write several events of one aggregate with one statement, in their order."""
    rows = [_row(event, aggregate, at) for event in events]
    if rows:
        session.execute(insert(outbox), rows)
    return [row["event_id"] for row in rows]


def _row(event: Event, aggregate: str, at: datetime) -> dict[str, Any]:
    return {
        "event_id": uuid4(),
        "event": event.NAME,
        "version": event.VERSION,
        "source": event.SOURCE,
        "aggregate": aggregate,
        "data": event.model_dump(mode="json"),
        "occurred_at": at,
        "trace_id": current_trace_id(),
        "exchange": event_exchange(event.SOURCE),
        "routing_key": event.NAME,
        "due_at": at,
    }


def record_repeat(session: Session, message: Message, queue: str, *, attempt: int, at: datetime, delay: float) -> None:
    """Send `message` once more to one queue only, `delay` seconds after `at`: a repeat after a failure, or a replay."""
    session.execute(
        insert(outbox).values(
            event_id=message.event_id,
            event=message.event,
            version=message.version,
            source=message.source,
            aggregate=message.aggregate,
            data=message.data,
            occurred_at=message.occurred_at,
            trace_id=message.trace_id,
            exchange="",
            routing_key=queue,
            attempt=attempt,
            due_at=at + timedelta(seconds=delay),
        )
    )


def backlog(session: Session) -> tuple[int, float]:
    """How many events are recorded and not yet published, and for how many seconds the oldest of them has been due."""
    waiting, oldest = session.execute(_BACKLOG).one()
    return waiting, oldest
