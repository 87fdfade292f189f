"""One-off charges over HTTP (B1)."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from gateway.resources.base import example
from services.common.fields import NO_CONTROL, Code, Day, PositiveFen, Text

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
