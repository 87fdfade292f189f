"""The asyncio client of Nameko's RPC: any number of calls at once over one connection (architecture 7, nameko.md).

A call ends in one of: the result; the public error the service raised; Unavailable (never started, no answer in time,
broker lost, circuit open); RemoteFailure, whose inside no caller sees. A late reply finds nobody and is dropped.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from prometheus_client import Histogram
from pydantic_core import to_json

from gateway.link.breaker import Breaker
from gateway.link.connection import BrokerLink, NotConnected, Unroutable
from services.common.contracts.errors import PUBLIC_ERRORS, PublicError, Unavailable
from services.common.observability.logs import get_logger

RPC_SECONDS = Histogram(
    "estateloop_rpc_seconds",
    "RPC calls of the gateway, from the request to the answer, by outcome",
    ["service", "method", "outcome"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)

log = get_logger(__name__)


class RemoteFailure(Exception):
    """The service failed in a way that is nobody's business; it has the details in its own log under the trace id."""

    outcome: ClassVar[str] = "error"


class NoAnswer(Unavailable):
    """Base of the reasons why a service could not be asked."""

    outcome: ClassVar[str] = "unavailable"


class NeverStarted(NoAnswer):
    """No queue of that service exists."""

    outcome = "unroutable"


class TimedOut(NoAnswer):
    """The service did not answer in time; whether it did the work is unknown."""

    outcome = "timeout"


class Disconnected(NoAnswer):
    """The broker was lost before the answer came; whether the work was done is unknown."""

    outcome = "disconnected"


class CircuitOpen(NoAnswer):
    """The service has not answered for a while; it is left alone for a moment."""

    outcome = "open"


class Overloaded(NoAnswer):
    """Too many calls wait already."""

    outcome = "overloaded"


@dataclass(frozen=True)
class RpcOptions:
    """Knobs of the client; durations in seconds."""

    timeout: float = 5.0
    max_pending: int = 2_000
    breaker_failures: int = 5
    breaker_open: float = 2.0
    heartbeat: int = 60
    patience: float = 1.0  # a call waits so long for a connection that is just coming back


