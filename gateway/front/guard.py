"""What stands before every route, in this order: rate, sign-in, permission, size, media type, estate and household
scope, idempotency; and after it: the audit log. Routes declare a `Guard`; nothing here knows what they do.
"""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from gateway.front import problems
from gateway.front.audit import Audit, Entry
from gateway.front.auth import Tokens
from gateway.front.idempotency import (
    HEADER,
    Idempotency,
    Operation,
    StillInProgress,
    checked_key,
    fingerprint,
    only_key,
)
from gateway.front.limits import RateLimit, read_body
from gateway.link.rpc import RemoteFailure, RpcClient
from gateway.settings import Settings
from services.common.contracts.errors import Forbidden, Invalid, PublicError
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.observability.logs import current_trace_id, get_logger

JSON_TYPES = ("application/json",)
LONGEST_SUBJECT = 300

log = get_logger(__name__)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
NOBODY = Caller(sub="", roles=frozenset())
_guards: dict[Callable[..., Any], "Guard"] = {}


@dataclass(frozen=True)
class Guard:
    """What a route demands. `permission` None: no sign-in. `personal`: reading it is audited. `large`: CSV sized."""

    permission: Permission | None
    personal: bool = False
    media_types: tuple[str, ...] = JSON_TYPES
    large: bool = False
    idempotent: bool = True
    audited: bool = True


@dataclass(frozen=True)
class Call:
    """One request on its way to the services: who asks, under which trace and request id.

    `patience`: seconds it may wait for a service to hear of what was imported just now. `remarks`: what the audit log
    says of it besides what it was about.
    """

    caller: Caller
    request_id: UUID
    trace_id: str
    repeatable: bool
    rpc: RpcClient
    body: bytes = b""
    patience: float = 0.0
    remarks: list[str] = field(default_factory=list)

    async def ask(self, service: str, method: str, /, *, timeout: float | None = None, **kwargs: Any) -> Any:
        """The answer of `service.method` for this caller; arguments that are None are left to the service's default."""
        arguments = {name: value for name, value in kwargs.items() if value is not None}
        arguments["caller"] = wire_caller(self.caller)
        return await self.rpc.call(
            service, method, arguments, trace_id=self.trace_id, timeout=timeout, repeatable=self.repeatable
        )

    async def __call__(self, service: str, method: str, /, *, http: int = 200, **kwargs: Any) -> Response:
        """The answer of `service.method` as the answer of the route, under the HTTP status `http`."""
        return answer(await self.ask(service, method, **kwargs), http)


async def current_call(request: Request) -> Call:
    """The Call the guard has made for this request. Async, or the framework would call it in a thread."""
    call: Call = request.state.call
    return call


Services = Annotated[Call, Depends(current_call)]


def ledger_patience(request: Request) -> float:
    """How long a call may take that reads a whole ledger: years of postings of a million homes (B7, B8)."""
    gate: Gate = request.app.state.gate
    return gate.settings.rpc_ledger_timeout_seconds


Patience = Annotated[float, Depends(ledger_patience)]


def document_patience(request: Request) -> float:
    """How long a call may take that makes a document (D4)."""
    gate: Gate = request.app.state.gate
    return gate.settings.rpc_document_timeout_seconds


DocumentPatience = Annotated[float, Depends(document_patience)]


