"""VOCABULARY of bills (B4, B6): bill runs, bills in a list, and what a household owes on a day."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Period, Whole

RunStatus = Literal["pending", "running", "done", "failed"]
BillStatus = Literal["open", "partially_paid", "paid", "void"]
BillingAnomaly = Literal[
    # of an estate's tariffs
    "no_published_tariff",
    "unpublished_tariff",
    "tariff_gap",
    "method_changed",
    "no_shared_cost",
    "cost_nobody_bears",
    "not_opened",
    # of a unit that gets no bill
    "missing_tariff",
    "no_grade_factor",
    "zero_area",
    "zero_amount",
    "missing_reading",
    "already_metered",
    "backward_reading",
    "billed_ahead",
    # of a line a dry run has judged
    "already_billed",
    "amount_changed",
    "never_billed",
    "unusual_consumption",
    "due_date_moved",
]


class RunAnomaly(TypedDict):
    """Something about a run that a person should look at."""

    estate: str
    unit: Annotated[str | None, Field(description="null: it concerns the whole estate")]
    fee_item: str | None
    kind: BillingAnomaly
    detail: str


class BillRun(TypedDict):
    """A bill run and how far it is (B4)."""

    id: UUID
    period: Period
    dry_run: bool
    status: RunStatus
    estates_total: Whole
    estates_done: Whole
    bills: Annotated[Whole, Field(description="That this run issued; a dry run: would issue")]
    amount_fen: Fen
    anomalies: Annotated[list[RunAnomaly], Field(description="The first thousand")]
    anomalies_total: Whole
    created_at: datetime
    finished_at: datetime | None


class BillSummary(TypedDict):
    """One unit, one fee item, one period (B4)."""

    id: Whole
    unit: str
    fee_item: str
    period: Annotated[Period, Field(description="The first of the months it is for")]
    months: Whole
    amount_fen: Fen
    paid_fen: Fen
    waived_fen: Fen
    outstanding_fen: Fen
    due_date: date
    issued_on: date
    status: BillStatus


class RegisteredBill(BillSummary):
    """A bill in the register of all, with the codes of where it belongs (I5)."""

    estate: str
    building: Annotated[str, Field(description="As billed")]
    household: str
    voided_at: datetime | None
    reissue_of: Annotated[Whole | None, Field(description="The void bill it replaces (B5)")]


class StatementBill(TypedDict):
    """An open bill as of the statement's day; what was waived of principal and late fee is shown apart (C2)."""

    id: Whole
    unit: str
    fee_item: str
    period: Period
    amount_fen: Fen
    outstanding_fen: Fen
    due_date: date
    status: Annotated[BillStatus, Field(description="paid: only its late fee is left")]
    overdue_days: Annotated[Whole, Field(description="Until that day, or until the principal was paid")]
    late_fee_fen: Fen
    waived_fen: Fen
    late_fee_waived_fen: Fen


class Statement(TypedDict):
    """What a household owes at the end of a day (C1); total = principal + late fee − credit."""

    household: str
    as_of: date
    principal_fen: Annotated[Fen, Field(description="Of all open bills, due or not")]
    late_fee_fen: Fen
    credit_fen: Fen
    total_due_fen: Fen
    bills: list[StatementBill]
