"""The sandbox over HTTP."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, PositiveFen


class SandboxPayRequest(BaseModel):
    """How the payer pays: the notification goes out `repeat` times; with `forge` it is false and no money moves."""

    model_config = example(repeat=3)
    repeat: Annotated[int, Field(strict=True, ge=1, le=50)] | None = None
    forge: Code | None = Field(default=None, description="signature, serial, amount, stale, tampered, …")
    amount_fen: PositiveFen | None = Field(default=None, description="Pay another amount than was asked")


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
