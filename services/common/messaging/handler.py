"""WIRE: `@event_handler(Event)`, the door through which an event enters, with repeat, parking and dead letters."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import eventlet
from kombu import Exchange, Queue
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint
from pydantic import ValidationError
from sqlalchemy import Engine

from services.common.contracts.base import Event, Message, UnknownVersion
from services.common.database import answers, is_outage, transaction
from services.common.messaging.consumer import SafeQueueConsumer
from services.common.messaging.envelope import ATTEMPT_HEADER, Unreadable, unseal
from services.common.messaging.names import (
    DEAD_EXCHANGE,
    dead_queue,
    event_exchange,
    event_queue,
    event_queue_arguments,
)
from services.common.messaging.outbox import record_repeat
from services.common.messaging.parking import park
from services.common.observability.logs import describe, get_logger
from services.common.observability.metrics import event_lag_seconds, events_total
from services.common.process.settings import CommonSettings

log = get_logger(__name__)
Door = TypeVar("Door", bound=Callable[..., None])
OUTAGE_PAUSE_SECONDS = 0.5


def wait_for_database(engine: Engine) -> None:
    """Hold the message, and with it a worker, until the database is back: nobody else could do better with it."""
    while not answers(engine):
        eventlet.sleep(OUTAGE_PAUSE_SECONDS)


class RawConsumer(Entrypoint):
    """A consumer of undecoded messages that never lets an exception out to the container."""

    queue_consumer = SafeQueueConsumer()
    queue: Queue
    label: str  # of metrics: a name of ours, never what a message calls itself

    @property
    def service(self) -> str:
        """The name of the service."""
        return str(self.container.service_name)

    @property
    def settings(self) -> CommonSettings:
        """The process's settings, as the runner put them into Nameko's configuration."""
        return self.container.config["settings"]  # type: ignore[no-any-return]

    @property
    def engine(self) -> Engine:
        """The service's engine, shared with its doors."""
        return self.container.config["engine"]  # type: ignore[no-any-return]

    def setup(self) -> None:
        """Register with the one connection."""
        self.queue_consumer.register_provider(self)

    def stop(self) -> None:
        """Stop taking messages; those at work go on."""
        self.queue_consumer.unregister_provider(self)

    def set_aside(
        self, raw: Any, error: str, event: str, attempts: int, event_id: Any = None, origin: str | None = None
    ) -> None:
        """Park the raw message with its error under the queue it came from, then ack.

        While the database is away, wait with it. Whatever else prevents it, the message goes back to its queue.
        """
        try:
            self._park(raw, error, event, attempts, event_id, origin or self.queue.name)
        except Exception:
            log.exception("message not parked")
            eventlet.sleep(OUTAGE_PAUSE_SECONDS)
            self.queue_consumer.requeue_message(raw)
            return
        events_total.labels(self.service, self.label, "parked").inc()
        log.error("event parked", extra={"event": event, "event_id": str(event_id), "why": error})
        self.queue_consumer.ack_message(raw)

    def _park(self, raw: Any, error: str, event: str, attempts: int, event_id: Any, origin: str) -> None:
        while True:
            try:
                with transaction(self.engine) as session:
                    park(session, origin, raw_body(raw), error, event=event, attempts=attempts, event_id=event_id)
                return
            except Exception as failure:
                if not is_outage(failure):
                    raise
                wait_for_database(self.engine)


def raw_body(message: Any) -> bytes:
    """The body as bytes, whatever kombu made of it."""
    return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


