"""Incentives for those who pay on time (C4)."""

from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, EstatePath, HouseholdPath
from gateway.resources.incentives.schemas import DrawRequest, PolicyRequest, RedemptionRequest
from services.common.contracts.answers.incentives import IncentivePolicy, Incentives, LotteryDraw, RedemptionReceipt
from services.common.domain.permissions import Permission

routes = Routes("Incentives")


@routes.get(
    "/v1/households/{household}/incentives", answer=Incentives, permission=Permission.READ_INCENTIVES, personal=True
)
async def get_incentives(household: HouseholdPath, call: Services) -> Response:
    """Points, coupons, lottery tickets and credit level of a household (C4)."""
    return await call("billing", "get_incentives", household=household)


@routes.post(
    "/v1/households/{household}/redemptions",
    answer=RedemptionReceipt,
    status=201,
    permission=Permission.REDEEM_INCENTIVE,
)
async def redeem(household: HouseholdPath, body: RedemptionRequest, call: Services) -> Response:
    """Redeem points or a coupon for a discount on a bill, or for a service (C4)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "redeem", http=201, household=household, request_id=call.request_id, **fields)


@routes.get("/v1/incentive-policy", answer=IncentivePolicy, permission=Permission.READ_INCENTIVE_POLICY)
async def get_incentive_policy(call: Services, estate: EstateFilter = None) -> Response:
    """What is given for paying on time (C4)."""
    return await call("billing", "get_incentive_policy", estate=estate)


@routes.put("/v1/incentive-policy", answer=IncentivePolicy, permission=Permission.SET_INCENTIVE_POLICY)
async def set_incentive_policy(body: PolicyRequest, call: Services) -> Response:
    """Say what is given, for the group or an estate; it counts from the next day (C4)."""
    fields = body.model_dump() | {
        name: str(getattr(body, name)) for name in ("on_time_rate", "early_rate", "most_of_bill")
    }
    return await call("billing", "set_incentive_policy", **fields)


@routes.post("/v1/estates/{estate}/lottery-draws", answer=LotteryDraw, status=201, permission=Permission.DRAW_LOTS)
async def draw_lots(estate: EstatePath, body: DrawRequest, call: Services) -> Response:
    """Draw the lots of a month, once, by a seed that anybody may check (C4)."""
    return await call("billing", "draw_lots", http=201, estate=estate, request_id=call.request_id, **body.model_dump())
