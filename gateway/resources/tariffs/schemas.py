"""Tariffs, billing policy and shared costs over HTTP (B1, B3)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Fen, Note, Period, PositiveFen


class Tariff(BaseModel):
    """One version of a fee (B1); a bill uses it only after it was published (公示)."""

    model_config = shown(
        id=17,
        estate="GZ01",
        fee_item="property_fee",
        method="per_area",
        usage="residential",
        unit_price_yuan="2.8000",
        effective_from="2026-01-01",
        effective_to=None,
        vacancy_ratio=0.7,
        basis="政府指导价",
        composition=[{"name": "人工", "yuan": "1.9"}, {"name": "绿化", "yuan": "0.9"}],
        tiers=[],
        grade_factors={"A": "1.1", "*": "1"},
        published_at=None,
    )
    id: int
    estate: str
    fee_item: str
    method: str
    usage: str | None = None
    unit_price_yuan: str | None = None
    effective_from: date
    effective_to: date | None = None


class Tariffs(BaseModel):
    """The tariffs of an estate."""

    items: list[Tariff]


class Published(BaseModel):
    """Which tariffs were published now."""

    model_config = shown(estate="GZ01", published=3)


Cycle = Literal["monthly", "quarterly", "annual"]


Timing = Literal["arrears", "advance"]


POLICY = {"cycle": "quarterly", "timing": "arrears", "due_day": 15, "month_offset": 1, "roll_to_working_day": False}


COST = {"estate": "GZ01", "building": "1", "fee_item": "public_light", "period": "2026-10", "amount_fen": 186420}


class BillingPolicyRequest(BaseModel):
    """How an estate is billed from the next run on; months that are billed stay so (B3)."""

    model_config = example(**POLICY)
    cycle: Cycle
    timing: Timing
    due_day: Annotated[int, Field(strict=True, ge=1, le=31, description="A month without it: its last day")]
    month_offset: Annotated[int, Field(strict=True, ge=0, le=12, description="After the cycle; in advance before it")]
    roll_to_working_day: Annotated[bool, Field(strict=True)]


class BillingPolicy(BaseModel):
    """How an estate is billed; `own` false: by the group's default."""

    model_config = shown(estate="GZ01", **POLICY, own=True)
    estate: str
    cycle: Cycle
    timing: Timing
    due_day: int
    month_offset: int
    roll_to_working_day: bool
    own: bool


class SharedCostRequest(BaseModel):
    """What an estate, or a building, really paid in a month, as an amount or as a quantity at the tariff's price."""

    model_config = example(**COST, note="供电局 2026-10 账单")
    estate: Code
    building: Code | None = None
    fee_item: Code
    period: Period
    amount_fen: PositiveFen | None = None
    quantity: Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=4)] | None = None
    note: Note | None = None


class SharedCost(BaseModel):
    """A recorded cost; the bills of its shares add up to it to the fen (B1)."""

    model_config = shown(id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10", **COST, quantity=None, note=None)
    id: UUID
    estate: str
    building: str | None = None
    fee_item: str
    period: str
    amount_fen: Fen


class SharedCosts(BaseModel):
    """The costs recorded for an estate."""

    items: list[SharedCost]
