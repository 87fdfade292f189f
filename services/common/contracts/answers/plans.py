"""VOCABULARY of instalment plans (C3): a plan, its instalments, and how both stand."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Whole

PlanStatus = Literal["performing", "completed", "broken", "cancelled"]
InstalmentStatus = Literal["due", "paid", "missed"]


class InstalmentPlanSummary(TypedDict):
    """A plan in a list, as it stands today (C3)."""

    id: UUID
    household: str
    estate: str
    signed_on: date
    status: PlanStatus
    status_since: date
    bill_ids: list[Whole]
    principal_fen: Annotated[Fen, Field(description="What the instalments add up to, in fen")]
    late_fee_fen: Annotated[Fen, Field(description="Accrued until the signing day and due apart from the instalments")]
    broken_after_days: Annotated[Whole, Field(description="An instalment more days late breaks the plan")]
    created_by: str
    created_at: datetime
    cancelled_on: date | None
    cancel_reason: str | None


class BillPart(TypedDict):
    """What an instalment pays of one bill."""

    bill_id: Whole
    amount_fen: Fen


class PlannedInstalment(TypedDict):
    """One part of a plan, the day it is due, and what was received for it."""

    due_date: date
    amount_fen: Fen
    paid_fen: Fen
    status: InstalmentStatus
    bills: list[BillPart]


class InstalmentPlan(InstalmentPlanSummary):
    """A plan with its instalments (C3)."""

    instalments: list[PlannedInstalment]
    breaks_on: Annotated[date | None, Field(description="When it is broken should nothing more be paid")]
