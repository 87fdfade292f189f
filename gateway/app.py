"""The gateway put together: one ASGI application with what its requests share, from start to a clean stop."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Route

from gateway import openapi
from gateway.database import Database
from gateway.front import problems
from gateway.front.audit import Audit
from gateway.front.auth import Tokens
from gateway.front.guard import Gate
from gateway.front.idempotency import Idempotency
from gateway.front.limits import RateLimit
from gateway.front.observed import Observed
from gateway.link.rpc import RpcClient, RpcOptions
from gateway.resources.aggregates import routes as aggregates
from gateway.resources.auth import routes as auth
from gateway.resources.bills import routes as bills
from gateway.resources.books import routes as books
from gateway.resources.charges import routes as charges
from gateway.resources.closure import routes as closure
from gateway.resources.complaints import routes as complaints
from gateway.resources.credits import routes as credit
from gateway.resources.dunning import routes as dunning
from gateway.resources.files import routes as files
from gateway.resources.imports import routes as imports
from gateway.resources.incentives import routes as incentives
from gateway.resources.late_fees import routes as late_fees
from gateway.resources.ledger import routes as ledger
from gateway.resources.legal import routes as legal
from gateway.resources.notifications import routes as notifications
from gateway.resources.ops import routes as ops
from gateway.resources.payments import routes as payments
from gateway.resources.plans import routes as plans
from gateway.resources.policies import routes as policies
from gateway.resources.portfolio import routes as portfolio
from gateway.resources.rates import routes as rates
from gateway.resources.risk import routes as risk
from gateway.resources.sandbox import routes as sandbox
from gateway.resources.stewards import routes as stewards
from gateway.resources.surveys import routes as surveys
from gateway.resources.tariffs import routes as tariffs
from gateway.resources.transfers import routes as transfers
from gateway.resources.trial_balance import routes as trial_balance
from gateway.resources.voids import routes as voids
from gateway.resources.waivers import routes as waivers
from gateway.resources.warnings import routes as warnings
from gateway.resources.work_orders import routes as work_orders
from gateway.settings import Settings
from services.common.contracts.errors import Unavailable
from services.common.observability.logs import current_trace_id, get_logger

RESOURCES = (
    imports,
    portfolio,
    tariffs,
    bills,
    books,
    charges,
    closure,
    rates,
    trial_balance,
    ledger,
    dunning,
    incentives,
    legal,
    plans,
    policies,
    late_fees,
    files,
    transfers,
    stewards,
    waivers,
    voids,
    credit,
    risk,
    warnings,
    payments,
    work_orders,
    complaints,
    surveys,
    notifications,
    aggregates,
    ops,
)
SANDBOX = (auth, sandbox)
DAY = 86_400

log = get_logger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings; connections are made when it starts, and need not succeed then."""
    app = FastAPI(title=openapi.TITLE, docs_url=None, redoc_url=None, lifespan=_lifespan, redirect_slashes=False)
    app.state.settings = settings
    app.state.draining = False
    for resource in (*RESOURCES, *(SANDBOX if settings.sandbox else ())):
        resource.routes.mount(app)
    ops.mount_probes(app)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    app.add_exception_handler(HTTPException, _on_framework_error)
    app.add_exception_handler(RequestValidationError, _on_framework_error)
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(Observed)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what requests need; at the end flush the audit log and close."""
    settings: Settings = app.state.settings
    database = Database.of(settings)
    await database.open()
    gate = make_gate(settings, database)
    app.state.gate, app.state.database = gate, database
    gate.rpc.start()
    gate.audit.start()
    pruning = asyncio.create_task(_prune_for_ever(gate), name="idempotency pruner")
    async with httpx.AsyncClient() as client:
        app.state.http = client
        yield
    pruning.cancel()
    with suppress(asyncio.CancelledError):
        await pruning
    await gate.audit.stop(settings.stop_deadline_seconds / 2)
    await gate.rpc.stop()
    await database.close()


def make_gate(settings: Settings, database: Database) -> Gate:
    """What all guards of this process share."""
    options = RpcOptions(
        timeout=settings.rpc_timeout_seconds,
        max_pending=settings.rpc_max_pending,
        breaker_failures=settings.breaker_failures,
        breaker_open=settings.breaker_open_seconds,
        heartbeat=settings.heartbeat_seconds,
    )
    return Gate(
        settings=settings,
        tokens=Tokens(settings, _secret(settings)),
        rpc=RpcClient(settings.amqp_uri, options),
        idempotency=Idempotency(
            database, wait=settings.idempotency_wait_seconds, lease=settings.idempotency_lease_seconds
        ),
        audit=Audit(database),
        rate=RateLimit(settings.rate_per_second, settings.rate_burst),
    )


def _secret(settings: Settings) -> str:
    """The configured secret; a sandbox without one makes its own, and its tokens end with the process."""
    return settings.jwt_secret or (secrets.token_urlsafe(32) if settings.sandbox else "")


async def _prune_for_ever(gate: Gate) -> None:
    """Forget old idempotency keys, now and every while."""
    while True:
        try:
            await gate.idempotency.prune(gate.settings.idempotency_keep_days * DAY)
        except Unavailable:
            log.warning("idempotency keys could not be pruned")
        await asyncio.sleep(gate.settings.prune_every_seconds)


async def _docs(request: Request) -> Response:
    return HTMLResponse(openapi.page(openapi.describe(request.app)))


def _methods(request: Request) -> list[str]:
    """Every method that some route of this path takes; the framework knows those of the first one only."""
    app: FastAPI = request.app
    routes = [route for route in app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes if isinstance(route, Route) for method in route.methods or ()})


async def _on_framework_error(request: Request, error: Exception) -> Response:
    """Errors outside any guarded route: unknown path, wrong method, bad input to a probe."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error = HTTPException(error.status_code, headers={"Allow": ", ".join(_methods(request))})
    if isinstance(error, HTTPException):
        return problems.of_http(error, current_trace_id())
    if isinstance(error, RequestValidationError):
        return problems.of_validation(error, current_trace_id())
    raise error
