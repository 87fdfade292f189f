"""Payments and the channels' notifications (E)."""

import base64
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.front.catching_up import ask_when_known, when_known
from gateway.front.guard import Call, Gate, Services, answer
from gateway.front.routing import Routes
from gateway.link.rpc import RemoteFailure
from gateway.resources.base import HouseholdPath, IdPath
from gateway.resources.paging import Paging
from gateway.resources.payments.schemas import PaymentRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.payments import Payment
from services.common.contracts.errors import PublicError
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Payments")
OURS = ("authorization", "cookie")  # headers that are for us, not for the service
ASK_SECONDS = 2.0  # billing is asked no longer than this: a desk goes on without it


@routes.post("/v1/payments", answer=Payment, status=201, permission=Permission.TAKE_PAYMENT)
async def create_payment(body: PaymentRequest, call: Services) -> Response:
    """Take money: a code to scan for the online channels, a receipt for cash and POS (E1, E3)."""
    fields = body.model_dump(mode="json")
    open_bill_ids = await _open_bills(call, body.household) if body.bill_ids else None
    payment = await ask_when_known(
        call, "payments", "create_payment", request_id=call.request_id, open_bill_ids=open_bill_ids, **fields
    )
    if payment.get("beyond_policy"):
        call.remarks.append(f"backdated={payment['business_date']}")
    return answer(payment, 201)


async def _open_bills(call: Call, household: str) -> list[int] | None:
    """The household's open bills as billing has them at this moment; None when it cannot say."""
    try:
        open_bills = await call.ask("billing", "list_open_bills", household=household, timeout=ASK_SECONDS)
    except (PublicError, RemoteFailure):
        return None
    return [int(bill_id) for bill_id in open_bills["bill_ids"]]


@routes.get("/v1/payments/{payment_id}", answer=Payment, permission=Permission.READ_PAYMENTS, personal=True)
async def get_payment(payment_id: IdPath, call: Services) -> Response:
    """One payment and its state."""
    return await call("payments", "get_payment", payment_id=payment_id)


@routes.get(
    "/v1/households/{household}/payments", answer=Page[Payment], permission=Permission.READ_PAYMENTS, personal=True
)
async def list_payments(household: HouseholdPath, call: Services, page: Paging) -> Response:
    """A household's payments, newest first."""
    return await when_known(call, "payments", "list_payments", household=household, **page)


@routes.post("/v1/webhooks/{channel}", answer=None, permission=None, media_types=(), idempotent=False)
async def receive_notification(
    channel: Annotated[Code, Path(examples=["wechat"])], request: Request, call: Services
) -> Response:
    """A channel's raw notification, verified by the payments service as that channel specifies (E2).

    Answered as the channel expects. When the service is away the answer is 503, so that the channel repeats.
    """
    gate: Gate = request.app.state.gate
    reply = await call.ask(
        "payments",
        "receive_notification",
        channel=channel,
        headers={name: value for name, value in request.headers.items() if name not in OURS},
        body=base64.b64encode(call.body).decode(),
        timeout=gate.settings.rpc_webhook_timeout_seconds,
    )
    return Response(reply.get("body") or "", reply["status"], media_type=reply.get("content_type"))
