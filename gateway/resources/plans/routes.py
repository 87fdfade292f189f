"""Instalment plans (C3)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath
from gateway.resources.paging import Paging
from gateway.resources.plans.schemas import PlanCancelRequest, PlanRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.plans import InstalmentPlan, InstalmentPlanSummary, PlanStatus
from services.common.domain.permissions import Permission

routes = Routes("Instalment plans")


Status = Annotated[PlanStatus | None, Query(description="Only plans that stand like this today", examples=["broken"])]


@routes.post("/v1/instalment-plans", answer=InstalmentPlan, status=201, permission=Permission.SIGN_INSTALMENT_PLAN)
async def sign_instalment_plan(body: PlanRequest, call: Services) -> Response:
    """Agree on instalments; late fee and dunning stand still while they are kept (C3)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "sign_plan", http=201, request_id=call.request_id, **fields)


@routes.get(
    "/v1/instalment-plans",
    answer=Page[InstalmentPlanSummary],
    permission=Permission.READ_INSTALMENT_PLANS,
    personal=True,
)
async def list_instalment_plans(
    call: Services,
    page: Paging,
    household: HouseholdFilter = None,
    estate: EstateFilter = None,
    status: Status = None,
) -> Response:
    """Plans in scope; an owner's own."""
    return await call("billing", "list_plans", household=household, estate=estate, status=status, **page)


@routes.get(
    "/v1/instalment-plans/{plan_id}", answer=InstalmentPlan, permission=Permission.READ_INSTALMENT_PLANS, personal=True
)
async def get_instalment_plan(plan_id: IdPath, call: Services) -> Response:
    """How a plan stands, and what was received for each instalment."""
    return await call("billing", "get_plan", plan_id=plan_id)


@routes.post("/v1/instalment-plans/{plan_id}/cancel", answer=InstalmentPlan, permission=Permission.SIGN_INSTALMENT_PLAN)
async def cancel_instalment_plan(plan_id: IdPath, body: PlanCancelRequest, call: Services) -> Response:
    """End a plan; accrual on what remains is restored from the signing day."""
    return await call("billing", "cancel_plan", plan_id=plan_id, reason=body.reason)
