"""A gateway under test: the application with its lifespan, and a stand-in for services on Nameko's wire format.

The stand-in is AMQP on the real broker, written from the protocol and not from our client, so that both can disagree.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.settings import Settings

SECRET = "a secret that only these tests use, long enough"
NOWHERE = "amqp://guest:guest@127.0.0.1:1//"
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/postgres"
Handler = Callable[[dict[str, Any]], Any]


class RemoteError(Exception):
    """What a service raises, by the name it has on the wire."""

    def __init__(self, exc_type: str, *args: str) -> None:
        super().__init__(exc_type)
        self.on_wire = {"exc_type": exc_type, "exc_path": f"services.x.{exc_type}", "exc_args": args, "value": "x"}


class Silence(Exception):
    """The service takes the request and never answers."""


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    key: str
    kwargs: dict[str, Any]
    message: AbstractIncomingMessage


@dataclass
class Responder:
    """Answers `{service}.{method}` by handlers; a handler may block, the others go on."""

    uri: str
    services: tuple[str, ...]
    handlers: dict[str, Handler] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(20)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def count(self, key: str) -> int:
        """How often a method was asked."""
        return sum(asked.key == key for asked in self.asked)

    def last(self, key: str) -> Asked:
        """The newest request to a method."""
        return [asked for asked in self.asked if asked.key == key][-1]

    async def _open(self) -> None:
        self._connection = await aio_pika.connect(self.uri)
        channel = await self._connection.channel()
        self._exchange = await channel.declare_exchange("nameko-rpc", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(None, exclusive=True)
        for service in self.services:
            await queue.bind(self._exchange, f"{service}.*")
        await queue.consume(self._take, no_ack=True)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        key, body = message.routing_key or "", json.loads(message.body)
        self.asked.append(Asked(key, body["kwargs"], message))
        try:
            reply = {"result": await asyncio.to_thread(self._handle, key, body["kwargs"]), "error": None}
        except Silence:
            return
        except RemoteError as error:
            reply = {"result": None, "error": error.on_wire}
        answer = aio_pika.Message(json.dumps(reply).encode(), correlation_id=message.correlation_id)
        await self._exchange.publish(answer, message.reply_to or "")

    def _handle(self, key: str, kwargs: dict[str, Any]) -> Any:
        if key not in self.handlers:
            raise RemoteError("MethodNotFound", key)
        return self.handlers[key](kwargs)


def settings_for_tests(**changed: Any) -> Settings:
    """The sandbox's, with nothing behind it unless told."""
    defaults = {"amqp_uri": NOWHERE, "database_url": NO_DATABASE, "sandbox": True, "jwt_secret": SECRET}
    defaults |= {"stop_deadline_seconds": 1}
    return Settings(**{**defaults, **changed})


@contextlib.contextmanager
def serving(**changed: Any) -> Iterator[TestClient]:
    """A client of a gateway with these settings."""
    with TestClient(create_app(settings_for_tests(**changed)), raise_server_exceptions=False) as client:
        yield client


def sign_in(client: TestClient, role: str = "group_admin", **scope: Any) -> dict[str, str]:
    """Headers of a development sign-in."""
    reply = client.post("/v1/auth/dev-token", json={"role": role, **scope})
    assert reply.status_code == 200, reply.text
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


@dataclass
class Cable:
    """A wire to the broker that can be cut: what is connected breaks at once, new connections come through."""

    host: str
    port: int
    _open: set[asyncio.WriteTransport] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.local_port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break what is connected."""
        for transport in list(self._open):
            transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        for each in (writer, far_writer):
            self._open.add(each.transport)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


Knobs = dict[str, Any]
PAYMENT = {"household": "H1", "channel": "cash", "amount_fen": 100}


def paid(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What payments answers to `create_payment`."""
    return {"id": kwargs["request_id"], "status": "settled", "amount_fen": kwargs["amount_fen"]}


def pay(client: TestClient, headers: dict[str, str], key: str | None = None, **changed: Any) -> Any:
    """POST a cash payment, with an idempotency key when one is given."""
    more = {} if key is None else {"Idempotency-Key": key}
    return client.post("/v1/payments", json={**PAYMENT, **changed}, headers={**headers, **more})
