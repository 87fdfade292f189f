"""Arrears, dunning, collection rates, trial balance (D, J1, B7)."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

from gateway.guard import Services
from gateway.roles import COLLECT, RUN_BILLING, SEE_FIGURES, SEE_LEDGER, SEE_RUNS
from gateway.routing import Routes
from gateway.schemas.base import (
    BuildingFilter,
    CauseFilter,
    Code,
    Created,
    EstateFilter,
    HouseholdPath,
    IdPath,
    Page,
    Period,
    PeriodFilter,
    StewardFilter,
)
from gateway.schemas.collections import (
    Arrears,
    ArrearsCause,
    ArrearsCauseRequest,
    CollectionRates,
    Contact,
    ContactRequest,
    DunningCase,
    DunningCaseSummary,
    Sweep,
    SweepRequest,
    TrialBalance,
)
from gateway.schemas.paging import Paging

routes = Routes("Collections")
Grouping = Literal["group", "region", "estate", "building", "steward", "fee_item", "period"]
GroupBy = Annotated[Grouping, Query(description="One row for each of these", examples=["estate"])]
AsOf = Annotated[date | None, Query(description="Cut-off; today when left out", examples=["2026-11-20"])]
Bucket = Annotated[Code | None, Query(description="1-15, 16-30, 31-60, 61-365 or 365+ days (D5)", examples=["1-15"])]
Step = Annotated[Code | None, Query(description="Step of the ladder (D1)", examples=["overdue_notice"])]
FeeItem = Annotated[Code | None, Query(examples=["property_fee"])]
DueIn = Annotated[Period | None, Query(description="Only bills due in this month", examples=["2026-11"])]
Windows = Annotated[
    bool, Query(description="Add the current, cumulative and recovery rate of the cut-off's month", examples=[True])
]
Households = Annotated[
    bool, Query(description="Add who paid in full, by household count; needs period or due_in", examples=[True])
]


@routes.get("/v1/arrears", answer=Page[Arrears], roles=(*SEE_FIGURES, "cashier"), personal=True)
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


@routes.put("/v1/households/{household}/arrears-cause", answer=ArrearsCause, roles=COLLECT)
async def set_arrears_cause(household: HouseholdPath, body: ArrearsCauseRequest, call: Services) -> Response:
    """Record why a household does not pay; each cause has its own track (D2)."""
    return await call("billing", "set_arrears_cause", household=household, **body.model_dump(mode="json"))


@routes.post("/v1/dunning/sweeps", answer=Created, status=202, roles=RUN_BILLING)
async def start_sweep(body: SweepRequest, call: Services) -> Response:
    """Decide which steps of the ladder are due on a day; repeating it decides nothing twice (D1)."""
    asked = body.model_dump(mode="json")
    return await call("billing", "start_sweep", http=202, request_id=call.request_id, **asked)


@routes.get("/v1/dunning/sweeps/{sweep_id}", answer=Sweep, roles=SEE_RUNS)
async def get_sweep(sweep_id: IdPath, call: Services) -> Response:
    """How far a sweep is."""
    return await call("billing", "get_sweep", sweep_id=sweep_id)


@routes.get("/v1/dunning/cases", answer=Page[DunningCaseSummary], roles=SEE_FIGURES, personal=True)
async def list_dunning_cases(call: Services, page: Paging, estate: EstateFilter = None, step: Step = None) -> Response:
    """Households on the ladder."""
    return await call("billing", "list_dunning_cases", estate=estate, step=step, **page)


@routes.get("/v1/dunning/cases/{household}", answer=DunningCase, roles=SEE_FIGURES, personal=True)
async def get_dunning_case(household: HouseholdPath, call: Services) -> Response:
    """Steps taken, holds and the next step of one household (D1, D3)."""
    return await call("billing", "get_dunning_case", household=household)


@routes.post("/v1/dunning/cases/{household}/contacts", answer=Contact, status=201, roles=COLLECT)
async def add_contact(household: HouseholdPath, body: ContactRequest, call: Services) -> Response:
    """Record a talk with the owner and what was promised (D1, D2)."""
    said = body.model_dump(mode="json")
    return await call("billing", "add_contact", http=201, household=household, request_id=call.request_id, **said)


@routes.get("/v1/collection-rates", answer=CollectionRates, roles=SEE_FIGURES)
async def collection_rates(
    call: Services,
    group_by: GroupBy = "estate",
    period: PeriodFilter = None,
    due_in: DueIn = None,
    as_of: AsOf = None,
    estate: EstateFilter = None,
    building: BuildingFilter = None,
    steward: StewardFilter = None,
    fee_item: FeeItem = None,
    windows: Windows = False,
    households: Households = False,
) -> Response:
    """Principal received by the cut-off ÷ principal billed, waivers apart (J1)."""
    cut: dict[str, Any] = {"estate": estate, "building": building, "steward": steward, "fee_item": fee_item}
    when: dict[str, Any] = {"period": period, "due_in": due_in, "as_of": as_of}
    more = {"windows": windows, "households": households}
    return await call("billing", "collection_rates", group_by=group_by, **when, **cut, **more)


@routes.get("/v1/ledger/trial-balance", answer=TrialBalance, roles=SEE_LEDGER)
async def trial_balance(call: Services, estate: EstateFilter = None) -> Response:
    """All accounts; their difference is zero at all times (B7)."""
    return await call("billing", "trial_balance", estate=estate)
