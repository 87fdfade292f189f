"""Operation: parked events, health. What the audit log answers is typed beside it (gateway/front/audit.py)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gateway.resources.base import Degraded, ServiceName
from services.common.contracts.answers.base import Cursor
from services.common.fields import Whole


class ParkedEvent(TypedDict):
    """An event a service gave up on after its retries."""

    id: Annotated[str, Field(description="service:id")]
    service: ServiceName
    queue: str
    event: str
    event_id: UUID | None
    error: str
    attempts: Whole
    parked_at: datetime


class ParkedEvents(TypedDict):
    """One page over all services."""

    items: list[ParkedEvent]
    next_cursor: Cursor
    degraded: Degraded


class Replayed(TypedDict):
    """The event is on its way to its queue again."""

    id: Annotated[str, Field(description="service:id")]
    service: ServiceName
    status: Literal["replayed"]


class Health(TypedDict):
    """The process answers."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Whether requests should be sent here: broker connected, own database answers, not stopping."""

    status: Literal["ok", "unready"]
    broker: bool
    database: bool
    draining: bool