class EventHandler(RawConsumer):
    """Consumes one event type from a quorum queue of its own.

    Success: ack. Failure: the door's transaction is gone; the event is written to this service's outbox to come back
    to this queue after a delay, then acked. After the last delay it is parked. Database away: the message is held
    until it is back and then delivered again. Unreadable, of an unknown version: parked at once.
    """

    def __init__(self, event: type[Event], prefetch: int | None = None, **kwargs: Any) -> None:
        self.event = event
        self.prefetch = prefetch
        self.label = event.NAME
        super().__init__(event, prefetch, **kwargs)

    def setup(self) -> None:
        """Name and declare the queue."""
        self.queue = queue_of(self.event, self.service, self.method_name, self.settings)
        super().setup()

    @property
    def consumer(self) -> str:
        """Half of the inbox key."""
        return f"{self.service}.{self.method_name}"

    def handle_message(self, _body: None, raw: Any) -> None:
        """Runs in a thread of its own per message; whatever goes wrong here is parked, not raised."""
        try:
            message = unseal(raw.body, consumer=self.consumer, attempt=attempt_of(raw))
        except Unreadable as error:
            self.set_aside(raw, describe(error), self.event.NAME, attempts=1)
            return
        try:
            self.container.spawn_worker(
                self,
                (message,),
                {},
                context_data={"trace_id": message.trace_id},
                handle_result=partial(self.handle_result, raw, message),
            )
        except ContainerBeingKilled:
            self.queue_consumer.requeue_message(raw)

    def handle_result(self, raw: Any, message: Message, _worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Settle the message; what cannot be settled is left unacked and comes back with the connection."""
        try:
            if exc_info is None:
                self._succeeded(raw, message)
            else:
                self._failed(raw, message, exc_info[1])
        except Exception:
            log.exception("event not settled", extra={"event": message.event, "event_id": str(message.event_id)})
            self.queue_consumer.requeue_message(raw)
        return result, exc_info

    def _succeeded(self, raw: Any, message: Message) -> None:
        self.queue_consumer.ack_message(raw)
        events_total.labels(self.service, self.label, "done").inc()
        lag = (datetime.now(UTC) - message.occurred_at).total_seconds()
        event_lag_seconds.labels(self.service, self.label).observe(max(lag, 0.0))

    def _failed(self, raw: Any, message: Message, error: BaseException) -> None:
        if is_outage(error):
            wait_for_database(self.engine)
            self.queue_consumer.requeue_message(raw)
            return
        delays = self.settings.retry_delays_seconds
        if hopeless(error) or message.attempt > len(delays):
            self.set_aside(raw, describe(error), message.event, message.attempt, message.event_id)
            return
        delay = delays[message.attempt - 1]
        with transaction(self.engine) as session:
            record_repeat(
                session, message, self.queue.name, attempt=message.attempt + 1, at=datetime.now(UTC), delay=delay
            )
        events_total.labels(self.service, self.label, "repeated").inc()
        log.warning(
            "event failed, will be repeated",
            extra={
                "event": message.event,
                "event_id": str(message.event_id),
                "attempt": message.attempt,
                "delay": delay,
                "why": describe(error),
            },
        )
        self.queue_consumer.ack_message(raw)


def hopeless(error: BaseException) -> bool:
    """Whether repeating cannot help: the event is of a version or shape this reader does not know."""
    return isinstance(error, (UnknownVersion, ValidationError))


def attempt_of(raw: Any) -> int:
    """How often the event was tried before, from the header the relay sets; 1 where there is none or nonsense."""
    attempt = (raw.headers or {}).get(ATTEMPT_HEADER, 1)
    return attempt if isinstance(attempt, int) and attempt > 0 else 1


def queue_of(event: type[Event], service: str, method: str, settings: CommonSettings) -> Queue:
    """The queue of one door, bound to its source's exchange."""
    return Queue(
        event_queue(event.SOURCE, event.NAME, service, method),
        exchange=Exchange(event_exchange(event.SOURCE), type="topic", durable=True),
        routing_key=event.NAME,
        durable=True,
        queue_arguments=event_queue_arguments(service, settings.delivery_limit),
    )


def dead_queue_of(service: str) -> Queue:
    """The queue into which the broker puts what a service failed to take too often."""
    return Queue(
        dead_queue(service),
        exchange=Exchange(DEAD_EXCHANGE, type="direct", durable=True),
        routing_key=service,
        durable=True,
        queue_arguments={"x-queue-type": "quorum"},
    )


class DeadLetterHandler(RawConsumer):
    """Parks what the broker set aside: a message whose handling ends the process each time it is tried."""

    label = "dead_letter"

    def setup(self) -> None:
        """Consume the service's dead letters."""
        self.queue = dead_queue_of(self.service)
        super().setup()

    def handle_message(self, _body: None, raw: Any) -> None:
        """Park under the queue it came from, so that a replay goes there."""
        death = ((raw.headers or {}).get("x-death") or [{}])[0]
        origin = str(death.get("queue", self.queue.name))
        error = f"set aside by the broker: {death.get('reason', 'unknown')} after {death.get('count', '?')} deaths"
        try:
            message = unseal(raw.body, consumer=self.service, attempt=1)
            event, event_id = message.event, message.event_id
        except Unreadable:
            event, event_id = "unreadable", None
        self.set_aside(raw, error, event, self.settings.delivery_limit, event_id, origin)


def event_handler(event: type[Event], prefetch: int | None = None) -> Callable[[Door], Door]:
    """Mark a door as the handler of `event`. The door takes one Message and commits by itself.

    `prefetch`: so many messages a process holds, at work or waiting; default as many as it has workers. Long work that
    replicas share out wants few, or one of them ends up with what another could do.
    """
    return EventHandler.decorator(event, prefetch)  # type: ignore[no-any-return]


dead_letter_handler = DeadLetterHandler.decorator
