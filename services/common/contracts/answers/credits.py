"""VOCABULARY of prepaid balances moved by hand (B6): applied to bills, or given back."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Whole

RefundChannel = Literal["transfer", "cash", "pos"]


class CreditRefund(TypedDict):
    """Surplus that was handed back to the owner (多退少补)."""

    id: UUID
    household: str
    amount_fen: Fen
    channel: RefundChannel
    reason: str
    booked_on: date
    refunded_by: str
    refunded_at: datetime


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
