"""Stewards by date over HTTP (A4)."""

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Day


class StewardRequest(BaseModel):
    """Who answers for the building from a day on, until the next appointment (A4)."""

    model_config = example(staff="S001", from_date="2026-12-01")
    staff: Code
    from_date: Day | None = Field(default=None, description="Today when left out")


class Steward(BaseModel):
    """Who answers for a building today, and who did and will."""

    model_config = shown(
        estate="GZ01",
        building="1",
        steward="S001",
        items=[{"staff": "S001", "from_date": None, "to_date": None, "set_by": None, "set_at": None}],
    )
    estate: str
    building: str
    steward: str | None = None
    items: list[dict[str, Any]]


class Stewardship(BaseModel):
    """One term of a steward."""

    model_config = shown(building="1", staff="S001", name="李管家", from_date=None, to_date="2026-11-30")
    building: str
    staff: str
    from_date: date | None = None
    to_date: date | None = None
