"""Prepaid balances over HTTP (B6)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from gateway.resources.base import example, shown
from gateway.resources.waivers.schemas import _ID
from services.common.fields import BillIds, Fen, PositiveFen, Reason


class CreditRefundRequest(BaseModel):
    """Surplus handed back to the owner (多退少补, B6)."""

    model_config = example(amount_fen=2414, channel="transfer", reason="Owner moved away")
    amount_fen: PositiveFen
    channel: Literal["transfer", "cash", "pos"]
    reason: Reason


class CreditRefund(BaseModel):
    """Surplus that was handed back."""

    model_config = shown(
        id=_ID,
        household="GZ01-1-0101",
        amount_fen=2414,
        channel="transfer",
        reason="Owner moved away",
        booked_on="2026-11-20",
        refunded_by="finance-1",
        refunded_at="2026-11-20T02:00:00+00:00",
    )
    id: UUID
    household: str
    amount_fen: Fen
    channel: str
    refunded_at: datetime


class CreditApplicationRequest(BaseModel):
    """Settle open bills from credit: those named first, in their order, then oldest due first."""

    model_config = example(bill_ids=[48211])
    bill_ids: BillIds | None = None


class CreditApplication(BaseModel):
    """What each bill got, and the credit that is left."""

    model_config = shown(
        id=_ID,
        household="GZ01-1-0101",
        applied_fen=31862,
        bills=[{"bill_id": 48211, "principal_fen": 31814, "late_fee_fen": 48}],
        credit_fen=0,
    )
    id: UUID
    household: str
    applied_fen: Fen
    bills: list[Any]
    credit_fen: Fen
