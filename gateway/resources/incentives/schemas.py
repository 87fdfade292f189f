"""Incentives: points, coupons, lottery tickets, credit level (C4)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import INT64, BillId, Code, Period, PositiveFen, Text, decimals

PLACES = 4
Rate = Annotated[float, Field(strict=True, ge=0, le=1_000, description=f"At most {PLACES} decimals"), decimals(PLACES)]
Part = Annotated[float, Field(strict=True, ge=0, le=1, description=f"At most {PLACES} decimals"), decimals(PLACES)]
Points = Annotated[int, Field(strict=True, gt=0, le=10**9, json_schema_extra=INT64)]
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
    early_days: Annotated[int, Field(strict=True, ge=0, le=3_650, json_schema_extra=INT64)]
    point_fen: Annotated[PositiveFen, Field(le=10**9)]
    most_of_bill: Part
    streak_months: Annotated[int, Field(strict=True, gt=0, le=36, json_schema_extra=INT64)]
    coupon_fen: PositiveFen
    coupon_days: Annotated[int, Field(strict=True, gt=0, le=3_650, json_schema_extra=INT64)]


class RedemptionRequest(BaseModel):
    """Points or a coupon, for a discount on an open bill or a value-added service: one of each."""

    model_config = example(points=300, bill_id=48211)
    points: Points | None = None
    coupon_id: UUID | None = None
    bill_id: BillId | None = None
    service: Text | None = None


class DrawRequest(BaseModel):
    """Draw the lots of a month; the seed is kept with the result, so that anybody can draw again."""

    model_config = example(month="2026-10", winners=3, coupon_fen=5000, seed="SSQ 2026131: 04 09 12 20 27 33 + 06")
    month: Period
    winners: Annotated[int, Field(strict=True, gt=0, le=10_000, json_schema_extra=INT64)]
    coupon_fen: PositiveFen
    seed: Text
