"""VOCABULARY of the wire: names of exchanges and queues, queues' arguments. Decided once: RabbitMQ refuses a change."""

from typing import Any

DEAD_EXCHANGE = "estateloop.dead"


def event_exchange(source: str) -> str:
    """The topic exchange on which `source` tells its events; Nameko's own name for it."""
    return f"{source}.events"


def event_queue(source: str, event: str, service: str, method: str) -> str:
    """The queue of one door; Nameko's own name for it, so that either can consume."""
    return f"evt-{source}-{event}--{service}.{method}"


def dead_queue(service: str) -> str:
    """Where the broker sets aside what a service could not take after many deliveries."""
    return f"dead-{service}"


def event_queue_arguments(service: str, delivery_limit: int) -> dict[str, Any]:
    """A quorum queue that hands a message to the dead-letter exchange after `delivery_limit` deliveries."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": delivery_limit,
        "x-dead-letter-exchange": DEAD_EXCHANGE,
        "x-dead-letter-routing-key": service,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
