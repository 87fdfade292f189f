"""Instalment plans over HTTP (C3)."""

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import BillIds, Code, Day, PositiveFen, Reason


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


class PlanCancelRequest(BaseModel):
    """Why staff ends a plan; what remains accrues from the signing day again."""

    model_config = example(reason="The owner asked to pay at once")
    reason: Reason
