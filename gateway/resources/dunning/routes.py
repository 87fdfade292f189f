"""Arrears, the ladder, sweeps, cases, disputes, plans of households, efficiency (D1, D2, D3, D5, D8)."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import (
    BillPath,
    BuildingFilter,
    CauseFilter,
    EstateFilter,
    HouseholdPath,
    IdPath,
    StewardFilter,
)
from gateway.resources.dunning.schemas import (
    ArrearsCauseRequest,
    ContactRequest,
    DisputeRequest,
    FixedRequest,
    HouseholdPlanRequest,
    LadderRequest,
    PromiseRequest,
    SettleDisputeRequest,
    SweepRequest,
)
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Created, Page
from services.common.contracts.answers.dunning import (
    Arrears,
    ArrearsBy,
    ArrearsCause,
    ArrearsSummary,
    Contact,
    Dispute,
    DunningCase,
    DunningCaseSummary,
    Efficiency,
    EfficiencyBy,
    HouseholdPlan,
    Ladder,
    PaymentPromise,
    Sweep,
)
from services.common.domain.permissions import Permission
from services.common.fields import Code, Day

routes = Routes("Dunning")
Bucket = Annotated[Code | None, Query(description="1-15, 16-30, 31-60, 61-365 or 365+ days (D5)", examples=["1-15"])]
Step = Annotated[Code | None, Query(description="Step of the ladder (D1)", examples=["overdue_notice"])]
Unanswered = Annotated[bool, Query(description="Only those with a task nobody has answered", examples=[True])]
GroupArrearsBy = Annotated[ArrearsBy, Query(description="One row for each", examples=["bucket"])]
GroupStepsBy = Annotated[EfficiencyBy, Query(description="One row for each", examples=["step"])]
From = Annotated[Day, Query(alias="from", description="First day of the steps", examples=["2026-10-01"])]
To = Annotated[Day, Query(description="Last day of the steps", examples=["2026-10-31"])]


@routes.get("/v1/arrears", answer=Page[Arrears], permission=Permission.READ_ARREARS, personal=True)
async def list_arrears(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    building: BuildingFilter = None,
    steward: StewardFilter = None,
    bucket: Bucket = None,
    cause: CauseFilter = None,
) -> Response:
    """Households in arrears, by amount, age, cause, building, steward (D5)."""
    cut: dict[str, Any] = {"estate": estate, "building": building, "steward": steward, "bucket": bucket, "cause": cause}
    return await call("billing", "list_arrears", **cut, **page)


@routes.get("/v1/arrears/summary", answer=ArrearsSummary, permission=Permission.READ_ARREARS)
async def arrears_summary(
    call: Services,
    group_by: GroupArrearsBy = "bucket",
    estate: EstateFilter = None,
    building: BuildingFilter = None,
    steward: StewardFilter = None,
    bucket: Bucket = None,
    cause: CauseFilter = None,
) -> Response:
    """Overdue principal and households, added up by age, amount, cause, building or steward (D5)."""
    cut: dict[str, Any] = {"estate": estate, "building": building, "steward": steward, "bucket": bucket, "cause": cause}
    return await call("billing", "arrears_summary", group_by=group_by, **cut)


@routes.put("/v1/households/{household}/arrears-cause", answer=ArrearsCause, permission=Permission.COLLECT_ARREARS)
async def set_arrears_cause(household: HouseholdPath, body: ArrearsCauseRequest, call: Services) -> Response:
    """Record why a household does not pay; each cause has its own track (D2)."""
    return await call("billing", "set_arrears_cause", household=household, **body.model_dump(mode="json"))


@routes.get("/v1/dunning/ladder", answer=Ladder, permission=Permission.READ_DUNNING)
async def get_dunning_ladder(call: Services, estate: EstateFilter = None) -> Response:
    """The ladder of an estate, or the group's, with the tracks of the causes (D1, D2)."""
    return await call("billing", "get_dunning_ladder", estate=estate)


@routes.put("/v1/dunning/ladder", answer=Ladder, permission=Permission.SET_LADDER)
async def put_dunning_ladder(body: LadderRequest, call: Services) -> Response:
    """Replace a ladder by another, checked as a whole (D1)."""
    return await call("billing", "put_dunning_ladder", **body.model_dump(mode="json"))


