"""Stewards by date over HTTP (A4)."""

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import Code, Day


class StewardRequest(BaseModel):
    """Who answers for the building from a day on, until the next appointment (A4)."""

    model_config = example(staff="S001", from_date="2026-12-01")
    staff: Code
    from_date: Day | None = Field(default=None, description="Today when left out")