class RpcClient:
    """`start` it inside the running loop; `call` from any task; `stop` at the end."""

    def __init__(self, uri: str, options: RpcOptions | None = None) -> None:
        self._options = options or RpcOptions()
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._breakers: dict[str, Breaker] = {}
        self._link = BrokerLink(uri, self._options.heartbeat, self._on_reply, self._on_lost)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._link.connected

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._link.start()

    async def stop(self) -> None:
        """Close; what is pending fails."""
        await self._link.stop()

    async def call(
        self,
        service: str,
        method: str,
        kwargs: Mapping[str, Any],
        *,
        trace_id: str,
        timeout: float | None = None,
        repeatable: bool = False,
    ) -> Any:
        """Ask `service.method(**kwargs)`. `repeatable` (reads) is asked once more when the broker was lost meanwhile.

        Raises a PublicError of the service, a NoAnswer, or RemoteFailure.
        """
        start, outcome = perf_counter(), "cancelled"
        try:
            result = await self._call_guarded(service, method, kwargs, trace_id, timeout, repeatable)
            outcome = "ok"
            return result
        except (NoAnswer, RemoteFailure) as error:
            outcome = error.outcome
            raise
        except PublicError:
            outcome = "refused"
            raise
        finally:
            RPC_SECONDS.labels(service, method, outcome).observe(perf_counter() - start)

    async def _call_guarded(
        self,
        service: str,
        method: str,
        kwargs: Mapping[str, Any],
        trace_id: str,
        timeout: float | None,
        repeatable: bool,
    ) -> Any:
        """One call past the circuit breaker."""
        if len(self._pending) >= self._options.max_pending:
            raise Overloaded("Too many requests are waiting; try again.")
        breaker = self._breaker(service)
        if not breaker.allows():
            raise CircuitOpen(f"The {service} service does not answer; try again in a moment.")
        call = _Call(
            service, method, to_json({"args": [], "kwargs": kwargs}), trace_id, timeout or self._options.timeout
        )
        try:
            reply = await self._exchange(call, attempts=2 if repeatable else 1)
        except TimedOut:
            breaker.failed()
            raise
        except BaseException:
            breaker.abandoned()
            raise
        breaker.succeeded()
        return _result(call, reply)

    def _breaker(self, service: str) -> Breaker:
        return self._breakers.setdefault(service, Breaker(self._options.breaker_failures, self._options.breaker_open))

    async def _exchange(self, call: "_Call", attempts: int) -> dict[str, Any]:
        """Request and reply within the call's time-out, all attempts together."""
        try:
            async with asyncio.timeout(call.timeout):
                for attempts_left in reversed(range(attempts)):
                    try:
                        return await self._attempt(call)
                    except Disconnected:
                        if not attempts_left:
                            raise
        except TimeoutError:
            raise TimedOut(f"The {call.service} service did not answer in time.") from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, call: "_Call") -> dict[str, Any]:
        correlation_id = str(uuid4())
        try:
            await self._link.wait(min(self._options.patience, call.timeout / 2))
            reply = self._expect(correlation_id)
            await self._link.publish(call.message(correlation_id), f"{call.service}.{call.method}")
            return await reply
        except NotConnected:
            raise Disconnected("The message broker is not reachable.") from None
        except Unroutable:
            raise NeverStarted(f"The {call.service} service has never started.") from None
        finally:
            self._pending.pop(correlation_id, None)

    def _expect(self, correlation_id: str) -> "asyncio.Future[dict[str, Any]]":
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        reply.add_done_callback(_look_at)
        self._pending[correlation_id] = reply
        return reply

    def _on_reply(self, message: AbstractIncomingMessage) -> None:
        waiting = self._pending.get(message.correlation_id or "")
        if waiting is None or waiting.done():
            log.debug("late reply dropped")
            return
        try:
            reply = json.loads(message.body)
            if not isinstance(reply, dict):
                raise ValueError("a reply is an object")
        except ValueError:
            waiting.set_exception(RemoteFailure("unreadable reply"))
        else:
            waiting.set_result(reply)

    def _on_lost(self) -> None:
        for waiting in list(self._pending.values()):
            if not waiting.done():
                waiting.set_exception(Disconnected("The message broker was lost while the answer was awaited."))


@dataclass(frozen=True)
class _Call:
    service: str
    method: str
    body: bytes
    trace_id: str
    timeout: float

    def message(self, correlation_id: str) -> aio_pika.Message:
        """The request as Nameko reads it; it expires when nobody waits any more."""
        return aio_pika.Message(
            self.body,
            content_type="application/json",
            content_encoding="utf-8",
            correlation_id=correlation_id,
            expiration=self.timeout,
            delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT,
            headers={
                "nameko.call_id_stack": [f"gateway.{self.service}.{self.method}.{correlation_id}"],
                "nameko.trace_id": self.trace_id,
            },
        )


def _result(call: _Call, reply: Mapping[str, Any]) -> Any:
    """The result in `reply`, or its error raised."""
    error = reply.get("error")
    if error is None:
        return reply.get("result")
    public = PUBLIC_ERRORS.get(str(error.get("exc_type")))
    if public is not None:
        raise _rebuilt(public, error)
    log.error(
        "service failed",
        extra={"callee": call.service, "method": call.method, "exc_type": error.get("exc_type")},
    )
    raise RemoteFailure(f"{call.service}.{call.method}")


def _rebuilt(public: type[PublicError], error: Mapping[str, Any]) -> PublicError:
    """A public error from `exc_args` = [detail, errors as JSON]; anything odd in the second is left out."""
    args = list(error.get("exc_args") or [])
    detail = str(args[0]) if args else public.title
    try:
        return public(detail, args[1] if len(args) > 1 else None)
    except (ValueError, TypeError):
        return public(detail)


def _look_at(reply: "asyncio.Future[dict[str, Any]]") -> None:
    """A reply nobody awaits any more (time-out while sending) is no lost exception."""
    if not reply.cancelled():
        reply.exception()
