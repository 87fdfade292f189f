"""VOCABULARY of owner files: what people keep of a household, what was served, co-owners of a unit (A1, A2)."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Whole

Segment = Literal["senior", "low_income", "new_resident", "with_children"]
Liable = Literal["developer", "owner", "company"]
PreferredChannel = Literal["phone", "sms", "wechat", "app", "email", "letter", "visit"]
PreferredTime = Literal["any", "daytime", "evening", "weekend"]
FileField = Literal[
    "segment",
    "other_phones",
    "preferred_channel",
    "preferred_time",
    "dispute_liable",
    "dispute_since",
    "dispute_note",
]
FileValue = str | list[str] | None


class PreferredContact(TypedDict):
    """How and when a household wants to be reached."""

    channel: PreferredChannel | None
    time: PreferredTime | None


class FiledDispute(TypedDict):
    """A dispute from before (遗留问题) and who has to answer for it."""

    liable: Liable
    since: date
    note: Annotated[str | None, Field(description="For staff who may see personal data")]


class ServiceCounts(TypedDict):
    """Complaints, or work orders, of a household."""

    total: Whole
    open: Whole
    reopened: Whole
    last_opened_at: datetime | None


class ServiceHistory(TypedDict):
    """What was served, as other services told it."""

    complaints: ServiceCounts
    work_orders: ServiceCounts


class FieldChange(TypedDict):
    """One change of an owner file: what stood before, what stands since."""

    field: FileField
    before: FileValue
    after: FileValue
    changed_by: str
    changed_at: datetime


class HouseholdFile(TypedDict):
    """What people keep of a household beside the register, and what was served (A2)."""

    segment: Annotated[str | None, Field(description="One of four, or a group of one's own; for staff")]
    other_phones: list[str]
    preferences: PreferredContact
    legacy_dispute: Annotated[FiledDispute | None, Field(description="For staff")]
    service: ServiceHistory
    changes: Annotated[list[FieldChange], Field(description="The newest, for staff who may see personal data")]


class UnitOwner(TypedDict):
    """Somebody who owns a part of a unit and does not pay for it; masked by role (I3)."""

    name: str
    share: Annotated[str | None, Field(description="Of 1, as a decimal", examples=["0.5"])]
    phone: str | None
    since: datetime


class FormerOwner(UnitOwner):
    """Somebody who owned a part of it."""

    until: datetime


class Owners(TypedDict):
    """The co-owners of a unit, today's and former ones (A1)."""

    unit: str
    owners: list[UnitOwner]
    former: list[FormerOwner]
