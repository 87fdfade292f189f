"""Late fees by estate (C1)."""

from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import AsOf, EstateFilter
from services.common.contracts.answers.late_fees import LateFees
from services.common.domain.permissions import Permission

routes = Routes("Instalment plans")


@routes.get("/v1/late-fees", answer=LateFees, permission=Permission.READ_FIGURES)
async def late_fees(call: Services, estate: EstateFilter = None, as_of: AsOf = None) -> Response:
    """Late fee due and principal overdue by estate (C1)."""
    return await call("billing", "late_fees", estate=estate, as_of=as_of)
