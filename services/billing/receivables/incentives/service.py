"""DOORS to incentives (C4)."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.billing.receivables.incentives import handlers, redeeming
from services.billing.receivables.incentives.rules import Policy
from services.common.contracts.answers.incentives import IncentivePolicy, Incentives, LotteryDraw, RedemptionReceipt
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import BillId
from services.common.process.service import EstateService, rpc, timer

JUDGE_SECONDS = 2
Positive = Annotated[int, Field(gt=0, le=10**9)]
Days = Annotated[int, Field(ge=0, le=3_650)]
Rate = Annotated[Decimal, Field(ge=0, le=1_000, decimal_places=4)]


class IncentiveDoors(EstateService):
    """Points, coupons, lots and credit level."""

    @rpc
    def get_incentives(self, caller: Caller, household: str) -> Incentives:
        """What a household has."""
        with self.transaction() as session:
            return handlers.get_incentives(session, caller, household, business_date(self.clock()))

    @rpc
    def get_incentive_policy(self, caller: Caller, estate: str | None = None) -> IncentivePolicy:
        """What is given."""
        with self.transaction() as session:
            return handlers.get_policy(session, caller, estate)

    @rpc
    def set_incentive_policy(
        self, caller: Caller, enabled: bool, on_time_rate: Rate, early_rate: Rate, early_days: Days,
        point_fen: Positive, most_of_bill: Rate, streak_months: Annotated[int, Field(gt=0, le=36)],
        coupon_fen: Positive, coupon_days: Annotated[int, Field(gt=0, le=3_650)], estate: str | None = None,
    ) -> IncentivePolicy:  # fmt: skip
        """Say what is given."""
        rates = (on_time_rate, early_rate, early_days, point_fen, most_of_bill)
        policy = Policy(enabled, *rates, streak_months, coupon_fen, coupon_days)
        with self.transaction() as session:
            return handlers.set_policy(session, caller, estate, policy)

    @rpc
    def redeem(
        self, caller: Caller, household: str, request_id: UUID, points: Positive | None = None,
        coupon_id: UUID | None = None, bill_id: BillId | None = None,
        service: str | None = None,
    ) -> RedemptionReceipt:  # fmt: skip
        """Redeem points or a coupon."""
        redemption = redeeming.Redemption(points, coupon_id, bill_id, service)
        with self.transaction() as session:
            return redeeming.redeem(session, caller, household, request_id, redemption, self.clock())

    @rpc
    def draw_lots(
        self, caller: Caller, estate: str, request_id: UUID, month: str, winners: Positive, coupon_fen: Positive,
        seed: str,
    ) -> LotteryDraw:  # fmt: skip
        """Draw the lots of a month."""
        request = handlers.DrawRequest(month, winners, coupon_fen, seed)
        with self.transaction() as session:
            return handlers.draw_lots(session, caller, estate, request_id, request, self.clock())

    @timer(JUDGE_SECONDS)
    def judge_incentives(self) -> None:
        """Judge one estate that waits."""
        with self.transaction() as session:
            handlers.judge_next_estate(session, self.clock())
