"""Owner files and co-owners (A2)."""

from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Services, answer
from gateway.front.routing import Routes
from gateway.resources.aggregates.routes import WHOLLY, Part, gather, patience
from gateway.resources.base import EstatePath, HouseholdPath
from gateway.resources.files.schemas import FileRequest, OwnerFile, OwnersRequest
from services.common.contracts.answers.files import Owners
from services.common.contracts.answers.portfolio import Household
from services.common.contracts.errors import Forbidden
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Portfolio")

# `:path`, because the code of a unit may hold a slash.
UNIT = "/v1/units/{estate}/{unit:path}"
UnitPath = Annotated[Code, Path(description="Code of the unit on its estate", examples=["1-0101"])]


@routes.get(f"{UNIT}/owners", answer=Owners, permission=Permission.READ_UNITS, personal=True)
async def get_owners(estate: EstatePath, unit: UnitPath, call: Services) -> Response:
    """The co-owners of a unit, today's and former ones (A1)."""
    return await call("billing", "get_owners", estate=estate, unit=unit)


@routes.put(f"{UNIT}/owners", answer=Owners, permission=Permission.KEEP_OWNER_FILE)
async def set_owners(estate: EstatePath, unit: UnitPath, body: OwnersRequest, call: Services) -> Response:
    """Name all co-owners of a unit (A1)."""
    owners = body.model_dump(mode="json")["owners"]
    return await call("billing", "set_owners", estate=estate, unit=unit, owners=owners)


@routes.get(
    "/v1/households/{household}/file", answer=OwnerFile, permission=Permission.READ_CONTACT_PREFERENCES, personal=True
)
async def get_file(household: HouseholdPath, request: Request, call: Services) -> Response:
    """The owner file: register, units, segment, dispute, service; channels and consent as notifications keeps them."""
    whose = {"household": household}
    parts = {
        "owner": Part("billing", "get_household", whose, WHOLLY),
        "contact": Part("notifications", "get_preferences", whose, (Forbidden,)),
    }
    return answer({**whose, **await gather(call, parts, patience(request))})


@routes.put("/v1/households/{household}/file", answer=Household, permission=Permission.KEEP_OWNER_FILE)
async def keep_file(household: HouseholdPath, body: FileRequest, call: Services) -> Response:
    """Keep segment, other phones, preferences and legacy dispute of a household (A2)."""
    change = body.model_dump(mode="json", exclude_unset=True)
    return await call("billing", "keep_household_file", household=household, change=change)
