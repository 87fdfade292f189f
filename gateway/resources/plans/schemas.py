"""Instalment plans over HTTP (C3)."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import BillIds, Code, Day, PositiveFen, Reason

PLAN_ID = "0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10"


_SUMMARY: dict[str, Any] = {
    "id": PLAN_ID,
    "household": "GZ01-1-0101",
    "estate": "GZ01",
    "signed_on": "2026-11-01",
    "status": "performing",
    "status_since": "2026-11-01",
    "bill_ids": [48211],
    "principal_fen": 300000,
    "late_fee_fen": 4050,
    "broken_after_days": 15,
}


class Instalment(BaseModel):
    """One part of a plan and the day it is due."""

    model_config = example(due_date="2026-12-15", amount_fen=100000)
    due_date: Day
    amount_fen: PositiveFen


class PlanRequest(BaseModel):
    """An agreement to pay in parts (C3); the parts add up to the principal owed on the signing day."""

    model_config = example(
        household="GZ01-1-0101",
        bill_ids=[48211],
        signed_on="2026-11-01",
        instalments=[
            {"due_date": "2026-12-15", "amount_fen": 100000},
            {"due_date": "2027-01-15", "amount_fen": 200000},
        ],
    )
    household: Code
    bill_ids: BillIds
    signed_on: Day
    instalments: list[Instalment] = Field(min_length=1, max_length=36)


class PlanSummary(BaseModel):
    """A plan in a list: performing, completed, broken or cancelled as of today."""

    model_config = shown(**_SUMMARY)
    id: UUID
    household: str
    status: str


class Plan(BaseModel):
    """A plan with its instalments and what was received for each (C3)."""

    model_config = shown(
        **_SUMMARY,
        instalments=[
            {
                "due_date": "2026-12-15",
                "amount_fen": 300000,
                "paid_fen": 0,
                "status": "due",
                "bills": [{"bill_id": 48211, "amount_fen": 300000}],
            }
        ],
        breaks_on="2026-12-31",
    )
    id: UUID
    household: str
    status: str
    instalments: list[Any]


class PlanCancelRequest(BaseModel):
    """Why staff ends a plan; what remains accrues from the signing day again."""

    model_config = example(reason="The owner asked to pay at once")
    reason: Reason
