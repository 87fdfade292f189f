"""The sandbox's remote side takes the money and shows every message sent. Mounted in the sandbox only."""

from typing import Annotated, Any

import httpx
from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Gate, Services, answer
from gateway.front.routing import Routes
from gateway.resources.base import IdPath
from gateway.resources.sandbox.schemas import Inbox, SandboxPaid, SandboxPayRequest
from services.common.contracts.errors import PUBLIC_ERRORS, NotFound, PublicError, Unavailable
from services.common.domain.permissions import Permission

routes = Routes("Sandbox")
BY_STATUS: dict[int, type[PublicError]] = {error.status: error for error in PUBLIC_ERRORS.values()}


@routes.post(
    "/v1/sandbox/payments/{payment_id}/pay", answer=SandboxPaid, permission=Permission.READ_PAYMENTS, idempotent=False
)
async def pay_in_sandbox(
    payment_id: IdPath, request: Request, call: Services, body: Annotated[SandboxPayRequest | None, Body()] = None
) -> Response:
    """Let the remote side take the money of a pending payment and notify us."""
    payment = await call.ask("payments", "get_payment", payment_id=payment_id)  # checks whose it is
    channel = payment["channel"]
    fields = body.model_dump(exclude_none=True) if body else {}
    return await _remote(request, "POST", f"/sandbox/{channel}/{payment_id.hex}/pay", json=fields)


@routes.get("/v1/sandbox/inbox", answer=Inbox, permission=Permission.READ_PERSONAL_DATA, personal=True)
async def list_inbox(request: Request) -> Response:
    """Every message sent, newest as the sandbox lists them; the query is passed on."""
    return await _remote(request, "GET", "/sandbox/inbox", params=list(request.query_params.multi_items()))


async def _remote(request: Request, method: str, path: str, **arguments: Any) -> Response:
    """The sandbox's answer; its refusals as ours."""
    gate: Gate = request.app.state.gate
    client: httpx.AsyncClient = request.app.state.http
    if not gate.settings.sandbox_url:
        raise Unavailable("The sandbox's remote side is not running.")
    try:
        reply = await client.request(method, gate.settings.sandbox_url.rstrip("/") + path, timeout=30, **arguments)
    except httpx.HTTPError as error:
        raise Unavailable("The sandbox's remote side does not answer.") from error
    if reply.is_success:
        return answer(_json(reply), reply.status_code)
    raise BY_STATUS.get(reply.status_code, Unavailable)(_detail(reply))


def _json(reply: httpx.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        raise Unavailable("The sandbox's remote side answered with something unreadable.") from None


def _detail(reply: httpx.Response) -> str:
    """What the remote side says of its refusal, when it says it in a field we know."""
    try:
        body = reply.json()
    except ValueError:
        body = None
    text = body.get("detail") or body.get("message") if isinstance(body, dict) else None
    return text if isinstance(text, str) else NotFound.title if reply.status_code == 404 else "The sandbox refused."
