"""STORY of discounts that come back: points and coupons spent on a bill that is void (B5, C4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.incentives import rules, tables
from services.billing.receivables.incentives.tables import RedemptionRow
from services.billing.receivables.ledger.rules import Account
from services.common.contracts.errors import NotFound
from services.common.domain.calendar import business_date


@dataclass(frozen=True)
class Loss:
    """What of a discount is on no bill any more; `is_whole`: nothing of it is left on any."""

    fen: int
    is_whole: bool


@dataclass(frozen=True)
class DiscountReturn:
    """What came back to the household."""

    points: int | None = None
    coupon_id: UUID | None = None


NOTHING_BACK: Final = DiscountReturn()


def return_discount(
    session: Session, account: Account, redemption_id: UUID, loss: Loss, now: datetime
) -> DiscountReturn:
    """Give back what a locked household spent for it: points in proportion, a coupon whole or not at all.

    A coupon has as many days left as when it was spent.
    """
    redemption = tables.find_redemption(session, redemption_id)
    if redemption is None:
        raise NotFound(f"There is no redemption {redemption_id}.")
    if redemption.points is not None:
        return _return_points(session, account, redemption, redemption.points, loss, now)
    return _return_coupon(session, redemption, now) if loss.is_whole else NOTHING_BACK


def _return_points(
    session: Session, account: Account, redemption: RedemptionRow, spent_points: int, loss: Loss, now: datetime
) -> DiscountReturn:
    points = rules.points_back(spent_points, redemption.value_fen, loss.fen)
    if not points:
        return NOTHING_BACK
    entry = {"household_id": account.id, "bill_id": redemption.bill_id, "points": points, "kind": "returned"}
    tables.add_points(session, entry | {"source": str(redemption.id), "booked_on": business_date(now)})
    return DiscountReturn(points=points)


def _return_coupon(session: Session, redemption: RedemptionRow, now: datetime) -> DiscountReturn:
    coupon = tables.find_coupon(session, redemption.coupon_id) if redemption.coupon_id else None
    if coupon is None or coupon.redeemed_at is None:
        return NOTHING_BACK
    spent_for = business_date(now) - business_date(coupon.redeemed_at)
    tables.restore_coupon(session, coupon.id, coupon.expires_on + spent_for)
    tables.mark_returned(session, redemption.id, now)
    return DiscountReturn(coupon_id=coupon.id)
