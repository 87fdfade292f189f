"""The sandbox over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from gateway.resources.base import example
from services.common.contracts.answers.base import Page
from services.common.fields import INT64, Code, PositiveFen, Whole


class SandboxPayRequest(BaseModel):
    """How the payer pays: the notification goes out `repeat` times; with `forge` it is false and no money moves."""

    model_config = example(repeat=3)
    repeat: Annotated[int, Field(strict=True, ge=1, le=50, json_schema_extra=INT64)] | None = None
    forge: Code | None = Field(default=None, description="signature, serial, amount, stale, tampered, …")
    amount_fen: PositiveFen | None = Field(default=None, description="Pay another amount than was asked")


class SandboxPaid(TypedDict):
    """What the remote side did and what it was answered."""

    transaction_id: str
    notified: Annotated[bool, Field(description="Whether one of the notifications was taken")]
    answers: Annotated[list[Whole], Field(description="HTTP status of each copy's first attempt; 0: none came")]


class InboxMessage(TypedDict):
    """A message the sandbox received instead of a person."""

    id: Whole
    channel: Literal["sms", "email"]
    to: str
    subject: str | None
    text: str
    template: str | None
    cause: str | None
    key: Annotated[str, Field(description="The same at every repeat")]
    received_at: datetime


Inbox = Page[InboxMessage]
