"""VOCABULARY of tariffs (B1), the billing policy (B3) and shared costs (公摊, B1).

Prices, rates and quantities are decimal text, so that nothing is lost on the way.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.portfolio import Usage
from services.common.fields import DecimalText, Fen, Period, Whole

Method = Literal["per_area", "fixed", "metered", "shared"]
BillingCycle = Literal["monthly", "quarterly", "annual"]
BillingTiming = Literal["arrears", "advance"]


class PriceComponent(TypedDict):
    """One of the uses a price is made of."""

    name: str
    yuan: DecimalText


class PriceTier(TypedDict):
    """The price of a metered fee above a quantity a month."""

    above: DecimalText
    unit_price_yuan: DecimalText


class Tariff(TypedDict):
    """One version of a price (B1); a bill uses it only after it was published (公示)."""

    id: Whole
    estate: str
    fee_item: str
    method: Method
    usage: Usage
    version: Whole
    unit_price_yuan: Annotated[DecimalText, Field(description="Per m² and month, per month, or per meter unit")]
    effective_from: date
    effective_to: Annotated[date | None, Field(description="Last day; null: until a newer version begins")]
    vacancy_ratio: Annotated[float | None, Field(description="0–1; what a vacant unit pays of it")]
    basis: Annotated[str | None, Field(description="Guidance price, cost accounting, contract clause")]
    composition: list[PriceComponent]
    tiers: Annotated[list[PriceTier], Field(description="Prices of a metered fee above a quantity a month (阶梯)")]
    grade_factors: Annotated[dict[str, DecimalText], Field(description="By a unit's grade; `*` for all others")]
    published_at: datetime | None


class PublishedTariffs(TypedDict):
    """How many versions of an estate were published now."""

    estate: str
    published: Whole


class BillingTerms(TypedDict):
    """Which months a bill is for, and when it is due (B3)."""

    cycle: BillingCycle
    timing: BillingTiming
    due_day: Annotated[Whole, Field(description="A month without it: its last day")]
    month_offset: Annotated[Whole, Field(description="Months after the cycle; in advance before it")]
    roll_to_working_day: bool
    notice_days: Annotated[Whole, Field(description="No bill is due earlier than so many days after it was issued")]


class EstateBillingPolicy(BillingTerms):
    """How an estate is billed (B3)."""

    estate: str
    own: Annotated[bool, Field(description="false: by the group's default")]


class SharedCost(TypedDict):
    """A recorded cost of a month; the bills of its shares add up to it to the fen (公摊, B1)."""

    id: UUID
    estate: str
    building: Annotated[str | None, Field(description="null: the whole estate")]
    fee_item: str
    period: Period
    amount_fen: Fen
    quantity: DecimalText | None
    unit_price_yuan: Annotated[DecimalText | None, Field(description="At which a quantity became the amount")]
    note: str | None
    recorded_at: datetime
