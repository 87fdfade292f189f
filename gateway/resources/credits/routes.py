"""Prepaid balances given back or applied (B6)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, HouseholdPath, IdPath
from gateway.resources.credits.schemas import (
    CreditApplicationRequest,
    CreditRefundRequest,
    RefundApproval,
    RefundRefusal,
)
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.credits import CreditApplication, CreditRefund, RefundStatus
from services.common.domain.permissions import Permission

StatusFilter = Annotated[RefundStatus | None, Query(description="Only those in this status", examples=["requested"])]
routes = Routes("Billing")


@routes.post(
    "/v1/households/{household}/credit-refunds", answer=CreditRefund, status=201, permission=Permission.REFUND_CREDIT
)
async def refund_credit(household: HouseholdPath, body: CreditRefundRequest, call: Services) -> Response:
    """Ask for surplus to be handed back: it is reserved, never more than the free credit, until it is decided (B6)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "refund_credit", http=201, request_id=call.request_id, household=household, **fields)


@routes.get(
    "/v1/households/{household}/credit-refunds",
    answer=Page[CreditRefund],
    permission=Permission.READ_STATEMENT,
    personal=True,
)
async def list_credit_refunds(household: HouseholdPath, call: Services, page: Paging) -> Response:
    """Refunds of a household's surplus, newest first: requested, approved, rejected, withdrawn (B6)."""
    return await call("billing", "list_credit_refunds", household=household, **page)


@routes.get("/v1/credit-refunds", answer=Page[CreditRefund], permission=Permission.READ_CREDIT_NOTES)
async def list_all_credit_refunds(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Refunds of surplus, newest first: requested, approved, rejected, withdrawn (B6)."""
    door = "list_all_credit_refunds"
    return await call("billing", door, estate=estate, household=household, status=status, **page)


@routes.post("/v1/credit-refunds/{refund_id}/approve", answer=CreditRefund, permission=Permission.APPROVE_REFUND)
async def approve_credit_refund(refund_id: IdPath, call: Services, body: RefundApproval | None = None) -> Response:
    """Hand surplus back, as somebody else has asked (B6)."""
    fields = (body or RefundApproval()).model_dump(mode="json")
    return await call("billing", "approve_credit_refund", refund_id=refund_id, **fields)


@routes.post("/v1/credit-refunds/{refund_id}/reject", answer=CreditRefund, permission=Permission.APPROVE_REFUND)
async def reject_credit_refund(refund_id: IdPath, call: Services, body: RefundRefusal | None = None) -> Response:
    """Refuse a refund; what it kept pays bills again (B6)."""
    fields = (body or RefundRefusal()).model_dump(mode="json")
    return await call("billing", "reject_credit_refund", refund_id=refund_id, **fields)


@routes.post("/v1/credit-refunds/{refund_id}/withdraw", answer=CreditRefund, permission=Permission.REFUND_CREDIT)
async def withdraw_credit_refund(refund_id: IdPath, call: Services, body: RefundRefusal | None = None) -> Response:
    """Take the own request back; what it kept pays bills again (B6)."""
    fields = (body or RefundRefusal()).model_dump(mode="json")
    return await call("billing", "withdraw_credit_refund", refund_id=refund_id, **fields)


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
