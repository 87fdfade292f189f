"""Payments and what the sandbox's remote side is told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.schemas.base import BillIds, Code, Day, Fen, example, shown

Channel = Literal["wechat", "alipay", "unionpay", "cash", "pos", "transfer"]


class PaymentRequest(BaseModel):
    """Money to be taken. `received_on`: a past business day, for cash, pos and transfer only."""

    model_config = example(household="GZ01-1-0101", channel="wechat", amount_fen=31862, bill_ids=[48211])
    household: Code
    channel: Channel
    amount_fen: Fen
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
    amount_fen: int
    qr_code: str | None = None
    expires_at: datetime | None = None
    receipt_no: str | None = None


class SandboxPayRequest(BaseModel):
    """How the payer pays: the notification goes out `repeat` times; with `forge` it is false and no money moves."""

    model_config = example(repeat=3)
    repeat: Annotated[int, Field(strict=True, ge=1, le=50)] | None = None
    forge: Code | None = Field(default=None, description="signature, serial, amount, stale, tampered, …")
    amount_fen: Fen | None = Field(default=None, description="Pay another amount than was asked")


class SandboxPaid(BaseModel):
    """What the remote side did and what it was answered."""

    model_config = shown(transaction_id="4200000001202611200000000001", notified=True, answers=[200])


class InboxMessage(BaseModel):
    """A message the sandbox received instead of a person."""

    model_config = shown(channel="sms", to="13800000001", text="【EstateLoop】您有一笔物业费即将到期")


class SandboxInbox(BaseModel):
    """Messages the sandbox received instead of people."""

    model_config = shown(items=InboxMessage.model_config["json_schema_extra"]["examples"])  # type: ignore[index]
    items: list[InboxMessage] = []
