"""Waivers, voids, credit applied and refunded (C2, B5, B6)."""

from starlette.responses import Response

from gateway.guard import Services
from gateway.roles import COLLECT, OFFICE, OPERATE, RUN_BILLING, SEE_HOUSEHOLD, SEE_RUNS
from gateway.routing import Routes
from gateway.schemas.base import (
    BillPath,
    EstateFilter,
    HouseholdFilter,
    HouseholdPath,
    IdPath,
    Page,
    StatusFilter,
)
from gateway.schemas.paging import Paging
from gateway.schemas.relief import (
    Approval,
    CreditApplication,
    CreditApplicationRequest,
    CreditNote,
    CreditRefund,
    CreditRefundRequest,
    Refusal,
    Reissue,
    Voided,
    VoidRequest,
    Waiver,
    WaiverAuthority,
    WaiverAuthorityRequest,
    WaiverRequest,
)

routes = Routes("Billing")


@routes.post("/v1/waivers", answer=Waiver, status=201, roles=COLLECT)
async def request_waiver(body: WaiverRequest, call: Services) -> Response:
    """Ask for a waiver; a small late fee is granted at once, anything else waits and holds dunning (C2)."""
    asked = body.model_dump(mode="json")
    return await call("billing", "request_waiver", http=201, request_id=call.request_id, **asked)


@routes.get("/v1/waivers", answer=Page[Waiver], roles=SEE_RUNS)
async def list_waivers(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Waivers, newest first: pending, approved, rejected, withdrawn."""
    return await call("billing", "list_waivers", estate=estate, household=household, status=status, **page)


@routes.get("/v1/waivers/{waiver_id}", answer=Waiver, roles=SEE_RUNS)
async def get_waiver(waiver_id: IdPath, call: Services) -> Response:
    """One waiver; while it is pending `needs` says who may approve it."""
    return await call("billing", "get_waiver", waiver_id=waiver_id)


@routes.post("/v1/waivers/{waiver_id}/approve", answer=Waiver, roles=RUN_BILLING)
async def approve_waiver(waiver_id: IdPath, call: Services, body: Approval | None = None) -> Response:
    """Grant what was asked as far as it is still there (C2)."""
    told = (body or Approval()).model_dump(mode="json")
    return await call("billing", "approve_waiver", waiver_id=waiver_id, **told)


@routes.post("/v1/waivers/{waiver_id}/reject", answer=Waiver, roles=RUN_BILLING)
async def reject_waiver(waiver_id: IdPath, call: Services, body: Refusal | None = None) -> Response:
    """Refuse a waiver (C2)."""
    told = (body or Refusal()).model_dump(mode="json")
    return await call("billing", "reject_waiver", waiver_id=waiver_id, **told)


@routes.post("/v1/waivers/{waiver_id}/withdraw", answer=Waiver, roles=COLLECT)
async def withdraw_waiver(waiver_id: IdPath, call: Services, body: Refusal | None = None) -> Response:
    """Take the own request back (C2)."""
    told = (body or Refusal()).model_dump(mode="json")
    return await call("billing", "withdraw_waiver", waiver_id=waiver_id, **told)


@routes.get("/v1/waiver-authority", answer=WaiverAuthority, roles=SEE_RUNS)
async def get_waiver_authority(call: Services, estate: EstateFilter = None) -> Response:
    """Who may grant how much: the authority matrix of an estate, or the group's (C2)."""
    return await call("billing", "get_waiver_authority", estate=estate)


@routes.put("/v1/waiver-authority", answer=WaiverAuthority, roles=OPERATE)
async def set_waiver_authority(body: WaiverAuthorityRequest, call: Services) -> Response:
    """Say who may grant how much, for the group or an estate; what waits is decided by it too (C2)."""
    return await call("billing", "set_waiver_authority", **body.model_dump(mode="json"))


@routes.post("/v1/bills/{bill_id}/void", answer=Voided, roles=RUN_BILLING)
async def void_bill(bill_id: BillPath, body: VoidRequest, call: Services) -> Response:
    """Void a bill by credit note; what was paid on it becomes credit (B5)."""
    asked = body.model_dump(mode="json")
    return await call("billing", "void_bill", request_id=call.request_id, bill_id=bill_id, **asked)


@routes.post("/v1/bills/{bill_id}/reissue", answer=Reissue, status=201, roles=RUN_BILLING)
async def reissue_bill(bill_id: BillPath, call: Services) -> Response:
    """Bill what a void bill was for again, at the prices and payers now on record, due as before (B5)."""
    return await call("billing", "reissue_bill", http=201, request_id=call.request_id, bill_id=bill_id)


@routes.get("/v1/credit-notes", answer=Page[CreditNote], roles=SEE_RUNS)
async def list_credit_notes(
    call: Services, page: Paging, estate: EstateFilter = None, household: HouseholdFilter = None
) -> Response:
    """Credit notes by estate and number (B5)."""
    return await call("billing", "list_credit_notes", estate=estate, household=household, **page)


@routes.post("/v1/households/{household}/credit-refunds", answer=CreditRefund, status=201, roles=OFFICE)
async def refund_credit(household: HouseholdPath, body: CreditRefundRequest, call: Services) -> Response:
    """Record that surplus was handed back; never more than the credit (B6)."""
    asked = body.model_dump(mode="json")
    return await call("billing", "refund_credit", http=201, request_id=call.request_id, household=household, **asked)


@routes.get("/v1/households/{household}/credit-refunds", answer=Page[CreditRefund], roles=SEE_HOUSEHOLD, personal=True)
async def list_credit_refunds(household: HouseholdPath, call: Services, page: Paging) -> Response:
    """Surplus handed back to a household, newest first (B6)."""
    return await call("billing", "list_credit_refunds", household=household, **page)


@routes.post("/v1/households/{household}/credit-applications", answer=CreditApplication, status=201, roles=RUN_BILLING)
async def apply_credit(
    household: HouseholdPath, call: Services, body: CreditApplicationRequest | None = None
) -> Response:
    """Settle open bills from the household's credit (B6, B9)."""
    asked = (body or CreditApplicationRequest()).model_dump(mode="json")
    return await call("billing", "apply_credit", http=201, request_id=call.request_id, household=household, **asked)
