"""STORE of parked events: kept with their error where ops see them, and replayed when the cause is gone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from services.common.contracts.answers.base import Page
from services.common.contracts.errors import Conflict, NotFound
from services.common.fields import Whole
from services.common.messaging.envelope import Unreadable, unseal
from services.common.messaging.outbox import record_repeat
from services.common.messaging.tables import new_metadata
from services.common.paging import page, position

parked = new_metadata().tables["parked_event"]


@dataclass(frozen=True)
class ParkedEvent:
    """What ops see of a parked event; the body stays in the database, it may hold personal data."""

    id: Whole
    queue: str
    event: str
    event_id: UUID | None
    error: str
    attempts: Whole
    parked_at: datetime


def park(
    session: Session, queue: str, body: bytes, error: str, *, event: str, attempts: int, event_id: UUID | None
) -> None:
    """Keep `body` as it came."""
    session.execute(
        insert(parked).values(
            queue=queue, body=body, error=storable(error), event=storable(event), attempts=attempts, event_id=event_id
        )
    )


def storable(text: str) -> str:
    """Text as PostgreSQL can hold it: a stranger's JSON may carry NUL and half characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def waiting(session: Session, limit: int, after: int | None = None) -> list[ParkedEvent]:
    """Parked events not replayed yet, oldest first, with ids above `after`."""
    columns = [parked.c[name] for name in ParkedEvent.__dataclass_fields__]
    query = select(*columns).where(parked.c.replayed_at.is_(None)).order_by(parked.c.id).limit(limit)
    if after is not None:
        query = query.where(parked.c.id > after)
    return [ParkedEvent(**row._mapping) for row in session.execute(query)]


def list_waiting(session: Session, limit: int, cursor: str | None) -> Page[ParkedEvent]:
    """A page of `waiting`. Invalid (cursor)."""
    after = position(cursor, int)
    items, next_cursor = page(waiting(session, limit + 1, after[0] if after else None), limit, lambda row: [row.id])
    return Page(items=items, next_cursor=next_cursor)


def count_waiting(session: Session) -> int:
    """How many events are parked and not replayed."""
    return session.scalars(select(func.count()).select_from(parked).where(parked.c.replayed_at.is_(None))).one()


def replay(session: Session, parked_id: int, now: datetime) -> None:
    """Send the event to its queue again; NotFound, or Conflict when it was replayed before or cannot be read."""
    row = session.execute(select(parked).where(parked.c.id == parked_id).with_for_update()).first()
    if row is None:
        raise NotFound(f"There is no parked event {parked_id}.")
    if row.replayed_at is not None:
        raise Conflict(f"Parked event {parked_id} was replayed before.")
    try:
        message = unseal(bytes(row.body), consumer="replay", attempt=1)
    except Unreadable as error:
        raise Conflict(f"Parked event {parked_id} cannot be read and so cannot be replayed.") from error
    record_repeat(session, message, row.queue, attempt=1, at=now, delay=0)
    session.execute(update(parked).where(parked.c.id == parked_id).values(replayed_at=now))
