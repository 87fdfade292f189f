"""VOCABULARY of early warnings and of the plans they are measured by (J3)."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Period, Whole

WarningKind = Literal["collection_below_plan", "calendar_missing"]


class PlannedShare(TypedDict):
    """By the end of this day of the month this share, 0–1, should be in."""

    day: Annotated[Whole, Field(description="A day the month lacks is its last one")]
    rate: float


class CollectionTarget(TypedDict):
    """What share of the bills due in a month should be in, as it was set (J3)."""

    estate: Annotated[str | None, Field(description="null: every estate without a target of its own")]
    period: Annotated[Period | None, Field(description="Month in which bills are due; null: every month")]
    curve: list[PlannedShare]
    set_by: str
    set_at: datetime


class BelowPlan(TypedDict):
    """How far an estate is below its plan."""

    planned_rate: float
    rate: float
    billed_fen: Fen
    collected_fen: Fen
    missing_fen: Annotated[Fen, Field(description="So much more would have been enough, in fen")]


class CalendarMissing(TypedDict):
    """A year whose public holidays nobody has announced to us."""

    year: Whole


class EarlyWarning(TypedDict):
    """Something to act on before it is too late (J3)."""

    id: Whole
    kind: WarningKind
    estate: Annotated[str | None, Field(description="null: the whole group")]
    period: Period
    day: date
    facts: BelowPlan | CalendarMissing
    raised_at: datetime
