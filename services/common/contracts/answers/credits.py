"""VOCABULARY of prepaid balances moved by hand (B6): applied to bills, or given back."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Whole

RefundChannel = Literal["transfer", "cash", "pos"]
RefundStatus = Literal["requested", "approved", "rejected", "withdrawn"]


class CreditRefund(TypedDict):
    """Surplus handed back to the owner (多退少补): asked for, approved by somebody else and booked, or refused."""

    id: UUID
    household: str
    estate: str
    amount_fen: Annotated[Fen, Field(description="Reserved while it waits: it pays nothing meanwhile")]
    channel: RefundChannel
    reason: str
    status: RefundStatus
    overdue_fen: Annotated[
        Fen, Field(description="What the household owed beyond its due dates when it was asked or approved")
    ]
    requested_by: Annotated[str | None, Field(description="null: handed back before requests were kept")]
    requested_at: datetime
    decided_by: Annotated[str | None, Field(description="Who approved, rejected or withdrew it")]
    decided_at: datetime | None
    decision_reason: str | None
    booked_on: Annotated[date | None, Field(description="null until approved")]
    refunded_by: str | None
    refunded_at: datetime | None


class BillCredit(TypedDict):
    """What a bill got."""

    bill_id: Whole
    principal_fen: Fen
    late_fee_fen: Fen


class CreditApplication(TypedDict):
    """What each bill got from the balance."""

    id: UUID
    household: str
    applied_fen: Fen
    bills: list[BillCredit]
    credit_fen: Annotated[Fen, Field(description="What is left")]
