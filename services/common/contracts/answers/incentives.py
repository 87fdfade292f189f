"""VOCABULARY of incentives (C4): points, coupons, lottery tickets, and how good a payer a household is."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Period, Whole

CreditLevel = Literal["AAA", "AA", "A", "B", "C", "new"]
CouponReason = Literal["streak", "lottery"]
CouponStatus = Literal["valid", "expired", "redeemed"]
PointKind = Literal["earned", "taken_back", "redeemed", "returned"]


class IncentivePolicy(TypedDict):
    """What is given; rates are points per yuan of principal."""

    estate: Annotated[str | None, Field(description="null: the group's default")]
    enabled: bool
    on_time_rate: float
    early_rate: float
    early_days: Whole
    point_fen: Annotated[Fen, Field(description="What a point is worth")]
    most_of_bill: Annotated[float, Field(description="Largest discount, as part of what is open on a bill")]
    streak_months: Whole
    coupon_fen: Fen
    coupon_days: Whole


class Coupon(TypedDict):
    """A coupon of a household."""

    id: UUID
    value_fen: Fen
    reason: CouponReason
    month: Annotated[Period, Field(description="That it was given for")]
    issued_on: date
    expires_on: Annotated[date, Field(description="Last day")]
    status: CouponStatus


class LotteryTicket(TypedDict):
    """A ticket for a month in which all was paid in time."""

    id: Whole
    month: Period


class PointEntry(TypedDict):
    """Points that came or went."""

    points: Annotated[Whole, Field(description="Negative: redeemed, or taken back")]
    kind: PointKind
    bill_id: Annotated[Whole | None, Field(description="null: redeemed for a service")]
    booked_on: date


class Incentives(TypedDict):
    """What a household has, and how good a payer it is."""

    household: str
    enabled: bool
    points: Whole
    point_fen: Annotated[Fen, Field(description="What a point is worth")]
    credit_level: Annotated[CreditLevel, Field(description="new: too little is known")]
    in_time_share: Annotated[float | None, Field(description="0–1, of the last twelve months")]
    coupons: list[Coupon]
    tickets: list[LotteryTicket]
    entries: Annotated[list[PointEntry], Field(description="The newest")]


class RedemptionReceipt(TypedDict):
    """What was redeemed; for a service `id` is the voucher number."""

    id: UUID
    household: str
    points: Whole | None
    coupon_id: UUID | None
    bill_id: Whole | None
    service: str | None
    value_fen: Fen
    points_left: Whole
    redeemed_at: datetime


class LotteryDraw(TypedDict):
    """The tickets that won; with the same seed anybody draws the same."""

    id: UUID
    estate: str
    month: Period
    seed: str
    tickets: Annotated[Whole, Field(description="How many there were")]
    winners: Annotated[list[Whole], Field(description="In the order drawn")]
    coupon_fen: Fen
