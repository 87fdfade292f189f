"""The asyncio RPC client against a real broker: Nameko's protocol, and everything that can go wrong on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from prometheus_client import REGISTRY
from yarl import URL

from gateway.link.rpc import CircuitOpen, Disconnected, NeverStarted, RemoteFailure, RpcClient, RpcOptions, TimedOut
from local.servers import start_rabbitmq
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from tests.contract.test_reliable_events import Toy
from tests.support.gateway import Cable, RemoteError, Responder, Silence
from tests.support.servers import Servers

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = Caller.system("test").model_dump(mode="json")


@pytest.fixture
def service() -> str:
    return f"svc{uuid4().hex[:8]}"


@pytest.fixture
def responder(servers: Servers, service: str) -> Iterator[Responder]:
    with Responder(servers.amqp_uri, (service,)) as made:
        yield made


@asynccontextmanager
async def connected(uri: str, **options: Any) -> AsyncIterator[RpcClient]:
    client = RpcClient(uri, RpcOptions(**{"timeout": 5.0, **options}))
    client.start()
    try:
        await until(lambda: client.connected)
        yield client
    finally:
        await client.stop()


async def until(condition: Callable[[], bool], deadline: float = 20.0) -> None:
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.01)


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(_bounded(work))


async def _bounded(work: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(60):
        await work()


def test_a_real_nameko_service_answers(servers: Servers, tmp_path: Path) -> None:
    toy = Toy(servers, tmp_path / "toy.log")
    try:
        with toy.process() as process:
            process.wait_ready()

            async def work() -> None:
                async with connected(servers.amqp_uri) as client:
                    ask = {"caller": CALLER, "word": "回声", "times": 2}
                    assert await client.call("toy", "echo", ask, trace_id=TRACE) == {
                        "word": "回声回声",
                        "sub": "system:test",
                    }
                    with pytest.raises(Invalid) as refused:
                        await client.call("toy", "echo", {**ask, "times": "many"}, trace_id=TRACE)
                    assert "times" in refused.value.errors[0]["loc"]
                    with pytest.raises(RemoteFailure):
                        await client.call("toy", "no_such_method", {}, trace_id=TRACE)

            run(work)
    finally:
        toy.close()


def test_the_request_is_what_nameko_reads(servers: Servers, service: str, responder: Responder) -> None:
    responder.handlers[f"{service}.greet"] = lambda kwargs: {"hello": kwargs["name"]}
    who = uuid4()

    async def work() -> None:
        async with connected(servers.amqp_uri) as client:
            answered = await client.call(service, "greet", {"name": "王", "id": who}, trace_id=TRACE, timeout=7)
            assert answered == {"hello": "王"}

    run(work)
    asked = responder.last(f"{service}.greet")
    message = asked.message
    assert asked.kwargs == {"name": "王", "id": str(who)}
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.exchange == "nameko-rpc"
    assert message.correlation_id
    assert message.reply_to
    assert message.expiration == 7
    assert message.headers["nameko.trace_id"] == TRACE
    (call,) = message.headers["nameko.call_id_stack"]
    assert call.startswith(f"gateway.{service}.greet.")
    assert None not in message.headers.values()


def test_hundreds_of_calls_share_a_connection_and_each_gets_its_own_answer(
    servers: Servers, service: str, responder: Responder
) -> None:
    responder.handlers[f"{service}.double"] = lambda kwargs: kwargs["n"] * 2

    async def work() -> None:
        async with connected(servers.amqp_uri) as client:
            calls = (client.call(service, "double", {"n": n}, trace_id=TRACE) for n in range(300))
            assert await asyncio.gather(*calls) == [n * 2 for n in range(300)]
            assert len({asked.message.reply_to for asked in responder.asked}) == 1

    run(work)


@pytest.mark.parametrize(
    ("raised", "seen", "errors"),
    [
        (RemoteError("Conflict", "closed", "[]"), Conflict, []),
        (RemoteError("Invalid", "bad", '[{"loc": "x", "msg": "y"}]'), Invalid, [{"loc": "x", "msg": "y"}]),
        (RemoteError("Invalid", "bad", "not json"), Invalid, []),
        (RemoteError("Invalid"), Invalid, []),
        (RemoteError("OperationalError", "password=secret"), RemoteFailure, None),
        (RemoteError("Exception", "x"), RemoteFailure, None),
    ],
)
def test_errors_of_the_service(
    servers: Servers, service: str, responder: Responder, raised: RemoteError, seen: type[Exception], errors: Any
) -> None:
    def fail(_kwargs: dict[str, Any]) -> None:
        raise raised

    responder.handlers[f"{service}.fail"] = fail

    async def work() -> None:
        async with connected(servers.amqp_uri) as client:
            with pytest.raises(seen) as caught:
                await client.call(service, "fail", {}, trace_id=TRACE)
            assert "secret" not in str(caught.value)
            assert getattr(caught.value, "errors", None) == errors

    run(work)


def test_a_service_that_never_started_is_told_at_once(servers: Servers, service: str) -> None:
    async def work() -> None:
        async with connected(servers.amqp_uri, timeout=30.0) as client:
            async with asyncio.timeout(5):
                with pytest.raises(NeverStarted):
                    await client.call(service, "anything", {}, trace_id=TRACE)

    run(work)


def test_a_late_answer_is_dropped_and_the_next_call_gets_its_own(
    servers: Servers, service: str, responder: Responder
) -> None:
    go, answered = threading.Event(), threading.Event()

    def late(_kwargs: dict[str, Any]) -> str:
        go.wait(20)
        answered.set()
        return "late"

    responder.handlers |= {f"{service}.late": late, f"{service}.now": lambda _kwargs: "now"}

    async def work() -> None:
        async with connected(servers.amqp_uri) as client:
            with pytest.raises(TimedOut):
                await client.call(service, "late", {}, trace_id=TRACE, timeout=0.3)
            go.set()
            assert await client.call(service, "now", {}, trace_id=TRACE) == "now"
            await asyncio.to_thread(answered.wait, 20)
            assert await client.call(service, "now", {}, trace_id=TRACE) == "now"

    run(work)
    labels = {"service": service, "method": "late", "outcome": "timeout"}
    assert REGISTRY.get_sample_value("estateloop_rpc_seconds_count", labels) == 1


def test_a_request_nobody_waits_for_any_more_expires(servers: Servers, service: str) -> None:
    async def work() -> None:
        other = await aio_pika.connect(servers.amqp_uri)
        async with other, connected(servers.amqp_uri) as client:
            channel = await other.channel()
            exchange = await channel.declare_exchange("nameko-rpc", aio_pika.ExchangeType.TOPIC, durable=True)
            queue = await channel.declare_queue(None, exclusive=True)
            await queue.bind(exchange, f"{service}.*")
            with pytest.raises(TimedOut):
                await client.call(service, "slow", {}, trace_id=TRACE, timeout=0.3)
            assert await _empties(channel, queue.name)

    run(work)


async def _empties(channel: Any, name: str) -> bool:
    async with asyncio.timeout(10):
        while (await channel.declare_queue(name, passive=True)).declaration_result.message_count:
            await asyncio.sleep(0.02)
    return True


def test_a_service_that_does_not_answer_is_left_alone_for_a_moment(
    servers: Servers, service: str, responder: Responder
) -> None:
    silent = threading.Event()
    silent.set()

    def maybe(_kwargs: dict[str, Any]) -> str:
        if silent.is_set():
            raise Silence
        return "here"

    responder.handlers[f"{service}.maybe"] = maybe

    async def work() -> None:
        async with connected(servers.amqp_uri, timeout=0.2, breaker_failures=2, breaker_open=0.5) as client:

            async def ask() -> Any:
                return await client.call(service, "maybe", {}, trace_id=TRACE)

            for _ in range(2):
                with pytest.raises(TimedOut):
                    await ask()
            asked = responder.count(f"{service}.maybe")
            with pytest.raises(CircuitOpen):
                await ask()
            assert responder.count(f"{service}.maybe") == asked, "an open circuit asks nobody"
            silent.clear()
            assert await _answers(ask) == "here"
            assert await ask() == "here"

    run(work)


async def _answers(ask: Callable[[], Awaitable[Any]]) -> Any:
    while True:
        try:
            return await ask()
        except CircuitOpen:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("repeatable", "attempts"), [(True, 2), (False, 1)])
def test_a_lost_connection_fails_what_is_pending_and_only_reads_are_repeated(
    servers: Servers, service: str, responder: Responder, repeatable: bool, attempts: int
) -> None:
    first = threading.Event()

    def once_silent(_kwargs: dict[str, Any]) -> str:
        if not first.is_set():
            first.set()
            raise Silence
        return "again"

    responder.handlers[f"{service}.ask"] = once_silent
    broker = URL(servers.amqp_uri)

    async def work() -> None:
        async with Cable(broker.host or "", broker.port or 5672) as cable:
            uri = str(broker.with_host("127.0.0.1").with_port(cable.local_port))
            async with connected(uri, timeout=20.0, patience=10.0) as client:
                call = asyncio.create_task(client.call(service, "ask", {}, trace_id=TRACE, repeatable=repeatable))
                await asyncio.to_thread(first.wait, 20)
                cable.cut()
                if repeatable:
                    assert await call == "again"
                else:
                    with pytest.raises(Disconnected):
                        await call
                await until(lambda: client.connected)
                assert responder.count(f"{service}.ask") == attempts
                assert await client.call(service, "ask", {}, trace_id=TRACE) == "again"
                keys = {asked.message.reply_to for asked in responder.asked}
                assert len(keys) == 2, "a new reply key after the connection was lost"

    run(work)


@pytest.mark.slow
def test_the_broker_may_start_later_and_may_be_restarted(tmp_path: Path, service: str) -> None:
    home = tmp_path / "home"
    home.mkdir()

    async def work() -> None:
        first = await asyncio.to_thread(lambda: start_rabbitmq(home))
        uri = first.amqp_uri
        await asyncio.to_thread(first.stop)
        client = RpcClient(uri, RpcOptions(timeout=1.0))
        client.start()
        with pytest.raises(Disconnected):
            await client.call(service, "hello", {}, trace_id=TRACE)
        for _ in range(2):
            broker = await asyncio.to_thread(lambda: start_rabbitmq(home))
            assert broker.amqp_uri == uri
            with Responder(uri, (service,), {f"{service}.hello": lambda _kwargs: "hello"}):
                await until(lambda: client.connected)
                assert await client.call(service, "hello", {}, trace_id=TRACE) == "hello"
            await asyncio.to_thread(broker.stop)
            await until(lambda: not client.connected)
        await client.stop()

    run(work)
