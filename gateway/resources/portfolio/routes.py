"""Estates, buildings, units, households (A)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import BuildingFilter, EstatePath, HouseholdPath
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.portfolio import Building, Estate, Household, Regions, Unit
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Portfolio")


RegionFilter = Annotated[Code | None, Query(description="Only estates of this region", examples=["华南"])]


@routes.get("/v1/regions", answer=Regions, permission=Permission.READ_ESTATES)
async def list_regions(call: Services) -> Response:
    """The group and its regions with what is below them, over the estates in the caller's scope (A1)."""
    return await call("billing", "list_regions")


@routes.get("/v1/estates", answer=Page[Estate], permission=Permission.READ_ESTATES)
async def list_estates(call: Services, page: Paging, region: RegionFilter = None) -> Response:
    """The estates in the caller's scope, each with what is below it."""
    return await call("billing", "list_estates", region=region, **page)


@routes.get("/v1/estates/{estate}", answer=Estate, permission=Permission.READ_ESTATES)
async def get_estate(estate: EstatePath, call: Services) -> Response:
    """One estate."""
    return await call("billing", "get_estate", estate=estate)


@routes.get("/v1/estates/{estate}/buildings", answer=Page[Building], permission=Permission.READ_ESTATES)
async def list_buildings(estate: EstatePath, call: Services) -> Response:
    """The buildings of an estate and who answers for each (首问负责, A4)."""
    return await call("billing", "list_buildings", estate=estate)


@routes.get("/v1/estates/{estate}/units", answer=Page[Unit], permission=Permission.READ_UNITS, personal=True)
async def list_units(estate: EstatePath, call: Services, page: Paging, building: BuildingFilter = None) -> Response:
    """The units of an estate or of one building."""
    return await call("billing", "list_units", estate=estate, building=building, **page)


@routes.get("/v1/households/{household}", answer=Household, permission=Permission.READ_HOUSEHOLD, personal=True)
async def get_household(household: HouseholdPath, call: Services) -> Response:
    """A household, its owner and its units; masked by role (I3)."""
    return await call("billing", "get_household", household=household)
