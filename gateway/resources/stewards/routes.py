"""Stewards by date (A4)."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstatePath
from gateway.resources.stewards.schemas import StewardRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.stewards import Steward, Stewardship
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Portfolio")
BuildingPath = Annotated[Code, Path(description="Code of the building", examples=["1"])]


@routes.get("/v1/estates/{estate}/stewardships", answer=Page[Stewardship], permission=Permission.READ_ESTATES)
async def list_stewardships(estate: EstatePath, call: Services) -> Response:
    """Who answered, answers and will answer for each building (首问负责, A4)."""
    return await call("billing", "list_stewardships", estate=estate)


@routes.get(
    "/v1/estates/{estate}/buildings/{building:path}/steward", answer=Steward, permission=Permission.READ_ESTATES
)
async def get_steward(estate: EstatePath, building: BuildingPath, call: Services) -> Response:
    """Who answers for a building (A4)."""
    return await call("billing", "get_steward", estate=estate, building=building)


@routes.put(
    "/v1/estates/{estate}/buildings/{building:path}/steward", answer=Steward, permission=Permission.APPOINT_STEWARD
)
async def set_steward(estate: EstatePath, building: BuildingPath, body: StewardRequest, call: Services) -> Response:
    """Let a steward answer for a building from a day on (A4)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "set_steward", estate=estate, building=building, **fields)
