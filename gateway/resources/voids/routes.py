"""Voids, reissues and credit notes (B5)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import BillPath, EstateFilter, HouseholdFilter, IdPath
from gateway.resources.paging import Paging
from gateway.resources.voids.schemas import VoidApproval, VoidAuthorityRequest, VoidRefusal, VoidRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.voids import (
    BillVoid,
    CreditNote,
    Reissue,
    VoidAuthority,
    VoidedBill,
    VoidStatus,
)
from services.common.domain.permissions import Permission

StatusFilter = Annotated[VoidStatus | None, Query(description="Only those in this status", examples=["requested"])]
routes = Routes("Billing")


@routes.post("/v1/bills/{bill_id}/void", answer=VoidedBill, permission=Permission.VOID_BILL)
async def void_bill(bill_id: BillPath, body: VoidRequest, call: Services) -> Response:
    """Void a bill by credit note; what was paid on it becomes credit (B5).

    Where much was paid, it waits for somebody else: `status` is requested, and there is no credit note yet.
    """
    fields = body.model_dump(mode="json")
    return await call("billing", "void_bill", request_id=call.request_id, bill_id=bill_id, **fields)


@routes.post("/v1/bills/{bill_id}/reissue", answer=Reissue, status=201, permission=Permission.VOID_BILL)
async def reissue_bill(bill_id: BillPath, call: Services) -> Response:
    """Bill what a void bill was for again, at the prices and payers now on record, due as before (B5)."""
    return await call("billing", "reissue_bill", http=201, request_id=call.request_id, bill_id=bill_id)


@routes.get("/v1/credit-notes", answer=Page[CreditNote], permission=Permission.READ_CREDIT_NOTES)
async def list_credit_notes(
    call: Services, page: Paging, estate: EstateFilter = None, household: HouseholdFilter = None
) -> Response:
    """Credit notes by estate and number (B5)."""
    return await call("billing", "list_credit_notes", estate=estate, household=household, **page)


@routes.get("/v1/bill-voids", answer=Page[BillVoid], permission=Permission.READ_CREDIT_NOTES)
async def list_bill_voids(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Voids that a second person decides or decided on, newest first (B5)."""
    return await call("billing", "list_bill_voids", estate=estate, household=household, status=status, **page)


@routes.post("/v1/bill-voids/{void_id}/approve", answer=VoidedBill, permission=Permission.APPROVE_VOID)
async def approve_void(void_id: IdPath, call: Services, body: VoidApproval | None = None) -> Response:
    """Void a bill as it stands now, as somebody else has asked (B5)."""
    fields = (body or VoidApproval()).model_dump(mode="json")
    return await call("billing", "approve_void", void_id=void_id, **fields)


@routes.post("/v1/bill-voids/{void_id}/reject", answer=VoidedBill, permission=Permission.APPROVE_VOID)
async def reject_void(void_id: IdPath, call: Services, body: VoidRefusal | None = None) -> Response:
    """Refuse a void that waits (B5)."""
    fields = (body or VoidRefusal()).model_dump(mode="json")
    return await call("billing", "reject_void", void_id=void_id, **fields)


@routes.post("/v1/bill-voids/{void_id}/withdraw", answer=VoidedBill, permission=Permission.VOID_BILL)
async def withdraw_void(void_id: IdPath, call: Services, body: VoidRefusal | None = None) -> Response:
    """Take the own request back (B5)."""
    fields = (body or VoidRefusal()).model_dump(mode="json")
    return await call("billing", "withdraw_void", void_id=void_id, **fields)


@routes.get("/v1/void-authority", answer=VoidAuthority, permission=Permission.READ_WAIVERS)
async def get_void_authority(call: Services, estate: EstateFilter = None) -> Response:
    """Up to how much a void acts at once, on an estate or by the group's figure (B5)."""
    return await call("billing", "get_void_authority", estate=estate)


@routes.put("/v1/void-authority", answer=VoidAuthority, permission=Permission.SET_WAIVER_AUTHORITY)
async def set_void_authority(body: VoidAuthorityRequest, call: Services) -> Response:
    """Say up to how much a void acts at once; what waits goes on waiting (B5)."""
    return await call("billing", "set_void_authority", **body.model_dump(mode="json"))
