"""Operation: audit log, parked events, health."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from gateway.resources.base import shown


class AuditEntry(BaseModel):
    """One line of the audit log; `hash` seals it together with all before it."""

    model_config = shown(
        id=12,
        at="2026-11-20T02:00:00+00:00",
        sub="dev-finance",
        roles="finance",
        method="POST",
        route="/v1/payments",
        subject="household=GZ01-1-0101",
        outcome=201,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        prev_hash="0" * 64,
        hash="9f" * 32,
    )
    id: int
    at: datetime
    sub: str
    roles: str
    method: str
    route: str
    subject: str
    outcome: int = Field(description="HTTP status")
    trace_id: str
    prev_hash: str
    hash: str


class ChainCheck(BaseModel):
    """Whether the chain holds; note `head` and `entries` outside the system to notice a shortened log."""

    model_config = shown(valid=True, entries=12, head="9f" * 32, broken_at=None)
    valid: bool
    entries: int
    head: str
    broken_at: int | None


class ParkedEvent(BaseModel):
    """An event a service gave up on after its retries."""

    model_config = shown(
        id="billing:7",
        service="billing",
        event="payment_settled",
        attempts=6,
        error="OperationalError: …",
        parked_at="2026-11-20T02:00:00+00:00",
    )
    id: str = Field(description="service:id")
    service: str


class ParkedEvents(BaseModel):
    """One page over all services."""

    items: list[ParkedEvent]
    next_cursor: str | None = None
    degraded: list[str] = []


class Replayed(BaseModel):
    """The event is on its way again."""

    model_config = shown(id="billing:7")
    id: str


class Health(BaseModel):
    """The process answers."""

    model_config = shown(status="ok")
    status: Literal["ok", "unready"]


class Readiness(Health):
    """Whether requests should be sent here."""

    model_config = shown(status="ok", broker=True, database=True, draining=False)
    broker: bool
    database: bool
    draining: bool
