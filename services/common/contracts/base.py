"""VOCABULARY of all events: name, version, source and the envelope it travels in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class UnknownVersion(ValueError):
    """The event is of a version this reader does not know; it must be parked, not guessed at."""


@dataclass(frozen=True)
class Message:
    """One delivered event, as the reliable handler hands it to a door.

    `consumer` names the queue's owner (`billing.on_payment_settled`) and is half of the inbox key; `attempt` counts
    from 1. `data` is the event's own JSON object, primitives only.
    """

    consumer: str
    event_id: UUID
    event: str
    version: int
    source: str
    aggregate: str
    occurred_at: datetime
    trace_id: str
    data: dict[str, Any]
    attempt: int = 1


class Part(BaseModel):
    """A piece inside an event. Frozen; readers ignore fields they do not know, so that contracts can grow.

    What is wrong with one is said without its values: such errors are logged and parked with the event.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Event(Part):
    """A past-tense fact one service tells the others.

    `SOURCE` is the service that records it, `NAME` the routing key on exchange `{SOURCE}.events`, `VERSION` rises
    only when a reader of the old one could not read the new one. `AUDIENCE` names the services that subscribe.
    """

    NAME: ClassVar[str]
    SOURCE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    AUDIENCE: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def parse(cls, message: Message) -> Self:
        """The event inside `message`; raises UnknownVersion or pydantic.ValidationError, both of which park it."""
        if message.version != cls.VERSION:
            raise UnknownVersion(f"{message.event} version {message.version}, this reader knows {cls.VERSION}")
        return cls.model_validate(message.data)
