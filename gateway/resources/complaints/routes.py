"""Complaints and what is done about them (H1, H2)."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from gateway.front.catching_up import when_known
from gateway.front.guard import Services
from gateway.front.roles import ANSWER_COMPLAINTS, EVERYONE, OWNER, REPORT
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath, Page
from gateway.resources.complaints.schemas import Complaint, ComplaintActionRequest, ComplaintRequest
from gateway.resources.paging import Paging
from services.common.fields import Code

routes = Routes("Complaints")
ComplaintStatus = Annotated[
    Code | None, Query(description="registered, responded, resolved, closed", examples=["registered"])
]
ACTIONS = {
    "respond": (ANSWER_COMPLAINTS, "The complainant got a first answer; the response clocks stop (H2)."),
    "resolve": (ANSWER_COMPLAINTS, "The complainant got a result; the result clocks stop (H2)."),
    "close": ((*ANSWER_COMPLAINTS, OWNER), "Close; only after the complainant has been answered (H1)."),
    "reopen": ((*ANSWER_COMPLAINTS, OWNER), "The complainant is not content; the clocks run again."),
}


@routes.post("/v1/complaints", answer=Complaint, status=201, roles=REPORT)
async def create_complaint(body: ComplaintRequest, call: Services) -> Response:
    """Register a complaint; its clocks begin to run (H1, H2)."""
    said = body.model_dump(mode="json")
    return await when_known(call, "feedback", "create_complaint", http=201, request_id=call.request_id, **said)


@routes.get("/v1/complaints", answer=Page[Complaint], roles=EVERYONE, personal=True)
async def list_complaints(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: ComplaintStatus = None,
) -> Response:
    """Complaints in the caller's scope; an owner sees the own."""
    cut: dict[str, Any] = {"estate": estate, "household": household, "status": status}
    return await call("feedback", "list_complaints", **cut, **page)


@routes.get("/v1/complaints/{complaint_id}", answer=Complaint, roles=EVERYONE, personal=True)
async def get_complaint(complaint_id: IdPath, call: Services) -> Response:
    """One complaint with all its clocks."""
    return await call("feedback", "get_complaint", complaint_id=complaint_id)


def _step(action: str, summary: str) -> Callable[..., Any]:
    async def step(complaint_id: IdPath, body: ComplaintActionRequest, call: Services) -> Response:
        said = body.model_dump(mode="json")
        return await call(
            "feedback",
            "act_on_complaint",
            complaint_id=complaint_id,
            action=action,
            request_id=call.request_id,
            **said,
        )

    step.__name__, step.__doc__ = f"{action}_complaint", summary
    return step


for _action, (_roles, _summary) in ACTIONS.items():
    routes.post(f"/v1/complaints/{{complaint_id}}/{_action}", answer=Complaint, roles=_roles)(_step(_action, _summary))
