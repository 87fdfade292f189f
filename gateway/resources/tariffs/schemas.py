"""Tariffs, billing policy and shared costs over HTTP (B1, B3)."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.tariffs import BillingCycle, BillingTiming
from services.common.fields import INT64, Code, Note, Period, PositiveFen

POLICY = {"cycle": "quarterly", "timing": "arrears", "due_day": 15, "month_offset": 1, "roll_to_working_day": False}
NOTICE_DAYS = "No bill is due earlier than so many days after it was issued"


COST = {"estate": "GZ01", "building": "1", "fee_item": "public_light", "period": "2026-10", "amount_fen": 186420}


class BillingPolicyRequest(BaseModel):
    """How an estate is billed from the next run on; months that are billed stay so (B3)."""

    model_config = example(**POLICY, notice_days=15)
    cycle: BillingCycle
    timing: BillingTiming
    due_day: Annotated[
        int, Field(strict=True, ge=1, le=31, description="A month without it: its last day", json_schema_extra=INT64)
    ]
    month_offset: Annotated[
        int,
        Field(strict=True, ge=0, le=12, description="After the cycle; in advance before it", json_schema_extra=INT64),
    ]
    roll_to_working_day: Annotated[bool, Field(strict=True)]
    notice_days: Annotated[int, Field(strict=True, ge=0, le=90, description=NOTICE_DAYS, json_schema_extra=INT64)] = 15


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
