"""Knocking on a service's doors without a broker: events as the reliable layer hands them over, and a clock to turn."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.common.contracts.base import Event, Message
from services.common.process.service import EstateService


class Ahead(EstateService):
    """Mixed into a service: its clock can be put forward."""

    ahead = timedelta()

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def message_of(event: Event, consumer: str, event_id: UUID | None = None, at: datetime | None = None) -> Message:
    """`event` as it reaches the door named `consumer`."""
    return Message(
        consumer=consumer,
        event_id=event_id or uuid4(),
        event=event.NAME,
        version=event.VERSION,
        source=event.SOURCE,
        aggregate="test",
        occurred_at=at or datetime.now(UTC),
        trace_id="",
        data=event.model_dump(mode="json"),
    )


def deliver_twice(door: Callable[[Message], None], event: Event) -> None:
    """The same delivery again, as after a crash before the ack."""
    message = message_of(event, door.__qualname__)
    door(message)
    door(message)
