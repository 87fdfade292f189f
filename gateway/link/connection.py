"""The one connection to the broker: an exclusive reply queue per connection, reconnecting for ever (nameko.md).

Start-up does not wait for the broker; whoever publishes while it is away is told so.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from yarl import URL

from services.common.observability.logs import get_logger

EXCHANGE = "nameko-rpc"
FIRST_DELAY, LONGEST_DELAY = 0.2, 3.0
CONNECT_TIMEOUT = 5.0

log = get_logger(__name__)


class NotConnected(Exception):
    """The broker is away; nothing was sent."""


class Unroutable(Exception):
    """No queue is bound: the service has never started."""


class BrokerLink:
    """`on_reply` takes every reply; `on_lost` is called once for each connection that ends."""

    def __init__(
        self,
        uri: str,
        heartbeat: int,
        on_reply: Callable[[AbstractIncomingMessage], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._url = URL(uri).update_query(heartbeat=str(heartbeat))
        self._on_reply, self._on_lost = on_reply, on_lost
        self._up = asyncio.Event()
        self._exchange: AbstractExchange | None = None
        self._reply_key = ""
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether calls can be made now."""
        return self._up.is_set()

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._keeper = asyncio.create_task(self._keep(), name="broker link")

    async def stop(self) -> None:
        """Close the connection and connect no more."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def wait(self, seconds: float) -> None:
        """Return when connected, else raise NotConnected after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._up.wait()
        except TimeoutError:
            raise NotConnected from None

    async def publish(self, message: aio_pika.Message, routing_key: str) -> None:
        """Hand `message` to the broker and see it confirmed. Raises NotConnected or Unroutable."""
        exchange = self._exchange
        if exchange is None:
            raise NotConnected
        message.reply_to = self._reply_key
        try:
            confirmation = await exchange.publish(message, routing_key, mandatory=True)
        except (AMQPError, ConnectionError, RuntimeError) as error:  # nack included; RuntimeError: closing transport
            raise NotConnected from error
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            raise NotConnected from None  # the connection cancelled its own futures when it closed
        if not _is_ack(confirmation):
            raise Unroutable

    async def _keep(self) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                await self._serve()
                delay = FIRST_DELAY
            except (AMQPError, OSError, TimeoutError, RuntimeError) as error:
                log.warning("broker is not reachable", extra={"error": type(error).__name__})
                delay = min(delay * 2, LONGEST_DELAY)
            await asyncio.sleep(delay)

    async def _serve(self) -> None:
        """Connect and stay until the connection or its channel ends."""
        connection = await aio_pika.connect(
            self._url, timeout=CONNECT_TIMEOUT, client_properties={"connection_name": "estateloop-gateway"}
        )
        connection_lost = asyncio.Event()
        try:
            connection.close_callbacks.add(lambda *_: connection_lost.set())
            channel = await self._open(connection)
            channel.close_callbacks.add(lambda *_: connection_lost.set())
            self._up.set()
            log.info("connected to the broker")
            await connection_lost.wait()
            log.warning("connection to the broker was lost")
        finally:
            self._up.clear()
            self._exchange = None
            self._on_lost()
            await _close(connection)

    async def _open(self, connection: AbstractConnection) -> AbstractChannel:
        """A channel, a fresh reply queue and its binding; the key is new each time, so late replies go nowhere."""
        channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(
            None, exclusive=True, auto_delete=True, arguments={"x-queue-type": "classic"}
        )
        self._reply_key = f"gateway-reply-{uuid4()}"
        await queue.bind(exchange, self._reply_key)
        await queue.consume(self._take, no_ack=True)
        self._exchange = exchange
        return channel

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self._on_reply(message)


async def _close(connection: AbstractConnection) -> None:
    with suppress(AMQPError, OSError, RuntimeError, TimeoutError):  # it may be gone already, which is what we want
        async with asyncio.timeout(2):
            await connection.close()


def _is_ack(confirmation: object) -> bool:
    """aio-pika hands back the broker's ack frame, or the message itself when it could not be routed."""
    return getattr(confirmation, "name", "") == "Basic.Ack"


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
