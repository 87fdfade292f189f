"""Bill runs, bills, statements, explanations."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Estates, Fen, Period

OPEN_BILL: dict[str, Any] = {
    "id": 48211,
    "unit": "GZ01/1-0101",
    "fee_item": "property_fee",
    "period": "2026-10",
    "amount_fen": 31814,
    "outstanding_fen": 31814,
    "due_date": "2026-11-15",
    "status": "open",
}


class BillRunRequest(BaseModel):
    """Bill one period; without `estates` all in the caller's scope (B4)."""

    model_config = example(period="2026-10", estates=["GZ01"], fee_items=["property_fee"], dry_run=True)
    period: Period
    estates: Estates | None = None
    fee_items: Annotated[list[Code], Field(min_length=1, max_length=100)] | None = None
    dry_run: Annotated[bool, Field(strict=True)] = False


class BillRun(BaseModel):
    """A bill run and how far it is."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        period="2026-10",
        dry_run=False,
        status="running",
        estates_total=60,
        estates_done=41,
        bills=68210,
        amount_fen=1920442190,
        anomalies=[],
    )
    id: UUID | None = None
    status: Literal["pending", "running", "done", "failed"]
    estates_total: int
    estates_done: int
    bills: int
    amount_fen: Fen
    anomalies: list[Any]


class Bill(BaseModel):
    """One unit, one fee item, one period."""

    model_config = shown(**OPEN_BILL)
    id: int
    unit: str
    fee_item: str
    period: str
    amount_fen: Fen
    outstanding_fen: Fen
    due_date: date
    status: str


class Explanation(BaseModel):
    """Why a bill is what it is: the formula's value rounded half up to the fen plus `rounding_fen` is the amount."""

    model_config = shown(
        bill_id=48211,
        tariff={"id": 17, "version": 1, "unit_price_yuan": "2.8000"},
        inputs={"area_m2": "113.62"},
        formula="113.62 × 2.8 = 318.136",
        rounding="half_up to the fen, once",
        rounding_fen=0,
        amount_fen=31814,
    )


class StatementBill(BaseModel):
    """An open bill with its late fee as of the statement's day; what was waived of either is shown apart (C2)."""

    model_config = shown(**OPEN_BILL, overdue_days=5, late_fee_fen=48, waived_fen=0, late_fee_waived_fen=0)
    id: int
    overdue_days: int
    late_fee_fen: Fen
    waived_fen: Fen = 0
    late_fee_waived_fen: Fen = 0


class Statement(BaseModel):
    """All open bills, due or not; total = principal + late fee − credit."""

    model_config = shown(
        household="GZ01-1-0101",
        as_of="2026-11-20",
        principal_fen=31814,
        late_fee_fen=48,
        credit_fen=0,
        total_due_fen=31862,
        bills=[StatementBill.model_config["json_schema_extra"]["examples"][0]],  # type: ignore[index]
    )
    principal_fen: Fen
    late_fee_fen: Fen
    credit_fen: Fen
    total_due_fen: Fen
    bills: list[StatementBill]
