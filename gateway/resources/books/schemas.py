"""Month closes, quarter settlements, the fund of an estate under remuneration (B2, B8)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.books import FundCategory, Surplus
from services.common.fields import Code, Day, Line, Period, PositiveFen, Quarter, Text, decimals

PLACES = 5
Weight = Annotated[float, Field(strict=True, ge=0, le=1_000_000)]


class CloseRequest(BaseModel):
    """Close a month of an estate; there is no reopening."""

    model_config = example(estate="GZ01", period="2026-10")
    estate: Code
    period: Period


class SettlementRequest(BaseModel):
    """Settle a quarter; `surplus`: carried on, or returned to the owners by floor area (多退少补)."""

    model_config = example(estate="GZ01", quarter="2026-Q3", surplus="carry")
    estate: Code
    quarter: Quarter
    surplus: Surplus = "carry"


class ExpenseRequest(BaseModel):
    """Money spent for a category; `reference` names the voucher."""

    model_config = example(
        category="greening", amount_fen=120000, spent_on="2026-11-12", description="修剪绿篱", reference="V-2026-118"
    )
    category: FundCategory
    amount_fen: PositiveFen
    spent_on: Day
    description: Text
    reference: Line


class FundPolicyRequest(BaseModel):
    """What the company takes of fees received (0–1), and the weights by which the rest is shared."""

    model_config = example(remuneration=0.1, shares={"common_areas": 2, "security": 3, "cleaning": 2, "repair": 1})
    remuneration: Annotated[
        float, Field(strict=True, ge=0, le=1, description=f"At most {PLACES} decimals"), decimals(PLACES)
    ]
    shares: dict[FundCategory, Weight]