@routes.post("/v1/dunning/sweeps", answer=Created, status=202, permission=Permission.RUN_SWEEP)
async def start_sweep(body: SweepRequest, call: Services) -> Response:
    """Decide which steps of the ladder are due on a day; repeating it decides nothing twice (D1)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "start_sweep", http=202, request_id=call.request_id, **fields)


@routes.get("/v1/dunning/sweeps/{sweep_id}", answer=Sweep, permission=Permission.READ_DUNNING)
async def get_sweep(sweep_id: IdPath, call: Services) -> Response:
    """How far a sweep is."""
    return await call("billing", "get_sweep", sweep_id=sweep_id)


@routes.get("/v1/dunning/cases", answer=Page[DunningCaseSummary], permission=Permission.READ_DUNNING, personal=True)
async def list_dunning_cases(
    call: Services, page: Paging, estate: EstateFilter = None, step: Step = None, unanswered: Unanswered = False
) -> Response:
    """Households on the ladder; those whose task waits for an answer (D1)."""
    return await call("billing", "list_dunning_cases", estate=estate, step=step, unanswered=unanswered, **page)


@routes.get("/v1/dunning/cases/{household}", answer=DunningCase, permission=Permission.READ_DUNNING_CASE, personal=True)
async def get_dunning_case(household: HouseholdPath, call: Services) -> Response:
    """Steps taken, holds, disputes, plan and the next step of one household (D1, D2, D3)."""
    return await call("billing", "get_dunning_case", household=household)


@routes.post(
    "/v1/dunning/cases/{household}/contacts", answer=Contact, status=201, permission=Permission.COLLECT_ARREARS
)
async def add_contact(household: HouseholdPath, body: ContactRequest, call: Services) -> Response:
    """Record a talk with the owner and what was promised (D1, D2)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "add_contact", http=201, household=household, request_id=call.request_id, **fields)


@routes.post(
    "/v1/dunning/cases/{household}/promises",
    answer=PaymentPromise,
    status=201,
    permission=Permission.COLLECT_ARREARS,
)
async def promise_payment(household: HouseholdPath, body: PromiseRequest, call: Services) -> Response:
    """Record a promise to pay: the ladder waits until its day (D1, D3)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "promise_payment", http=201, household=household, request_id=call.request_id, **fields)


@routes.post(
    "/v1/dunning/cases/{household}/plan", answer=HouseholdPlan, status=201, permission=Permission.COLLECT_ARREARS
)
async def make_household_plan(household: HouseholdPath, body: HouseholdPlanRequest, call: Services) -> Response:
    """Put a plan in the place of the household's plan (一户一策, D2)."""
    fields = body.model_dump(mode="json")
    arguments = {"household": household, "request_id": call.request_id, **fields}
    return await call("billing", "make_household_plan", http=201, **arguments)


@routes.post("/v1/dunning/cases/{household}/plan/fixed", answer=HouseholdPlan, permission=Permission.COLLECT_ARREARS)
async def problem_fixed(household: HouseholdPath, body: FixedRequest, call: Services) -> Response:
    """The problem of the household's plan is put right; escalation goes on (D2, D3)."""
    return await call("billing", "problem_fixed", household=household, note=body.note)


@routes.post("/v1/bills/{bill_id}/dispute", answer=Dispute, status=201, permission=Permission.DISPUTE_BILL)
async def dispute_bill(bill_id: BillPath, body: DisputeRequest, call: Services) -> Response:
    """Dispute a bill: it leaves the ladder until that is settled; it stays owed and its late fee accrues (D1, D3)."""
    arguments = {"bill_id": bill_id, "request_id": call.request_id, "reason": body.reason}
    return await call("billing", "dispute_bill", http=201, **arguments)


@routes.post("/v1/bills/{bill_id}/settle-dispute", answer=Dispute, permission=Permission.SETTLE_DISPUTE)
async def settle_dispute(bill_id: BillPath, body: SettleDisputeRequest, call: Services) -> Response:
    """End the dispute of a bill; unless it was upheld the bill is on the ladder again (D1, D3)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "settle_dispute", bill_id=bill_id, request_id=call.request_id, **fields)


@routes.get("/v1/dunning/efficiency", answer=Efficiency, permission=Permission.READ_FIGURES)
async def dunning_efficiency(
    call: Services, from_date: From, to: To, estate: EstateFilter = None, group_by: GroupStepsBy = "step"
) -> Response:
    """Contacts, households that paid within 7 and 30 days and the amount recovered, per step or steward (D8)."""
    span: dict[str, Any] = {"from_date": from_date, "to_date": to}
    return await call("billing", "dunning_efficiency", estate=estate, group_by=group_by, **span)
