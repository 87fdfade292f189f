"""The reliable layer: no event is lost and none is applied twice (architecture decision 2, docs/adr/0002).

Producing side: `record` writes an outbox row in the caller's transaction; the relay publishes it with confirms.
Consuming side: a door marked `@event_handler(Event)` asks `first_delivery` in its own transaction. A handler that
fails is repeated with delay and then parked with its error, where ops can see and replay it.
"""

from services.common.contracts.base import Message
from services.common.messaging.inbox import first_delivery
from services.common.messaging.outbox import record, record_many

__all__ = ["Message", "first_delivery", "record", "record_many"]
