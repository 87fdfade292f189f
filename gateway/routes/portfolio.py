"""Estates, buildings, units, households (A)."""

from starlette.responses import Response

from gateway.guard import Services
from gateway.roles import SEE_ADDRESS, STAFF
from gateway.routing import Routes
from gateway.schemas.base import BuildingFilter, EstatePath, HouseholdPath, Page
from gateway.schemas.paging import Paging
from gateway.schemas.portfolio import Buildings, Estate, Household, Unit

routes = Routes("Portfolio")


@routes.get("/v1/estates", answer=Page[Estate], roles=STAFF)
async def list_estates(call: Services, page: Paging) -> Response:
    """The estates in the caller's scope."""
    return await call("billing", "list_estates", **page)


@routes.get("/v1/estates/{estate}", answer=Estate, roles=STAFF)
async def get_estate(estate: EstatePath, call: Services) -> Response:
    """One estate."""
    return await call("billing", "get_estate", estate=estate)


@routes.get("/v1/estates/{estate}/buildings", answer=Buildings, roles=STAFF)
async def list_buildings(estate: EstatePath, call: Services) -> Response:
    """The buildings of an estate and who answers for each (首问负责, A4)."""
    return await call("billing", "list_buildings", estate=estate)


@routes.get("/v1/estates/{estate}/units", answer=Page[Unit], roles=STAFF, personal=True)
async def list_units(estate: EstatePath, call: Services, page: Paging, building: BuildingFilter = None) -> Response:
    """The units of an estate or of one building."""
    return await call("billing", "list_units", estate=estate, building=building, **page)


@routes.get("/v1/households/{household}", answer=Household, roles=SEE_ADDRESS, personal=True)
async def get_household(household: HouseholdPath, call: Services) -> Response:
    """A household, its owner and its units; masked by role (I3)."""
    return await call("billing", "get_household", household=household)
