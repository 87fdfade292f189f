"""Transfers, co-owners, stewards, owner files (A1, A2, A4)."""

from functools import partial
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.guard import Services, answer
from gateway.roles import ADMIN, COLLECT, MANAGER, RUN_BILLING, SEE_HOUSEHOLD, STAFF
from gateway.routes.aggregates import Part, gather, patience
from gateway.routing import Routes
from gateway.schemas.base import Code, EstatePath, HouseholdPath, IdPath, Page
from gateway.schemas.portfolio import Household
from gateway.schemas.portfolio_files import (
    FileRequest,
    OwnerFile,
    Owners,
    OwnersRequest,
    Payers,
    Steward,
    StewardRequest,
    Stewardship,
    Transfer,
    TransferRequest,
    UndoRequest,
)

routes = Routes("Portfolio")
# `:path`, because the code of a unit may hold a slash.
UNIT = "/v1/units/{estate}/{unit:path}"
UnitPath = Annotated[Code, Path(description="Code of the unit on its estate", examples=["1-0101"])]
BuildingPath = Annotated[Code, Path(description="Code of the building", examples=["1"])]


@routes.post(f"{UNIT}/transfers", answer=Transfer, status=201, roles=RUN_BILLING)
async def transfer_unit(estate: EstatePath, unit: UnitPath, body: TransferRequest, call: Services) -> Response:
    """A unit passes to another payer from a day on, past or future; the month is split by its days (A1)."""
    asked = body.model_dump(mode="json")
    where = {"estate": estate, "unit": unit}
    return await call("billing", "transfer_unit", http=201, request_id=call.request_id, **where, **asked)


@routes.post(f"{UNIT}/transfers/{{transfer_id}}/undo", answer=Transfer, roles=RUN_BILLING)
async def undo_transfer(
    estate: EstatePath, unit: UnitPath, transfer_id: IdPath, body: UndoRequest, call: Services
) -> Response:
    """The transfer recorded last never was; to correct it, record the right one afterwards."""
    ask = partial(call, "billing", "undo_transfer", estate=estate, unit=unit)
    return await ask(transfer_id=transfer_id, reason=body.reason)


@routes.get(f"{UNIT}/payers", answer=Payers, roles=STAFF, personal=True)
async def list_payers(estate: EstatePath, unit: UnitPath, call: Services) -> Response:
    """Who paid, pays and will pay for a unit, day by day, and what was recorded (A1)."""
    return await call("billing", "list_payers", estate=estate, unit=unit)


@routes.get(f"{UNIT}/owners", answer=Owners, roles=STAFF, personal=True)
async def get_owners(estate: EstatePath, unit: UnitPath, call: Services) -> Response:
    """The co-owners of a unit, today's and former ones (A1)."""
    return await call("billing", "get_owners", estate=estate, unit=unit)


@routes.put(f"{UNIT}/owners", answer=Owners, roles=COLLECT)
async def set_owners(estate: EstatePath, unit: UnitPath, body: OwnersRequest, call: Services) -> Response:
    """Name all co-owners of a unit (A1)."""
    owners = body.model_dump(mode="json")["owners"]
    return await call("billing", "set_owners", estate=estate, unit=unit, owners=owners)


@routes.get("/v1/estates/{estate}/stewardships", answer=Page[Stewardship], roles=STAFF)
async def list_stewardships(estate: EstatePath, call: Services) -> Response:
    """Who answered, answers and will answer for each building (首问负责, A4)."""
    return await call("billing", "list_stewardships", estate=estate)


@routes.get("/v1/estates/{estate}/buildings/{building:path}/steward", answer=Steward, roles=STAFF)
async def get_steward(estate: EstatePath, building: BuildingPath, call: Services) -> Response:
    """Who answers for a building (A4)."""
    return await call("billing", "get_steward", estate=estate, building=building)


@routes.put("/v1/estates/{estate}/buildings/{building:path}/steward", answer=Steward, roles=(ADMIN, MANAGER))
async def set_steward(estate: EstatePath, building: BuildingPath, body: StewardRequest, call: Services) -> Response:
    """Let a steward answer for a building from a day on (A4)."""
    asked = body.model_dump(mode="json")
    return await call("billing", "set_steward", estate=estate, building=building, **asked)


@routes.get("/v1/households/{household}/file", answer=OwnerFile, roles=SEE_HOUSEHOLD, personal=True)
async def get_file(household: HouseholdPath, request: Request, call: Services) -> Response:
    """The owner file: register, units, segment, dispute, service; channels and consent as notifications keeps them."""
    whose = {"household": household}
    parts = {
        "owner": Part("billing", "get_household", whose, deciding=True),
        "contact": Part("notifications", "get_preferences", whose),
    }
    return answer({**whose, **await gather(call, parts, patience(request))})


@routes.put("/v1/households/{household}/file", answer=Household, roles=COLLECT)
async def keep_file(household: HouseholdPath, body: FileRequest, call: Services) -> Response:
    """Keep segment, other phones, preferences and legacy dispute of a household (A2)."""
    change = body.model_dump(mode="json", exclude_unset=True)
    return await call("billing", "keep_household_file", household=household, change=change)
