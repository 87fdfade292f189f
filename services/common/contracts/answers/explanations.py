"""VOCABULARY of explanations: why a bill is what it is (B1, B3, B4).

The formula's value, rounded half up to the fen, plus `rounding_fen` is the amount.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Bilingual
from services.common.contracts.answers.bills import BillSummary
from services.common.contracts.answers.tariffs import BillingTerms, Method, Tariff
from services.common.fields import DecimalText, Fen, Whole

Rounding = Literal["none", "half_up to the fen, once"]


@dataclass(frozen=True)
class UsedPart:
    """A tariff version as a bill used it, on `days` of a month of `month_days`."""

    version: Whole
    method: Method
    unit_price: Decimal
    factor: Annotated[Decimal, Field(description="Of the unit's grade")]
    ratio: Annotated[Decimal | None, Field(description="Of a vacant unit")]
    days: Whole
    month_days: Whole
    first_day: date | None


class PayerStay(TypedDict):
    """Days, first and last inclusive, on which the household pays for a unit that is vacant, or is not."""

    first_day: date
    last_day: date
    vacant: bool


class RateInputs(TypedDict):
    """Area × price × time (B3)."""

    method: Literal["per_area", "fixed"]
    area_m2: Decimal
    vacant: bool
    grade: str | None
    days: Annotated[list[PayerStay] | None, Field(description="Where the cycle is divided by day; null: it is whole")]
    parts: list[UsedPart]


class MeterSpan(TypedDict):
    """What a meter showed at the ends of the days between which was consumed."""

    meter: str
    from_on: date
    from_reading: Decimal
    to_on: date
    to_reading: Decimal


class TierPrice(TypedDict):
    """What of a quantity costs one price."""

    quantity: Decimal
    unit_price: Decimal


class VersionPrice(TypedDict):
    """A tariff version's price of the whole quantity, and on how many days it held."""

    tariff_id: Whole
    version: Whole
    days: Whole
    tiers: list[TierPrice]


class MeteredInputs(TypedDict):
    """Consumption × price of each tier (阶梯, B1)."""

    method: Literal["metered"]
    meters: list[MeterSpan]
    quantity: Decimal
    limit_months: Annotated[Whole, Field(description="How many months' limits count")]
    days: Whole
    versions: list[VersionPrice]
    part: Annotated[list[Whole] | None, Field(description="Numerator and denominator, where several pay")]
    rounding_fen: Fen


class CostShare(TypedDict):
    """What of a cost the payer bears: the unit's share, or so many days of it."""

    period: Annotated[date, Field(description="First day of the month")]
    building: str | None
    usage: Annotated[str | None, Field(description="Whose tariff is the cost; null: it was recorded")]
    recorded: bool
    cost_fen: Fen
    weight: Annotated[Decimal, Field(description="Floor area, less where the tariff has a vacancy ratio")]
    total_weight: Decimal
    share_fen: Fen
    days: Whole
    of_days: Whole
    amount_fen: Fen


class SharedInputs(TypedDict):
    """Shares of costs by floor area (公摊, B1)."""

    method: Literal["shared"]
    shares: list[CostShare]
    rounding_fen: Fen


class OneOffInputs(TypedDict):
    """An amount that was agreed for a service (B1)."""

    method: Literal["one_off"]
    description: str
    amount_fen: Fen


class OpeningInputs(TypedDict):
    """An amount that was brought in (A3)."""

    amount_yuan: DecimalText


class DueDay(TypedDict):
    """How the due date came about."""

    policy: BillingTerms
    text: Bilingual


class BillExplanation(BillSummary):
    """A bill with its tariff version, inputs, formula, rounding and due date; without a tariff it stands as agreed."""

    household: str
    tariff: Annotated[Tariff | None, Field(description="null: an opening balance or a one-off service")]
    tariff_version: Whole | None
    inputs: RateInputs | MeteredInputs | SharedInputs | OneOffInputs | OpeningInputs
    exact_yuan: Annotated[DecimalText, Field(description="Before rounding")]
    formula: str
    text: Bilingual
    rounding: Rounding
    rounding_fen: Annotated[Fen, Field(description="What sharing to the fen added or took")]
    due: DueDay | None
