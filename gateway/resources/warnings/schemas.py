"""Collection targets, early warnings, the check of the rollups (J1, J3)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import Code, Period

Share = Annotated[float, Field(strict=True, ge=0, le=1, description="0–1")]


class CurvePoint(BaseModel):
    """By the end of this day of the month this share should be in."""

    model_config = example(day=15, rate=0.6)
    day: int = Field(ge=1, le=31, description="A day the month lacks is its last one")
    rate: Share


class CollectionTargetRequest(BaseModel):
    """What share of the bills due in a month should be in: one rate for its end, or a curve by day (J3)."""

    model_config = example(estate="GZ01", period="2026-11", rate=0.95)
    estate: Code | None = Field(default=None, description="null: every estate without a target of its own")
    period: Period | None = Field(default=None, description="Month in which bills are due; null: every month")
    rate: Share | None = None
    curve: list[CurvePoint] | None = Field(default=None, min_length=1, max_length=31)
