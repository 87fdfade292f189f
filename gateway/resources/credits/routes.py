"""Prepaid balances given back or applied (B6)."""

from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import HouseholdPath
from gateway.resources.credits.schemas import CreditApplicationRequest, CreditRefundRequest
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.credits import CreditApplication, CreditRefund
from services.common.domain.permissions import Permission

routes = Routes("Billing")


@routes.post(
    "/v1/households/{household}/credit-refunds", answer=CreditRefund, status=201, permission=Permission.REFUND_CREDIT
)
async def refund_credit(household: HouseholdPath, body: CreditRefundRequest, call: Services) -> Response:
    """Record that surplus was handed back; never more than the credit (B6)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "refund_credit", http=201, request_id=call.request_id, household=household, **fields)


@routes.get(
    "/v1/households/{household}/credit-refunds",
    answer=Page[CreditRefund],
    permission=Permission.READ_STATEMENT,
    personal=True,
)
async def list_credit_refunds(household: HouseholdPath, call: Services, page: Paging) -> Response:
    """Surplus handed back to a household, newest first (B6)."""
    return await call("billing", "list_credit_refunds", household=household, **page)


@routes.post(
    "/v1/households/{household}/credit-applications",
    answer=CreditApplication,
    status=201,
    permission=Permission.APPLY_CREDIT,
)
async def apply_credit(
    household: HouseholdPath, call: Services, body: CreditApplicationRequest | None = None
) -> Response:
    """Settle open bills from the household's credit (B6, B9)."""
    fields = (body or CreditApplicationRequest()).model_dump(mode="json")
    return await call("billing", "apply_credit", http=201, request_id=call.request_id, household=household, **fields)
