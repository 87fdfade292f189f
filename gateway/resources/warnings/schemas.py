"""Collection targets, early warnings, the check of the rollups (J1, J3)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Period

WarningKind = Literal["collection_below_plan", "calendar_missing"]
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


class CollectionTarget(BaseModel):
    """A target as it is kept."""

    model_config = shown(
        estate="GZ01",
        period="2026-11",
        curve=[{"day": 31, "rate": 0.95}],
        set_by="finance-1",
        set_at="2026-11-01T02:00:00+00:00",
    )
    estate: str | None
    period: str | None
    curve: list[Any]


class CollectionTargets(BaseModel):
    """Targets, the group's first."""

    items: list[CollectionTarget]


class EarlyWarning(BaseModel):
    """Something to act on before it is too late (J3)."""

    model_config = shown(
        id=17,
        kind="collection_below_plan",
        estate="GZ01",
        period="2026-11",
        day="2026-11-20",
        facts={
            "planned_rate": 0.6,
            "rate": 0.41,
            "billed_fen": 1000000,
            "collected_fen": 410000,
            "missing_fen": 190000,
        },
        raised_at="2026-11-20T16:00:12+00:00",
    )
    id: int
    kind: str
    estate: str | None = Field(description="null: the whole group")
    period: str
    day: date
    facts: Any
    raised_at: datetime


class RollupCheck(BaseModel):
    """Rollups against bills and ledger, totals against rollups; no differences, ever (J1, B7)."""

    model_config = shown(rollups={"differences": 0, "items": []}, totals={"differences": 0, "items": []})
    rollups: Any
    totals: Any
