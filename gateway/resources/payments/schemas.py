"""Payments over HTTP (E)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import BillIds, Code, Day, Fen, PositiveFen

Channel = Literal["wechat", "alipay", "unionpay", "cash", "pos", "transfer"]


class PaymentRequest(BaseModel):
    """Money to be taken. `received_on`: a past business day, for cash, pos and transfer only."""

    model_config = example(household="GZ01-1-0101", channel="wechat", amount_fen=31862, bill_ids=[48211])
    household: Code
    channel: Channel
    amount_fen: PositiveFen
    bill_ids: BillIds | None = None
    received_on: Day | None = None


class Payment(BaseModel):
    """A payment order; cash and pos settle at once."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        household="GZ01-1-0101",
        channel="wechat",
        status="pending",
        amount_fen=31862,
        qr_code="weixin://wxpay/bizpayurl?pr=Zx81",
        expires_at="2026-11-20T10:30:00+08:00",
        receipt_no=None,
    )
    id: UUID
    status: str = Field(description="pending, settled, expired, refunded, partially_refunded, suspense")
    amount_fen: Fen
    qr_code: str | None = None
    expires_at: datetime | None = None
    receipt_no: str | None = None
