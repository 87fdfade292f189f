"""WIRE: Nameko's consumers made safe (facts in docs/adr/0001): raw bodies are read by us before Nameko sees them,
and nothing that a message or a broken connection does may end the container.
"""

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from kombu import Consumer, Queue
from nameko.messaging import QueueConsumer
from nameko.rpc import ReplyListener, RpcProxy

from services.common.observability.logs import get_logger

log = get_logger(__name__)


class PacedConsumer(Consumer):
    """A consumer that holds so many unacked messages and no more; the others of its channel may hold others."""

    def __init__(self, *args: Any, prefetch_count: int, **kwargs: Any) -> None:
        self.most = prefetch_count
        super().__init__(*args, **kwargs)

    def consume(self, no_ack: bool | None = None) -> None:
        """The broker applies a limit to the consumers that begin after it was set on their channel."""
        self.qos(prefetch_count=self.most)
        super().consume(no_ack)


class SafeQueueConsumer(QueueConsumer):
    """One connection for all consumers of a service; hands the raw message to its provider, undecoded."""

    last_iteration = 0.0

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Iterable[Any]:
        """As Nameko's, but with `on_message`, so that kombu neither decodes nor drops a body."""
        for provider in self._providers:
            self._consumers[provider] = PacedConsumer(
                channel,
                queues=[provider.queue],
                on_message=partial(self.handle_message, provider, None),
                prefetch_count=getattr(provider, "prefetch", None) or self.prefetch_count,
            )
        return list(self._consumers.values())

    def on_iteration(self) -> None:
        """Called at least every second while the connection lives: the readiness probe reads the stamp."""
        self.last_iteration = time.monotonic()
        super().on_iteration()

    def ack_message(self, message: Any) -> None:
        """Ack; when the connection has gone the broker delivers again and the inbox knows the event."""
        self._settle(message, "ack")

    def requeue_message(self, message: Any) -> None:
        """Give the message back to the queue."""
        self._settle(message, "requeue")

    def _settle(self, message: Any, how: str) -> None:
        try:
            if message.channel.connection:
                getattr(message, how)()
        except (*self.connection.connection_errors, *self.connection.channel_errors, AttributeError) as error:
            log.warning("message not settled, the broker will deliver it again", extra={"how": how, "why": str(error)})


class AnchorReplyListener(ReplyListener):
    """The reply queue, classic and gone with its connection, on the service's one safe connection."""

    queue_consumer = SafeQueueConsumer()
    queue: Any

    def setup(self) -> None:
        """Declare the reply queue as a classic one: quorum queues cannot be exclusive."""
        super().setup()
        arguments = {**self.queue.queue_arguments, "x-queue-type": "classic"}
        self.queue = Queue(
            self.queue.name, exchange=self.queue.exchange, routing_key=self.routing_key, queue_arguments=arguments
        )

    def handle_message(self, body: Any, message: Any) -> None:
        """A reply nobody waits for: services do not call each other, the queue only keeps the connection open."""
        self.queue_consumer.ack_message(message)


class Anchor(RpcProxy):
    """Keeps the consumer connection open until running handlers have acked: without it `stop()` closes it first."""

    rpc_reply_listener = AnchorReplyListener()
