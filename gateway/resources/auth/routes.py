"""Development sign-in; mounted in the sandbox only."""

from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Gate, answer
from gateway.front.routing import Routes
from gateway.resources.auth.schemas import DevToken, DevTokenRequest
from services.common.contracts.errors import Invalid
from services.common.domain.access import EVERY_ESTATE, Caller
from services.common.domain.permissions import Role

routes = Routes("Sandbox")


@routes.post("/v1/auth/dev-token", answer=DevToken, permission=None, idempotent=False, audited=False)
async def dev_token(request: Request, body: DevTokenRequest) -> Response:
    """Sign in as anybody, for development; exists in the sandbox only."""
    gate: Gate = request.app.state.gate
    token, seconds = gate.tokens.issue(_caller(body))
    dev_token_answer: DevToken = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
    return answer(dev_token_answer)


def _caller(body: DevTokenRequest) -> Caller:
    if body.role is Role.OWNER and body.household is None:
        raise Invalid("An owner signs in for a household.", [{"loc": "body.household", "msg": "Field required"}])
    if body.estates is None:
        estates = frozenset() if body.role is Role.OWNER else frozenset({EVERY_ESTATE})
    else:
        estates = frozenset({body.estates} if isinstance(body.estates, str) else body.estates)
    scope = ",".join(sorted(estates - {EVERY_ESTATE}))
    sub = ":".join(part for part in (f"dev-{body.role}", body.household, scope) if part)
    return Caller(sub=body.sub or sub[:200], roles=frozenset({body.role}), estates=estates, household=body.household)