def answer(value: Any, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(to_json(value), status, media_type="application/json")


def wire_caller(caller: Caller) -> dict[str, Any]:
    """The caller as services read it."""
    return {
        "sub": caller.sub,
        "roles": sorted(caller.roles),
        "estates": sorted(caller.estates),
        "household": caller.household,
    }


@dataclass
class Gate:
    """What guards share in one process."""

    settings: Settings
    tokens: Tokens
    rpc: RpcClient
    idempotency: Idempotency
    audit: Audit
    rate: RateLimit


@dataclass
class Visit:
    """One request while it passes the guard."""

    request: Request
    guard: Guard
    gate: Gate
    caller: Caller = NOBODY
    body: bytes = b""
    parsed: Any = None
    trace_id: str = field(default_factory=current_trace_id)

    @property
    def writes(self) -> bool:
        """Whether the request may change something."""
        return self.request.method not in ("GET", "HEAD")

    async def admit(self) -> None:
        """Rate, sign-in, permission; raises what stops the request."""
        host = self.request.client.host if self.request.client else "unknown"
        if self.guard.permission is None:
            self.gate.rate.take(f"host:{host}")
            self.caller = Caller.system("gateway")
            return
        caller = await self.gate.tokens.caller(self.request)
        self.gate.rate.take(f"sub:{caller.sub}")
        self.caller = caller
        self.check_permission(self.guard.permission)

    def check_permission(self, permission: Permission) -> None:
        """One of the caller's roles must have it (I3); services check again."""
        self.caller.require(permission)

    async def read(self) -> None:
        """The body within its limit, of a type the route takes, parsed when it is JSON."""
        limit = self.gate.settings.max_csv_bytes if self.guard.large else self.gate.settings.max_json_bytes
        self.body = await read_body(self.request, limit)
        if not self.body or not self.guard.media_types:
            return
        media_type = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in self.guard.media_types:
            raise problems.UnsupportedMediaType(f"Send {' or '.join(self.guard.media_types)}.")
        if media_type == "application/json":
            self.parsed = _parse(self.body)

    def check_scope(self) -> None:
        """Estates and household named by path, query or body must be the caller's (I3); services check again."""
        if self.guard.permission is None:
            return
        if self.caller.is_owner:
            for household in self.named("household"):
                if household != self.caller.household:
                    raise Forbidden("This household is not yours.")
        else:
            for estate in [*self.named("estate"), *self.named("estates")]:
                self.caller.require_estate(estate)

    def named(self, name: str) -> list[str]:
        """All values of `name` in path, query and the top level of the body."""
        inside = self.parsed.get(name) if isinstance(self.parsed, dict) else None
        values = inside if isinstance(inside, list) else [inside]
        path = self.request.path_params.get(name)
        return [value for value in (path, *self.request.query_params.getlist(name), *values) if isinstance(value, str)]

    def subject(self) -> str:
        """Whom or what the request was about, as codes and ids, and what was remarked of it."""
        codes = {name: ",".join(self.named(name)) for name in ("estate", "household")}
        ids = {name: str(value) for name, value in self.request.path_params.items() if name not in codes}
        call: Call | None = getattr(self.request.state, "call", None)
        parts = [f"{name}={value}" for name, value in {**codes, **ids}.items() if value]
        text = " ".join(parts + (call.remarks if call else []))
        return "".join(letter if letter.isprintable() else "?" for letter in text)[:LONGEST_SUBJECT]

    def record(self, status: int) -> None:
        """Into the audit log: every write, every read of personal data; not what nobody signed in for."""
        if self.caller is NOBODY or not self.guard.audited or not (self.writes or self.guard.personal):
            return
        route: APIRoute = self.request.scope["route"]
        roles = ",".join(sorted(self.caller.roles))
        method, at = self.request.method, datetime.now(UTC)
        self.gate.audit.record(
            Entry(at, self.caller.sub, roles, method, route.path, self.subject(), status, self.trace_id)
        )


class GuardedRoute(APIRoute):
    """A route whose endpoint was declared with a `Guard` (by `gateway.front.routing`)."""

    def get_route_handler(self) -> Handler:
        """The route's handler behind its guard; every error becomes a problem document here."""
        inner = super().get_route_handler()
        guard = guard_of(self.endpoint)

        async def handle(request: Request) -> Response:
            visit = Visit(request, guard, request.app.state.gate)
            response = await _answer_of(visit, inner)
            visit.record(response.status_code)
            return response

        return handle


async def _answer_of(visit: Visit, inner: Handler) -> Response:
    try:
        await visit.admit()
        if visit.writes or visit.guard.personal:
            visit.gate.audit.ensure_room()
        await visit.read()
        visit.check_scope()
        return await _once(visit, inner)
    except StillInProgress as error:
        headers = {"Retry-After": str(problems.RETRY_AFTER_SECONDS)}
        return problems.problem(error.status, error.detail, visit.trace_id, error.errors, headers)
    except PublicError as error:
        return problems.of_public(error, visit.trace_id)


async def _once(visit: Visit, inner: Handler) -> Response:
    """The endpoint's answer; under an Idempotency-Key exactly one."""
    key = only_key(visit.request.headers.getlist(HEADER))
    if visit.request.method != "POST" or not visit.guard.idempotent or key is None:
        return await _run(visit, inner, uuid4())
    request = visit.request
    request_hash = fingerprint(request.url.query, visit.body, visit.parsed)
    operation = Operation(visit.caller.sub, request.method, request.url.path, checked_key(key), request_hash)
    return await visit.gate.idempotency.run(operation, lambda: _run(visit, inner, operation.request_id))


async def _run(visit: Visit, inner: Handler, request_id: UUID) -> Response:
    """The endpoint, with its errors turned into answers so that their status is known to who called."""
    request = Request(visit.request.scope, _replay(visit.body))
    patience = visit.gate.settings.catch_up_seconds
    request.state.call = Call(
        visit.caller, request_id, visit.trace_id, not visit.writes, visit.gate.rpc, visit.body, patience
    )
    try:
        return await inner(request)
    except PublicError as error:
        return problems.of_public(error, visit.trace_id)
    except RequestValidationError as error:
        return problems.of_validation(error, visit.trace_id)
    except HTTPException as error:
        return problems.of_http(error, visit.trace_id)
    except RemoteFailure:
        return problems.of_failure(visit.trace_id)  # logged where it was heard of
    except Exception:
        log.exception("request failed", extra={"route": visit.request.scope["route"].path})
        return problems.of_failure(visit.trace_id)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("The body is not valid JSON.", [{"loc": "body", "msg": "not valid JSON"}]) from None


def _replay(body: bytes) -> Receive:
    """The body that was read already, for the framework to read."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def guard_of(endpoint: Callable[..., Any]) -> Guard:
    """The guard an endpoint was declared with."""
    return _guards[endpoint]


def put_guard(endpoint: Callable[..., Any], guard: Guard) -> None:
    """Declare what stands before an endpoint."""
    _guards[endpoint] = guard
