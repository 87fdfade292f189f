"""Incentives: points, coupons, lottery tickets, credit level (C4)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import BillId, Code, Fen, Period, PositiveFen, Text

Rate = Annotated[float, Field(strict=True, ge=0, le=1_000)]
Points = Annotated[int, Field(strict=True, gt=0, le=10**9)]
POLICY: dict[str, Any] = {
    "enabled": True,
    "on_time_rate": 0.5,
    "early_rate": 1.0,
    "early_days": 7,
    "point_fen": 1,
    "most_of_bill": 0.5,
    "streak_months": 6,
    "coupon_fen": 2000,
    "coupon_days": 365,
}


class PolicyRequest(BaseModel):
    """What is given: rates are points per yuan of principal; `estate` left out: the group's default."""

    model_config = example(estate="GZ01", **POLICY)
    estate: Code | None = None
    enabled: Annotated[bool, Field(strict=True)]
    on_time_rate: Rate
    early_rate: Rate
    early_days: Annotated[int, Field(strict=True, ge=0, le=3_650)]
    point_fen: Annotated[PositiveFen, Field(le=10**9)]
    most_of_bill: Annotated[float, Field(strict=True, ge=0, le=1)]
    streak_months: Annotated[int, Field(strict=True, gt=0, le=36)]
    coupon_fen: PositiveFen
    coupon_days: Annotated[int, Field(strict=True, gt=0, le=3_650)]


class Policy(BaseModel):
    """The policy that counts."""

    model_config = shown(estate="GZ01", **POLICY)
    estate: str | None
    enabled: bool
    point_fen: Fen


class Incentives(BaseModel):
    """What a household has, and how good a payer it is."""

    model_config = shown(
        household="GZ01-1-0101",
        enabled=True,
        points=318,
        point_fen=1,
        credit_level="AAA",
        in_time_share=1.0,
        coupons=[
            {
                "id": "0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
                "value_fen": 2000,
                "reason": "streak",
                "month": "2026-10",
                "issued_on": "2026-11-01",
                "expires_on": "2027-11-01",
                "status": "valid",
            }
        ],
        tickets=[{"id": 17, "month": "2026-10"}],
        entries=[{"points": 159, "kind": "earned", "bill_id": 48211, "booked_on": "2026-11-16"}],
    )
    household: str
    points: int
    credit_level: Literal["AAA", "AA", "A", "B", "C", "new"]
    coupons: list[Any]
    tickets: list[Any]


class RedemptionRequest(BaseModel):
    """Points or a coupon, for a discount on an open bill or a value-added service: one of each."""

    model_config = example(points=300, bill_id=48211)
    points: Points | None = None
    coupon_id: UUID | None = None
    bill_id: BillId | None = None
    service: Text | None = None


class Redeemed(BaseModel):
    """What was redeemed; for a service `id` is the voucher number."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        household="GZ01-1-0101",
        points=300,
        coupon_id=None,
        bill_id=48211,
        service=None,
        value_fen=300,
        points_left=18,
    )
    id: UUID
    household: str
    value_fen: Fen
    points_left: int


class DrawRequest(BaseModel):
    """Draw the lots of a month; the seed is kept with the result, so that anybody can draw again."""

    model_config = example(month="2026-10", winners=3, coupon_fen=5000, seed="SSQ 2026131: 04 09 12 20 27 33 + 06")
    month: Period
    winners: Annotated[int, Field(strict=True, gt=0, le=10_000)]
    coupon_fen: PositiveFen
    seed: Text


class Draw(BaseModel):
    """The tickets that won, in the order drawn."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        estate="GZ01",
        month="2026-10",
        seed="SSQ 2026131: 04 09 12 20 27 33 + 06",
        tickets=811,
        winners=[418, 17, 99],
        coupon_fen=5000,
    )
    id: UUID
    estate: str
    month: str
    tickets: int
    winners: list[int]
