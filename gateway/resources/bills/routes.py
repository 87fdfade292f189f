"""Bill runs, bills, statements (B, C1)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import (
    AsOf,
    BillPath,
    BuildingFilter,
    EstateFilter,
    HouseholdFilter,
    HouseholdPath,
    IdPath,
    PeriodFilter,
)
from gateway.resources.bills.schemas import BillRunRequest
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Created, Page
from services.common.contracts.answers.bills import BillRun, BillStatus, BillSummary, RegisteredBill, Statement
from services.common.contracts.answers.explanations import BillExplanation
from services.common.domain.permissions import Permission
from services.common.fields import Code, Day

routes = Routes("Billing")
StatusFilter = Annotated[BillStatus | None, Query(description="Only those in this status", examples=["open"])]
FeeItemFilter = Annotated[Code | None, Query(description="A fee item", examples=["property_fee"])]
DueFrom = Annotated[Day | None, Query(description="Due on this day or later", examples=["2026-11-01"])]
DueTo = Annotated[Day | None, Query(description="Due on this day or earlier", examples=["2026-11-30"])]
VoidFilter = Annotated[bool | None, Query(description="Only void ones, or none of them", examples=[False])]


@routes.post("/v1/bill-runs", answer=Created, status=202, permission=Permission.ISSUE_BILLS)
async def start_bill_run(body: BillRunRequest, call: Services) -> Response:
    """Start to bill a period; every unit, fee item and period is billed exactly once however often this runs (B4)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "start_bill_run", http=202, request_id=call.request_id, **fields)


@routes.get("/v1/bill-runs/{run_id}", answer=BillRun, permission=Permission.READ_BILL_RUN)
async def get_bill_run(run_id: IdPath, call: Services) -> Response:
    """How far a bill run is, its totals and anomalies."""
    return await call("billing", "get_bill_run", run_id=run_id)


@routes.get(
    "/v1/households/{household}/bills", answer=Page[BillSummary], permission=Permission.READ_STATEMENT, personal=True
)
async def list_bills(household: HouseholdPath, call: Services, page: Paging, status: StatusFilter = None) -> Response:
    """A household's bills: open, partially_paid, paid, void."""
    return await call("billing", "list_bills", household=household, status=status, **page)


@routes.get(
    "/v1/households/{household}/statement", answer=Statement, permission=Permission.READ_STATEMENT, personal=True
)
async def get_statement(household: HouseholdPath, call: Services, as_of: AsOf = None) -> Response:
    """What a household owes on a day: open bills, late fees, credit (C1)."""
    return await call("billing", "get_statement", household=household, as_of=as_of)


@routes.get("/v1/bills", answer=Page[RegisteredBill], permission=Permission.READ_BILLS)
async def list_registered_bills(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    building: BuildingFilter = None,
    household: HouseholdFilter = None,
    fee_item: FeeItemFilter = None,
    period: PeriodFilter = None,
    status: StatusFilter = None,
    due_from: DueFrom = None,
    due_to: DueTo = None,
    void: VoidFilter = None,
) -> Response:
    """Every bill in scope, by estate, household and due date; a building with its estate (I5)."""
    return await call(
        "billing",
        "list_registered_bills",
        estate=estate,
        building=building,
        household=household,
        fee_item=fee_item,
        period=period,
        status=status,
        due_from=due_from,
        due_to=due_to,
        void=void,
        **page,
    )


@routes.get(
    "/v1/bills/{bill_id}/explanation", answer=BillExplanation, permission=Permission.READ_STATEMENT, personal=True
)
async def explain_bill(bill_id: BillPath, call: Services) -> Response:
    """Why a bill is what it is: tariff version, inputs, formula, rounding (B4)."""
    return await call("billing", "explain_bill", bill_id=bill_id)
