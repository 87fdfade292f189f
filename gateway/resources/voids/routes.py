"""Voids, reissues and credit notes (B5)."""

from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import BillPath, EstateFilter, HouseholdFilter
from gateway.resources.paging import Paging
from gateway.resources.voids.schemas import VoidRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.voids import CreditNote, Reissue, VoidedBill
from services.common.domain.permissions import Permission

routes = Routes("Billing")


@routes.post("/v1/bills/{bill_id}/void", answer=VoidedBill, permission=Permission.VOID_BILL)
async def void_bill(bill_id: BillPath, body: VoidRequest, call: Services) -> Response:
    """Void a bill by credit note; what was paid on it becomes credit (B5)."""
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
