"""The trial balance (B7)."""

from starlette.responses import Response

from gateway.front.guard import Patience, Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter
from services.common.contracts.answers.trial_balance import TrialBalance
from services.common.domain.permissions import Permission

routes = Routes("Collections")


@routes.get("/v1/ledger/trial-balance", answer=TrialBalance, permission=Permission.READ_LEDGER)
async def trial_balance(call: Services, patience: Patience, estate: EstateFilter = None) -> Response:
    """All accounts; their difference is zero at all times (B7)."""
    return await call("billing", "trial_balance", timeout=patience, estate=estate)
