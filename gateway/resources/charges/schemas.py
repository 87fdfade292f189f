"""One-off charges over HTTP (B1)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from gateway.resources.base import example, shown
from services.common.fields import NO_CONTROL, BillId, Code, Day, Fen, PositiveFen, Text

CHARGE = {"fee_item": "lock_change", "amount_fen": 12000, "description": "更换门锁一把"}


class ChargeRequest(BaseModel):
    """A one-off service, of a household or of a unit (`estate/unit`) and whoever pays for it today."""

    model_config = example(household="GZ01-1-0101", **CHARGE, due_date="2026-12-15")
    household: Code | None = None
    unit: Annotated[str, StringConstraints(min_length=1, max_length=600, pattern=NO_CONTROL)] | None = None
    fee_item: Code
    amount_fen: PositiveFen
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
    bill_id: BillId
    amount_fen: Fen
    outstanding_fen: Fen
    due_date: date
    status: str
