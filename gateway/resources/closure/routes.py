"""The closure programme for arrears of more than a year (D6)."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdPath, IdPath, StewardFilter
from gateway.resources.closure.schemas import AppointmentRequest, OutcomeRequest, ProgrammeRequest
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.closure import (
    Appointment,
    CaseStatus,
    ClosureCase,
    ClosureCaseSummary,
    HeldAppointment,
    Programme,
    Progress,
)
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Closure programme")
StageFilter = Annotated[Code | None, Query(description="Only cases in this stage", examples=["steward"])]
StatusFilter = Annotated[CaseStatus | None, Query(description="Only cases in this status", examples=["active"])]


@routes.post("/v1/closure-programmes", answer=Programme, status=201, permission=Permission.START_CLOSURE)
async def start_closure_programme(body: ProgrammeRequest, call: Services) -> Response:
    """Enrol every household of an estate with a bill more than a year overdue (D6)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "start_closure_programme", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/closure-programmes", answer=Page[Progress], permission=Permission.READ_CLOSURE)
async def closure_progress(call: Services, estate: EstateFilter = None) -> Response:
    """How far each estate is: enrolled, closed, recovered, by stage (D6)."""
    return await call("billing", "closure_progress", estate=estate)


@routes.get("/v1/closure-cases", answer=Page[ClosureCaseSummary], permission=Permission.READ_CLOSURE, personal=True)
async def list_closure_cases(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    steward: StewardFilter = None,
    stage: StageFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Cases; by steward they are that steward's worklist."""
    filters: dict[str, Any] = {"estate": estate, "steward": steward, "stage": stage, "status": status}
    return await call("billing", "list_closure_cases", **filters, **page)


@routes.get("/v1/closure-cases/{household}", answer=ClosureCase, permission=Permission.READ_CLOSURE, personal=True)
async def get_closure_case(household: HouseholdPath, call: Services) -> Response:
    """One case with bills, history and appointments."""
    return await call("billing", "get_closure_case", household=household)


@routes.post(
    "/v1/closure-cases/{household}/appointments", answer=Appointment, status=201, permission=Permission.MEET_OWNER
)
async def make_closure_appointment(household: HouseholdPath, body: AppointmentRequest, call: Services) -> Response:
    """Plan to meet the owner; 409 names the next possible time (D6)."""
    fields = body.model_dump(mode="json")
    arguments = {"household": household, "request_id": call.request_id, **fields}
    return await call("billing", "make_closure_appointment", http=201, **arguments)


@routes.post(
    "/v1/closure-appointments/{appointment_id}/outcome", answer=HeldAppointment, permission=Permission.MEET_OWNER
)
async def record_closure_outcome(appointment_id: IdPath, body: OutcomeRequest, call: Services) -> Response:
    """Record how a meeting went; the case may move to its next stage by it."""
    fields = body.model_dump(mode="json")
    return await call("billing", "record_closure_outcome", appointment_id=appointment_id, **fields)
