"""VOCABULARY of notifications: a message and what became of it, wordings, how a household wants to be reached (F)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Whole

Language = Literal["zh-CN", "en"]
MessageChannel = Literal["sms", "email", "letter", "staff_task"]
MessageCategory = Literal["dunning", "task", "receipt", "complaint", "survey", "sla_warning", "sla_breach"]
MessageStatus = Literal["queued", "waiting_contact", "sent", "queued_for_print", "delivered", "failed"]
RecipientKind = Literal["household", "staff"]


class Notification(TypedDict):
    """A message and what became of it (F4). Words and address are for those who may see personal data."""

    id: UUID
    recipient: Annotated[str, Field(description="Code of the household or the member of staff, or {estate}:{role}")]
    recipient_kind: RecipientKind
    household: Annotated[str | None, Field(description="The household it is about")]
    estate: str
    building: str | None
    cause: Annotated[str, Field(description="Why it was said: one message per recipient and cause")]
    category: MessageCategory
    template: str
    template_version: Whole | None
    channel: Annotated[MessageChannel | None, Field(description="null: none is chosen yet")]
    language: Language | None
    status: MessageStatus
    reason: Annotated[str | None, Field(description="Why it waits, took another channel or failed")]
    attempts: Annotated[Whole, Field(description="Calls to the provider of the current channel")]
    provider_receipt: str | None
    assignee: Annotated[str | None, Field(description="Code of who does the task or hands the message over")]
    business_on: Annotated[date, Field(description="Business day of its cause")]
    created_at: datetime
    not_before: datetime
    sent_at: datetime | None
    delivered_on: Annotated[date | None, Field(description="When a letter was received, as staff recorded it")]
    delivery_proof: Annotated[str | None, Field(description="Its tracking number, or why it came back")]
    address: Annotated[str | None, Field(description="Masked for whoever may not see personal data")]
    subject: str | None
    text: str | None


class Template(TypedDict):
    """One version of one wording, with strict variables (F2)."""

    code: str
    channel: MessageChannel
    language: Language
    version: Whole
    subject: str
    body: str
    variables: list[str]


class Preview(TypedDict):
    """What a wording says with the variables filled in."""

    code: str
    channel: MessageChannel
    language: Language
    version: Whole
    subject: str
    text: str


class ConsentChange(TypedDict):
    """What was last said about one channel."""

    channel: MessageChannel
    granted: bool
    changed_at: datetime
    changed_by: Annotated[str, Field(description="Who was signed in")]


class ContactPreferences(TypedDict):
    """How a household wants to be reached (F3); masked for whoever may not see personal data."""

    household: str
    estate: str
    language: Language
    name: str
    phone: str
    email: str | None
    consent: Annotated[dict[MessageChannel, bool], Field(description="false: opted out")]
    consent_record: Annotated[list[ConsentChange], Field(description="What was ever said, not what is so by default")]
