"""Billing policy, shared costs, one-off services."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from gateway.schemas.base import NO_CONTROL, Code, Day, Fen, Note, Period, Text, example, shown

Cycle = Literal["monthly", "quarterly", "annual"]
Timing = Literal["arrears", "advance"]
POLICY = {"cycle": "quarterly", "timing": "arrears", "due_day": 15, "month_offset": 1, "roll_to_working_day": False}
COST = {"estate": "GZ01", "building": "1", "fee_item": "public_light", "period": "2026-10", "amount_fen": 186420}
CHARGE = {"fee_item": "lock_change", "amount_fen": 12000, "description": "更换门锁一把"}


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
    amount_fen: Fen | None = None
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
    amount_fen: int


class SharedCosts(BaseModel):
    """The costs recorded for an estate."""

    items: list[SharedCost]


class ChargeRequest(BaseModel):
    """A one-off service, of a household or of a unit (`estate/unit`) and whoever pays for it today."""

    model_config = example(household="GZ01-1-0101", **CHARGE, due_date="2026-12-15")
    household: Code | None = None
    unit: Annotated[str, StringConstraints(min_length=1, max_length=600, pattern=NO_CONTROL)] | None = None
    fee_item: Code
    amount_fen: Fen
    description: Text
    due_date: Day | None = Field(default=None, description="By the estate's billing policy when left out")


class Charge(BaseModel):
    """The bill of a one-off service."""

    model_config = shown(
        charge_id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        bill_id=48299,
        id=48299,
        unit="GZ01/1-0101",
        household="GZ01-1-0101",
        period="2026-11",
        **CHARGE,
        outstanding_fen=12000,
        due_date="2026-12-15",
        status="open",
    )
    charge_id: UUID
    bill_id: int
    amount_fen: int
    outstanding_fen: int
    due_date: date
    status: str
