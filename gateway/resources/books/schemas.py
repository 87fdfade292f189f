"""Month closes, quarter settlements, the fund of an estate under remuneration (B2, B8)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Day, Fen, Line, Period, PositiveFen, Quarter, Text

Category = Literal["common_areas", "greening", "security", "cleaning", "repair"]
Weight = Annotated[float, Field(strict=True, ge=0, le=1_000_000)]


class CloseRequest(BaseModel):
    """Close a month of an estate; there is no reopening."""

    model_config = example(estate="GZ01", period="2026-10")
    estate: Code
    period: Period


class Close(BaseModel):
    """A closed month with the trial balance of its last day."""

    model_config = shown(
        estate="GZ01",
        period="2026-10",
        closed_at="2026-11-03T09:12:00+08:00",
        closed_by="finance-1",
        balances=[{"account": "receivable", "debit_fen": 31814, "credit_fen": 31814, "balance_fen": 0}],
    )
    estate: str
    period: str
    closed_at: datetime
    closed_by: str
    balances: list[Any]


class Closes(BaseModel):
    """All closed months."""

    items: list[Close]
    next_cursor: str | None = None


class SettlementRequest(BaseModel):
    """Settle a quarter; `surplus`: carried on, or returned to the owners by floor area (多退少补)."""

    model_config = example(estate="GZ01", quarter="2026-Q3", surplus="carry")
    estate: Code
    quarter: Quarter
    surplus: Literal["carry", "return"] = "carry"


class Settlement(BaseModel):
    """Opening, movements and closing of every account, and of the fund."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        estate="GZ01",
        quarter="2026-Q3",
        surplus="carry",
        returned_fen=0,
        accounts=[
            {"account": "receivable", "opening_fen": 0, "debit_fen": 95442, "credit_fen": 63628, "closing_fen": 31814}
        ],
        movements=[
            {"kind": "bill_issued", "debit_account": "receivable", "credit_account": "fee_income", "fen": 95442}
        ],
    )
    id: str
    estate: str
    quarter: str
    accounts: list[Any]
    movements: list[Any]


class Settlements(BaseModel):
    """All settled quarters."""

    items: list[Settlement]
    next_cursor: str | None = None


class ExpenseRequest(BaseModel):
    """Money spent for a category; `reference` names the voucher."""

    model_config = example(
        category="greening", amount_fen=120000, spent_on="2026-11-12", description="修剪绿篱", reference="V-2026-118"
    )
    category: Category
    amount_fen: PositiveFen
    spent_on: Day
    description: Text
    reference: Line


class FundEntry(BaseModel):
    """One transfer of the fund ledger."""

    model_config = shown(
        id=7,
        estate="GZ01",
        booked_on="2026-11-12",
        debit_account="fund_greening",
        credit_account="spent_greening",
        amount_fen=120000,
        category="greening",
        description="V-2026-118: 修剪绿篱",
    )
    id: int
    amount_fen: Fen


class FundPolicyRequest(BaseModel):
    """What the company takes of fees received (0–1), and the weights by which the rest is shared."""

    model_config = example(remuneration=0.1, shares={"common_areas": 2, "security": 3, "cleaning": 2, "repair": 1})
    remuneration: Annotated[float, Field(strict=True, ge=0, le=1)]
    shares: dict[Category, Weight]


class FundPolicy(BaseModel):
    """As it counts from the next close on."""

    model_config = shown(estate="GZ01", remuneration=0.1, shares={"common_areas": 2, "security": 3})
    estate: str
    remuneration: float
    shares: dict[str, float]


class Fund(BaseModel):
    """The fund up to today, or in a month."""

    model_config = shown(
        estate="GZ01",
        period="2026-10",
        received_fen=63628,
        remuneration_fen=6363,
        categories=[
            {
                "category": "greening",
                "opening_fen": 0,
                "contributed_fen": 11453,
                "spent_fen": 0,
                "returned_fen": 0,
                "closing_fen": 11453,
            }
        ],
        entries=[],
    )
    estate: str
    received_fen: Fen
    remuneration_fen: Fen
    categories: list[Any]
