"""Collection rates (J1)."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import AsOf, BuildingFilter, EstateFilter, PeriodFilter, StewardFilter
from services.common.contracts.answers.rates import CollectionRates, RatesBy
from services.common.domain.permissions import Permission
from services.common.fields import Code, Period

routes = Routes("Collections")


GroupBy = Annotated[RatesBy, Query(description="One row for each of these", examples=["estate"])]


FeeItem = Annotated[Code | None, Query(examples=["property_fee"])]


DueIn = Annotated[Period | None, Query(description="Only bills due in this month", examples=["2026-11"])]


Windows = Annotated[
    bool, Query(description="Add the current, cumulative and recovery rate of the cut-off's month", examples=[True])
]


Households = Annotated[
    bool, Query(description="Add who paid in full, by household count; needs period or due_in", examples=[True])
]


@routes.get("/v1/collection-rates", answer=CollectionRates, permission=Permission.READ_FIGURES)
async def collection_rates(
    call: Services,
    group_by: GroupBy = "estate",
    period: PeriodFilter = None,
    due_in: DueIn = None,
    as_of: AsOf = None,
    estate: EstateFilter = None,
    building: BuildingFilter = None,
    steward: StewardFilter = None,
    fee_item: FeeItem = None,
    windows: Windows = False,
    households: Households = False,
) -> Response:
    """Principal received by the cut-off ÷ principal billed, waivers apart (J1)."""
    cut: dict[str, Any] = {"estate": estate, "building": building, "steward": steward, "fee_item": fee_item}
    when: dict[str, Any] = {"period": period, "due_in": due_in, "as_of": as_of}
    more = {"windows": windows, "households": households}
    return await call("billing", "collection_rates", group_by=group_by, **when, **cut, **more)
