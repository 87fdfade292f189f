"""Waivers and who may grant them (C2)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath
from gateway.resources.paging import Paging
from gateway.resources.waivers.schemas import Approval, Refusal, WaiverAuthorityRequest, WaiverRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.waivers import Waiver, WaiverAuthority, WaiverDetail, WaiverStatus
from services.common.domain.permissions import Permission

StatusFilter = Annotated[WaiverStatus | None, Query(description="Only those in this status", examples=["pending"])]
routes = Routes("Billing")


@routes.post("/v1/waivers", answer=WaiverDetail, status=201, permission=Permission.REQUEST_WAIVER)
async def request_waiver(body: WaiverRequest, call: Services) -> Response:
    """Ask for a waiver; a small late fee is granted at once, anything else waits and holds dunning (C2)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "request_waiver", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/waivers", answer=Page[Waiver], permission=Permission.READ_WAIVERS)
async def list_waivers(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Waivers, newest first: pending, approved, rejected, withdrawn."""
    return await call("billing", "list_waivers", estate=estate, household=household, status=status, **page)


@routes.get("/v1/waivers/{waiver_id}", answer=WaiverDetail, permission=Permission.READ_WAIVERS)
async def get_waiver(waiver_id: IdPath, call: Services) -> Response:
    """One waiver; while it is pending `needs` says who may approve it."""
    return await call("billing", "get_waiver", waiver_id=waiver_id)


@routes.post("/v1/waivers/{waiver_id}/approve", answer=WaiverDetail, permission=Permission.APPROVE_WAIVER)
async def approve_waiver(waiver_id: IdPath, call: Services, body: Approval | None = None) -> Response:
    """Grant what was asked as far as it is still there (C2)."""
    fields = (body or Approval()).model_dump(mode="json")
    return await call("billing", "approve_waiver", waiver_id=waiver_id, **fields)


@routes.post("/v1/waivers/{waiver_id}/reject", answer=WaiverDetail, permission=Permission.APPROVE_WAIVER)
async def reject_waiver(waiver_id: IdPath, call: Services, body: Refusal | None = None) -> Response:
    """Refuse a waiver (C2)."""
    fields = (body or Refusal()).model_dump(mode="json")
    return await call("billing", "reject_waiver", waiver_id=waiver_id, **fields)


@routes.post("/v1/waivers/{waiver_id}/withdraw", answer=WaiverDetail, permission=Permission.REQUEST_WAIVER)
async def withdraw_waiver(waiver_id: IdPath, call: Services, body: Refusal | None = None) -> Response:
    """Take the own request back (C2)."""
    fields = (body or Refusal()).model_dump(mode="json")
    return await call("billing", "withdraw_waiver", waiver_id=waiver_id, **fields)


@routes.get("/v1/waiver-authority", answer=WaiverAuthority, permission=Permission.READ_WAIVERS)
async def get_waiver_authority(call: Services, estate: EstateFilter = None) -> Response:
    """Who may grant how much: the authority matrix of an estate, or the group's (C2)."""
    return await call("billing", "get_waiver_authority", estate=estate)


@routes.put("/v1/waiver-authority", answer=WaiverAuthority, permission=Permission.SET_WAIVER_AUTHORITY)
async def set_waiver_authority(body: WaiverAuthorityRequest, call: Services) -> Response:
    """Say who may grant how much, for the group or an estate; what waits is decided by it too (C2)."""
    return await call("billing", "set_waiver_authority", **body.model_dump(mode="json"))
