"""Tariffs and their publication, billing policy, shared costs (B1, B3)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstatePath, PeriodFilter, TariffPath
from gateway.resources.tariffs.schemas import BillingPolicyRequest, SharedCostRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.tariffs import EstateBillingPolicy, PublishedTariffs, SharedCost, Tariff
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Billing")
EstateQuery = Annotated[Code, Query(description="Code of an estate", examples=["GZ01"])]


@routes.get("/v1/tariffs", answer=Page[Tariff], permission=Permission.READ_TARIFFS)
async def list_tariffs(call: Services, estate: EstateQuery) -> Response:
    """All versions of the tariffs of an estate, what each is made of and based on."""
    return await call("billing", "list_tariffs", estate=estate)


@routes.post("/v1/tariffs/{tariff_id}/publish", answer=Tariff, permission=Permission.PUBLISH_TARIFFS)
async def publish_tariff(tariff_id: TariffPath, call: Services) -> Response:
    """Publish (公示) one tariff; from then on bills may use it (B1)."""
    return await call("billing", "publish_tariff", tariff_id=tariff_id)


@routes.post("/v1/tariffs/{tariff_id}/withdraw", answer=Tariff, permission=Permission.PUBLISH_TARIFFS)
async def withdraw_tariff(tariff_id: TariffPath, call: Services) -> Response:
    """Take back the publication of a tariff that nothing was billed by: it waits again and may be corrected (B1)."""
    return await call("billing", "withdraw_tariff", tariff_id=tariff_id)


@routes.post("/v1/estates/{estate}/tariffs/publish", answer=PublishedTariffs, permission=Permission.PUBLISH_TARIFFS)
async def publish_estate_tariffs(estate: EstatePath, call: Services) -> Response:
    """Publish all tariffs of an estate that wait."""
    return await call("billing", "publish_estate_tariffs", estate=estate)


@routes.get(
    "/v1/estates/{estate}/billing-policy", answer=EstateBillingPolicy, permission=Permission.READ_BILLING_POLICY
)
async def get_billing_policy(estate: EstatePath, call: Services) -> Response:
    """Which months a bill is for, and when it is due (B3)."""
    return await call("billing", "get_billing_policy", estate=estate)


@routes.put("/v1/estates/{estate}/billing-policy", answer=EstateBillingPolicy, permission=Permission.SET_BILLING_POLICY)
async def put_billing_policy(estate: EstatePath, body: BillingPolicyRequest, call: Services) -> Response:
    """Bill an estate in another way from the next run on; nothing that is billed is billed again (B3)."""
    return await call("billing", "put_billing_policy", estate=estate, **body.model_dump(mode="json"))


@routes.post("/v1/shared-costs", answer=SharedCost, status=201, permission=Permission.RECORD_SHARED_COST)
async def record_shared_cost(body: SharedCostRequest, call: Services) -> Response:
    """Record what a month really cost, for the units to bear by floor area (公摊, B1)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "record_shared_cost", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/shared-costs", answer=Page[SharedCost], permission=Permission.READ_SHARED_COSTS)
async def list_shared_costs(call: Services, estate: EstateQuery, period: PeriodFilter = None) -> Response:
    """The costs recorded for an estate, of one month or of all."""
    return await call("billing", "list_shared_costs", estate=estate, period=period)
