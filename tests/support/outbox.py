"""What a handler recorded, read back as events."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.contracts.base import Event
from services.common.messaging.outbox import outbox

Recorded = TypeVar("Recorded", bound=Event)


def events(session: Session, event: type[Recorded]) -> list[Recorded]:
    """All recorded events of one type, in their order."""
    rows = session.scalars(select(outbox.c.data).where(outbox.c.event == event.NAME).order_by(outbox.c.id))
    return [event.model_validate(data) for data in rows]
