"""VOCABULARY of figures: collection rates, dashboards, the check of the rollups (J1, J3, B7)."""

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor
from services.common.contracts.answers.dunning import OverdueByAge
from services.common.fields import Fen, Period, Whole

RatesBy = Literal["group", "region", "estate", "building", "steward", "fee_item", "period"]
TotalLevel = Literal["total", "month", "day", "building", "building_month"]
Difference = TypeVar("Difference")


class Windows(TypedDict):
    """The three rates of a day's month: bills due in it, all bills due by the day, and older arrears (清欠率, J1)."""

    current_billed_fen: Fen
    current_collected_fen: Fen
    current_rate: Annotated[float | None, Field(description="Of bills due in the day's month; null: none are")]
    cumulative_billed_fen: Fen
    cumulative_collected_fen: Fen
    cumulative_rate: Annotated[float | None, Field(description="Of all bills due by the day; null: none are")]
    recovery_open_fen: Annotated[Fen, Field(description="Older arrears open when the month began, in fen")]
    recovery_collected_fen: Fen
    recovery_rate: Annotated[float | None, Field(description="Of those arrears, what came in; null: there were none")]


class AskedWindows(TypedDict):
    """The same where they were asked for with `windows`, else null."""

    current_billed_fen: Fen | None
    current_collected_fen: Fen | None
    current_rate: Annotated[float | None, Field(description="Of bills due in the cut-off's month; with windows")]
    cumulative_billed_fen: Fen | None
    cumulative_collected_fen: Fen | None
    cumulative_rate: Annotated[float | None, Field(description="Of all bills due by the cut-off; with windows")]
    recovery_open_fen: Fen | None
    recovery_collected_fen: Fen | None
    recovery_rate: Annotated[
        float | None,
        Field(description="Of older arrears open when the month began, what came in (清欠率); with windows"),
    ]


class AskedHouseholds(TypedDict):
    """Who paid in full, where that was asked for with `households`, else null."""

    households_billed: Annotated[Whole | None, Field(description="With households")]
    households_paid: Annotated[Whole | None, Field(description="Those of them that paid in full; with households")]
    household_rate: Annotated[float | None, Field(description="0–1; with households")]


class CollectionRate(AskedWindows, AskedHouseholds):
    """Principal received by the cut-off ÷ principal billed (J1)."""

    key: Annotated[str | None, Field(description="null: buildings nobody answers for")]
    estate: Annotated[str | None, Field(description="Of a building; null where other things are grouped by")]
    billed_fen: Fen
    collected_fen: Fen
    waived_fen: Fen
    billed_count: Whole
    rate: Annotated[float | None, Field(description="0–1; null when nothing was billed")]


class CollectionRates(TypedDict):
    """One row per key of the grouping."""

    items: list[CollectionRate]
    next_cursor: Cursor
    as_of: date
    period: Period | None
    due_in: Period | None


class HouseholdCounts(TypedDict):
    """How many households there are, are overdue, and are held."""

    households: Whole
    overdue_households: Whole
    held_households: Whole


class ReceivableByAge(OverdueByAge):
    """Open principal by days overdue (D5)."""

    not_due: Fen


class Figures(Windows, HouseholdCounts):
    """A dashboard's figures of one day: rates of the month and overall, receivable by age, households."""

    as_of: date
    rate: Annotated[float | None, Field(description="The current rate")]
    receivable_fen: Fen
    overdue_fen: Fen
    receivable_by_bucket: ReceivableByAge


class EstateFigures(Figures):
    """One estate's figures."""

    estate: str


class EstateWindows(Windows):
    """One estate's line in the figures of the group."""

    estate: str


class GroupFigures(Figures):
    """The figures over all estates in scope, and a line for each of them."""

    estates: list[EstateWindows]


class RollupDifference(TypedDict):
    """A rollup row that is not what bills and ledger say: of each sum, what is expected and what is kept."""

    estate: str
    building: Annotated[str | None, Field(description="null: of all buildings")]
    fee_item: str
    period: Period
    due_date: date
    booked_on: Annotated[date | None, Field(description="The day, or the month's first; null: of all time")]
    expected_billed_fen: Fen
    expected_collected_fen: Fen
    expected_waived_fen: Fen
    expected_billed_count: Whole
    kept_billed_fen: Fen
    kept_collected_fen: Fen
    kept_waived_fen: Fen
    kept_billed_count: Whole


class TotalDifference(RollupDifference):
    """A total that is not what the rollups say."""

    level: TotalLevel


class Differences(TypedDict, Generic[Difference]):
    """How many there are in all, and the first hundred."""

    differences: Whole
    items: list[Difference]
    next_cursor: Cursor


class RollupCheck(TypedDict):
    """Rollups against bills and ledger, totals against rollups; no differences, ever (J1, B7)."""

    rollups: Differences[RollupDifference]
    totals: Differences[TotalDifference]
