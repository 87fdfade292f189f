"""Operation: audit log, parked events, health, readiness, metrics."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from fastapi import FastAPI, Path, Query
from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from gateway.front.audit import AuditEntry, ChainCheck
from gateway.front.guard import Gate, Services, answer
from gateway.front.routing import Routes
from gateway.metrics import scrape
from gateway.resources.base import ServiceName
from gateway.resources.joined import joined_page, part_patience
from gateway.resources.ops.schemas import (
    Health,
    ParkedEvent,
    ParkedEvents,
    Readiness,
    Replayed,
)
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.errors import NotFound
from services.common.domain.permissions import Permission
from services.common.fields import LARGEST_BIGINT, Code
from services.common.paging import decode_cursor, not_of_this_list, page

routes = Routes("Operation")
NAMES: tuple[ServiceName, ...] = get_args(ServiceName)
Who = Annotated[Code | None, Query(description="Only entries of this caller", examples=["dev-finance"])]
About = Annotated[Code | None, Query(description="Only entries about this code or id", examples=["GZ01-1-0101"])]
ParkedPath = Annotated[str, Path(max_length=64, examples=["billing:7"], description="service:id")]


@routes.get("/v1/audit-log", answer=Page[AuditEntry], permission=Permission.READ_AUDIT_LOG, personal=True)
async def list_audit_log(
    request: Request, call: Services, window: Paging, sub: Who = None, subject: About = None
) -> Response:
    """Who wrote what and who read personal data, newest first (I3)."""
    call.caller.require_every_estate()
    gate: Gate = request.app.state.gate
    rows = await gate.audit.entries(_before(window["cursor"]), sub, subject, window["limit"])
    items, next_cursor = page(rows, window["limit"], lambda entry: [entry["id"]])
    return answer(Page[AuditEntry](items=items, next_cursor=next_cursor))


@routes.get("/v1/audit-log/verify", answer=ChainCheck, permission=Permission.READ_AUDIT_LOG)
async def verify_audit_log(request: Request, call: Services) -> Response:
    """Recompute the hash chain; a changed, added or missing entry breaks it (I3)."""
    call.caller.require_every_estate()
    gate: Gate = request.app.state.gate
    return answer(await gate.audit.verify())


@routes.get("/v1/ops/parked-events", answer=ParkedEvents, permission=Permission.READ_PARKED_EVENTS)
async def list_parked_events(request: Request, call: Services, window: Paging) -> Response:
    """Events that services gave up on, service by service."""
    parts = await joined_page(call, NAMES, "list_parked", window, part_patience(request))
    items = [_of_service(service, event) for service, event in parts.items]
    return answer(ParkedEvents(items=items, next_cursor=parts.next_cursor, degraded=parts.degraded))


@routes.post("/v1/ops/parked-events/{parked_id}/replay", answer=Replayed, permission=Permission.REPLAY_PARKED_EVENT)
async def replay_parked_event(parked_id: ParkedPath, call: Services) -> Response:
    """Send a parked event to its queue again."""
    name, _, number = parked_id.partition(":")
    service = next((service for service in NAMES if service == name), None)
    if service is None or not (number.isascii() and number.isdigit()) or int(number) > LARGEST_BIGINT:
        raise NotFound(f"There is no parked event {parked_id}.")
    await call.ask(service, "replay_parked", parked_id=int(number))
    return answer(Replayed(id=parked_id, service=service, status="replayed"))


def _of_service(service: ServiceName, event: Mapping[str, Any]) -> ParkedEvent:
    """A service's parked event, with its name before the id."""
    return ParkedEvent(
        id=f"{service}:{event['id']}",
        service=service,
        queue=event["queue"],
        event=event["event"],
        event_id=event["event_id"],
        error=event["error"],
        attempts=event["attempts"],
        parked_at=event["parked_at"],
    )


def _before(cursor: str | None) -> int | None:
    match decode_cursor(cursor):
        case None:
            return None
        case [int(number)] if 0 < number <= LARGEST_BIGINT:
            return number
    raise not_of_this_list("query.cursor")


async def healthz() -> Response:
    """The process answers."""
    return answer(Health(status="ok"))


async def readyz(request: Request) -> Response:
    """Whether requests should be sent here: broker connected, own database answers, not stopping."""
    gate: Gate = request.app.state.gate
    database = await request.app.state.database.answers()
    broker, draining = gate.rpc.connected, bool(request.app.state.draining)
    ready = broker and database and not draining
    state = Readiness(status="ok" if ready else "unready", broker=broker, database=database, draining=draining)
    return answer(state, 200 if ready else 503)


async def metrics(request: Request) -> Response:
    """Prometheus metrics of the gateway; on a single machine those of the services as well."""
    gate: Gate = request.app.state.gate
    text = await scrape(REGISTRY, request.app.state.http, gate.settings.metrics_targets)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def mount_probes(app: FastAPI) -> None:
    """Health, readiness and metrics: no sign-in, for the machine room."""
    stopping = Readiness(status="unready", broker=True, database=True, draining=True)
    content = {"application/json": {"example": stopping}}
    unready: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Not now", "content": content}}
    metric_text: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "estateloop_events_parked 0\n"}}}
    }
    common: dict[str, Any] = {"tags": ["Operation"], "openapi_extra": {"security": []}}
    app.router.add_api_route("/healthz", healthz, response_model=Health, operation_id="healthz", **common)
    app.router.add_api_route(
        "/readyz", readyz, response_model=Readiness, operation_id="readyz", responses=unready, **common
    )
    app.router.add_api_route(
        "/metrics", metrics, response_class=Response, operation_id="metrics", responses=metric_text, **common
    )
