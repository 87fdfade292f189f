"""Tariffs and their publication (B1)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.guard import Services
from gateway.roles import EVERYONE, RUN_BILLING
from gateway.routing import Routes
from gateway.schemas.base import Code, EstatePath, TariffPath
from gateway.schemas.portfolio import Published, Tariff, Tariffs

routes = Routes("Billing")
EstateQuery = Annotated[Code, Query(description="Code of an estate", examples=["GZ01"])]


@routes.get("/v1/tariffs", answer=Tariffs, roles=EVERYONE)
async def list_tariffs(call: Services, estate: EstateQuery) -> Response:
    """All versions of the tariffs of an estate."""
    return await call("billing", "list_tariffs", estate=estate)


@routes.post("/v1/tariffs/{tariff_id}/publish", answer=Tariff, roles=RUN_BILLING)
async def publish_tariff(tariff_id: TariffPath, call: Services) -> Response:
    """Publish (公示) one tariff; from then on bills may use it (B1)."""
    return await call("billing", "publish_tariff", tariff_id=tariff_id)


@routes.post("/v1/estates/{estate}/tariffs/publish", answer=Published, roles=RUN_BILLING)
async def publish_estate_tariffs(estate: EstatePath, call: Services) -> Response:
    """Publish all tariffs of an estate that wait."""
    return await call("billing", "publish_estate_tariffs", estate=estate)
