"""VOCABULARY of the books (B2, B8): closed months, settled quarters, the fund of an estate under remuneration."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.payments import Channel
from services.common.contracts.answers.trial_balance import AccountBalance
from services.common.fields import Fen, Period, Quarter, Whole

Surplus = Literal["carry", "return"]
FundCategory = Literal["common_areas", "greening", "security", "cleaning", "repair"]


class BackdatedPayment(TypedDict):
    """Money that finance dated back further than the estate's policy lets the desk (E3)."""

    payment_id: UUID
    household: str
    channel: Channel
    amount_fen: Fen
    business_date: Annotated[date, Field(description="The day it was dated to")]
    booked_on: Annotated[date, Field(description="That day, or the first that was open")]
    settled_at: Annotated[datetime, Field(description="When it was entered")]
    by: Annotated[str, Field(description="Who dated it back")]
    reason: Annotated[str | None, Field(description="Why, if it was said")]


class MonthClose(TypedDict):
    """A closed month with the trial balance of its last day (B8), and the money in it that was dated back."""

    estate: str
    period: Period
    closed_at: datetime
    closed_by: str
    balances: list[AccountBalance]
    backdated_payments: list[BackdatedPayment]


class AccountMovement(TypedDict):
    """One account over a quarter: closing = opening + debit − credit."""

    account: str
    opening_fen: Fen
    debit_fen: Fen
    credit_fen: Fen
    closing_fen: Fen


class KindMovement(TypedDict):
    """What entries of one kind moved from one account to another."""

    kind: str
    debit_account: str
    credit_account: str
    fen: Fen


class CategoryMovement(TypedDict):
    """One use category of the fund over a time."""

    category: FundCategory
    opening_fen: Fen
    contributed_fen: Fen
    spent_fen: Fen
    returned_fen: Fen
    closing_fen: Fen


class FundMovement(TypedDict):
    """What a fund received, what of it was the company's, and what became of the rest (B2)."""

    received_fen: Fen
    remuneration_fen: Fen
    categories: list[CategoryMovement]


class QuarterReport(TypedDict):
    """Opening, movements and closing of every account, and of the fund."""

    accounts: list[AccountMovement]
    movements: list[KindMovement]
    fund: Annotated[FundMovement | None, Field(description="null for an estate charged as a lump sum")]


class QuarterSettlement(QuarterReport):
    """A settled quarter (季度结算, B8)."""

    id: UUID
    estate: str
    quarter: Quarter
    surplus: Annotated[Surplus, Field(description="Carried on, or returned to the owners by floor area (多退少补)")]
    returned_fen: Fen
    settled_at: datetime
    settled_by: str


class FundEntry(TypedDict):
    """One transfer of the fund ledger."""

    id: Whole
    booked_on: date
    debit_account: str
    credit_account: str
    amount_fen: Fen
    category: Annotated[FundCategory | None, Field(description="null: the company's remuneration")]
    description: str


class FundExpense(FundEntry):
    """An expense taken from the fund of an estate (B2)."""

    estate: str


class FundPolicy(TypedDict):
    """What the company takes of fees received, and how the rest is shared, from the next close on (B2)."""

    estate: str
    remuneration: Annotated[float, Field(description="0–1")]
    shares: Annotated[dict[FundCategory, float], Field(description="Weights")]


class Fund(FundMovement):
    """The fund of an estate up to today, or in a month (B2)."""

    estate: str
    period: Period | None
    remuneration: Annotated[float, Field(description="0–1")]
    shares: Annotated[dict[FundCategory, float], Field(description="Weights")]
    entries: Annotated[list[FundEntry], Field(description="Of the month; none without one")]
