"""Owner files and co-owners over HTTP (A2)."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Day, Name, Note, Phone

Role = Literal["owner", "tenant", "developer"]


UnitStatus = Literal["occupied", "vacant", "unsold"]


class CoOwner(BaseModel):
    """Somebody who owns a part of the unit and does not pay for it."""

    model_config = example(name="李雷", share="0.5", phone="13800000002")
    name: Name
    share: Annotated[Decimal, Field(gt=0, le=1, max_digits=7, decimal_places=6)] | None = None
    phone: Phone | None = None


class OwnersRequest(BaseModel):
    """All co-owners of the unit from now on; none for an empty list."""

    model_config = example(owners=[{"name": "李雷", "share": "0.5", "phone": "13800000002"}])
    owners: Annotated[list[CoOwner], Field(max_length=50)]


class Owners(BaseModel):
    """The co-owners of a unit; masked by role (I3)."""

    model_config = shown(
        unit="GZ01/1-0101",
        owners=[{"name": "李雷", "share": "0.5", "phone": "13800000002", "since": "2026-11-10T02:00:00+00:00"}],
        former=[],
    )
    unit: str
    owners: list[dict[str, Any]]
    former: list[dict[str, Any]]


class LegacyDispute(BaseModel):
    """A dispute from before (遗留问题) and who has to answer for it."""

    model_config = example(liable="developer", since="2024-05-01", note="Leaking roof since hand-over")
    liable: Literal["developer", "owner", "company"]
    since: Day | None = Field(default=None, description="Today when left out")
    note: Note | None = None


class FileRequest(BaseModel):
    """What changes of an owner file; what is left out stays, null takes it away (A2)."""

    model_config = example(
        segment="senior",
        other_phones=["13800000009"],
        preferred_channel="phone",
        preferred_time="evening",
        legacy_dispute={"liable": "developer", "since": "2024-05-01", "note": "Leaking roof since hand-over"},
    )
    segment: Literal["senior", "low_income", "new_resident", "with_children"] | None = None
    other_phones: Annotated[list[Phone], Field(max_length=5)] | None = None
    preferred_channel: Literal["phone", "sms", "wechat", "app", "email", "letter", "visit"] | None = None
    preferred_time: Literal["any", "daytime", "evening", "weekend"] | None = None
    legacy_dispute: LegacyDispute | None = None


class OwnerFile(BaseModel):
    """All that is known of a household as a customer; a part that did not answer is null and named in `degraded`."""

    model_config = shown(
        household="GZ01-1-0101",
        owner={"household": "GZ01-1-0101", "segment": "senior", "legacy_dispute": None},
        contact={"language": "zh-CN", "email": None, "consent": {"sms": True, "email": True}},
        degraded=[],
    )
    household: str
    owner: dict[str, Any] | None
    contact: dict[str, Any] | None
    degraded: list[str]
