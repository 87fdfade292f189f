"""WIRE: every queue a service needs, read off its doors and declared before anything is published or consumed.

An event published before its consumer's queue exists would be lost to that consumer, so migration jobs declare the
queues of all services first. A queue that exists with other arguments fails loudly here, not for ever in a loop.
"""

import inspect
from collections.abc import Iterator
from typing import Any

from kombu import Connection, Exchange, Queue

from services.common.contracts.base import Event
from services.common.messaging.handler import EventHandler, dead_queue_of, queue_of
from services.common.messaging.names import event_exchange
from services.common.observability.logs import get_logger
from services.common.process.settings import CommonSettings

log = get_logger(__name__)
BROKER_SECONDS = 60


def subscriptions(service_cls: type) -> Iterator[tuple[str, type[Event]]]:
    """(door, event) of every event handler of a service class."""
    for name, method in inspect.getmembers(service_cls, inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, EventHandler):
                yield name, entrypoint.event


def queues(service_cls: Any, settings: CommonSettings) -> list[Queue]:
    """All queues of a service, its dead-letter queue first."""
    event_queues = [queue_of(event, service_cls.name, door, settings) for door, event in subscriptions(service_cls)]
    return [dead_queue_of(service_cls.name), *event_queues]


def await_broker(settings: CommonSettings) -> None:
    """Return when the broker answers; a broker that is still starting is given a minute. Raises OperationalError."""
    with Connection(settings.amqp_uri, connect_timeout=10) as broker:
        broker.ensure_connection(timeout=BROKER_SECONDS, interval_start=0.1, interval_step=0.1, interval_max=0.5)


def declare(service_cls: Any, settings: CommonSettings) -> None:
    """Declare exchange and queues of a service; raises when one exists with other arguments."""
    with Connection(settings.amqp_uri, connect_timeout=10) as connection:
        channel = connection.channel()
        Exchange(event_exchange(service_cls.name), type="topic", durable=True)(channel).declare()
        for queue in queues(service_cls, settings):
            queue(channel).declare()
