"""Complaints and what is done about them (H1, H2)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from gateway.front.catching_up import when_known
from gateway.front.guard import Call, Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath
from gateway.resources.complaints.schemas import ComplaintActionRequest, ComplaintRequest
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.complaints import Complaint, ComplaintRecord, ComplaintStatus
from services.common.domain.permissions import Permission

routes = Routes("Complaints")
StatusFilter = Annotated[
    ComplaintStatus | None, Query(description="Only those in this status", examples=["registered"])
]


@routes.post("/v1/complaints", answer=ComplaintRecord, status=201, permission=Permission.REGISTER_COMPLAINT)
async def create_complaint(body: ComplaintRequest, call: Services) -> Response:
    """Register a complaint; its clocks begin to run (H1, H2)."""
    fields = body.model_dump(mode="json")
    return await when_known(call, "feedback", "create_complaint", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/complaints", answer=Page[Complaint], permission=Permission.READ_COMPLAINTS, personal=True)
async def list_complaints(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Complaints in the caller's scope; an owner sees the own."""
    cut: dict[str, Any] = {"estate": estate, "household": household, "status": status}
    return await call("feedback", "list_complaints", **cut, **page)


@routes.get(
    "/v1/complaints/{complaint_id}", answer=ComplaintRecord, permission=Permission.READ_COMPLAINTS, personal=True
)
async def get_complaint(complaint_id: IdPath, call: Services) -> Response:
    """One complaint with all its clocks."""
    return await call("feedback", "get_complaint", complaint_id=complaint_id)


@routes.post("/v1/complaints/{complaint_id}/respond", answer=ComplaintRecord, permission=Permission.ANSWER_COMPLAINT)
async def respond_complaint(complaint_id: IdPath, body: ComplaintActionRequest, call: Services) -> Response:
    """The complainant got a first answer; the response clocks stop (H2)."""
    return await _act(call, complaint_id, "respond", body)


@routes.post("/v1/complaints/{complaint_id}/resolve", answer=ComplaintRecord, permission=Permission.ANSWER_COMPLAINT)
async def resolve_complaint(complaint_id: IdPath, body: ComplaintActionRequest, call: Services) -> Response:
    """The complainant got a result; the result clocks stop (H2)."""
    return await _act(call, complaint_id, "resolve", body)


@routes.post("/v1/complaints/{complaint_id}/close", answer=ComplaintRecord, permission=Permission.CLOSE_COMPLAINT)
async def close_complaint(complaint_id: IdPath, body: ComplaintActionRequest, call: Services) -> Response:
    """Close; only after the complainant has been answered (H1)."""
    return await _act(call, complaint_id, "close", body)


@routes.post("/v1/complaints/{complaint_id}/reopen", answer=ComplaintRecord, permission=Permission.CLOSE_COMPLAINT)
async def reopen_complaint(complaint_id: IdPath, body: ComplaintActionRequest, call: Services) -> Response:
    """The complainant is not content; the clocks run again."""
    return await _act(call, complaint_id, "reopen", body)


async def _act(call: Call, complaint_id: UUID, action: str, body: ComplaintActionRequest) -> Response:
    step: dict[str, Any] = {"complaint_id": complaint_id, "action": action, "request_id": call.request_id}
    return await call("feedback", "act_on_complaint", **step, **body.model_dump(mode="json"))
