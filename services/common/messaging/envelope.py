"""VOCABULARY of the wire: the envelope, one JSON object of primitives. Only the attempt stands in an AMQP header."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from services.common.contracts.base import Message

CONTENT_TYPE = "application/json"
ATTEMPT_HEADER = "x-estateloop-attempt"


class Unreadable(ValueError):
    """The body is no event of ours; it is parked as it came."""


def seal(
    event_id: str, event: str, version: int, source: str, aggregate: str, occurred_at: str, trace_id: str, data: str
) -> bytes:
    """The body of an event whose `data` is JSON text already; built by hand because the relay does it 10,000×/s."""
    return (
        f'{{"event_id":"{event_id}","event":"{event}","version":{version},"source":"{source}",'
        f'"aggregate":{json.dumps(aggregate)},"occurred_at":"{occurred_at}","trace_id":{json.dumps(trace_id)},'
        f'"data":{data}}}'
    ).encode()


def unseal(body: bytes | str, *, consumer: str, attempt: int) -> Message:
    """The message in `body`; Unreadable when it is not exactly an envelope."""
    try:
        fields: dict[str, Any] = json.loads(body)
        return Message(
            consumer=consumer,
            event_id=UUID(fields["event_id"]),
            event=_text(fields, "event"),
            version=int(fields["version"]),
            source=_text(fields, "source"),
            aggregate=_text(fields, "aggregate"),
            occurred_at=datetime.fromisoformat(fields["occurred_at"]),
            trace_id=_text(fields, "trace_id"),
            data=_object(fields["data"]),
            attempt=attempt,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("data is no object")
    return value
