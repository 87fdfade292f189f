"""Collection targets, early warnings, the check of the rollups (J1, J3)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter
from gateway.resources.paging import Paging
from gateway.resources.warnings.schemas import CollectionTargetRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.rates import RollupCheck
from services.common.contracts.answers.warnings import CollectionTarget, EarlyWarning, WarningKind
from services.common.domain.permissions import Permission
from services.common.fields import Day

routes = Routes("Early warnings")
Kind = Annotated[WarningKind | None, Query(description="Only this kind", examples=["collection_below_plan"])]
Since = Annotated[Day | None, Query(description="Only about this day and later", examples=["2026-11-01"])]


@routes.put("/v1/collection-targets", answer=CollectionTarget, permission=Permission.SET_COLLECTION_TARGET)
async def set_collection_target(body: CollectionTargetRequest, call: Services) -> Response:
    """Plan what share of the bills due in a month should be in (J3)."""
    return await call("billing", "set_collection_target", **body.model_dump(mode="json"))


@routes.get("/v1/collection-targets", answer=Page[CollectionTarget], permission=Permission.READ_FIGURES)
async def list_collection_targets(call: Services, estate: EstateFilter = None) -> Response:
    """Targets as they were set; an estate's own goes before the group's, a month's before every month's."""
    return await call("billing", "list_collection_targets", estate=estate)


@routes.get("/v1/warnings", answer=Page[EarlyWarning], permission=Permission.READ_FIGURES)
async def list_warnings(
    call: Services, page: Paging, kind: Kind = None, estate: EstateFilter = None, since: Since = None
) -> Response:
    """Early warnings, newest first (J3)."""
    return await call("billing", "list_warnings", kind=kind, estate=estate, since=since, **page)


@routes.get("/v1/ledger/rollup-check", answer=RollupCheck, permission=Permission.CHECK_ROLLUPS)
async def rollup_check(call: Services, estate: EstateFilter = None) -> Response:
    """Recompute every figure from bills and ledger and name what differs (J1, B7)."""
    return await call("billing", "rollup_check", estate=estate)
