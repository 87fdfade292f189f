"""One-off services (B1)."""

from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.charges.schemas import ChargeRequest
from services.common.contracts.answers.charges import Charge
from services.common.domain.permissions import Permission

routes = Routes("Billing")


@routes.post("/v1/charges", answer=Charge, status=201, permission=Permission.CHARGE_SERVICE, personal=True)
async def create_charge(body: ChargeRequest, call: Services) -> Response:
    """Bill a one-off service at once; it is paid from the prepaid balance as far as that goes (B1, B6)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "create_charge", http=201, request_id=call.request_id, **fields)
