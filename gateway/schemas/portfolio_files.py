"""Transfers, co-owners, stewards, owner files (A1, A2, A4)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from gateway.schemas.base import Code, Day, Note, example, shown

Role = Literal["owner", "tenant", "developer"]
UnitStatus = Literal["occupied", "vacant", "unsold"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
Phone = Annotated[str, StringConstraints(max_length=20, pattern=r"^\+?[0-9][0-9 ()\-]{4,18}[0-9]$")]


class TransferRequest(BaseModel):
    """The unit passes to `household` on `from_date`; name and phone are for a household that is new (A1)."""

    model_config = example(
        household="GZ01-1-0101-B",
        role="owner",
        from_date="2026-11-10",
        reason="Sold, contract 2026-118",
        status="occupied",
        owner_name="李雷",
        owner_phone="13800000002",
    )
    household: Code
    role: Role = "owner"
    from_date: Day
    reason: Reason
    to_date: Day | None = Field(default=None, description="A tenant's last day; the owner pays again after it")
    status: UnitStatus | None = Field(
        default=None, description="Of the unit from that day; an unsold unit that is sold becomes occupied"
    )
    owner_name: Name | None = None
    owner_phone: Phone | None = None


class UndoRequest(BaseModel):
    """Why the transfer never was."""

    model_config = example(reason="Wrong unit")
    reason: Reason


class PayerDays(BaseModel):
    """A household pays from a day to a day, both inclusive."""

    model_config = shown(household="GZ01-1-0101", role="owner", from_date=None, to_date="2026-11-09")
    household: str
    role: str
    from_date: date | None = Field(default=None, description="null: from the beginning")
    to_date: date | None = Field(default=None, description="null: while it lasts")


class Transfer(BaseModel):
    """A transfer, who pays on which days now, and bills for days that have another payer now."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        unit="GZ01/1-0101",
        household="GZ01-1-0101-B",
        role="owner",
        from_date="2026-11-10",
        to_date=None,
        status=None,
        took_effect=True,
        undone_at=None,
        payers=[
            {"household": "GZ01-1-0101", "role": "owner", "from_date": None, "to_date": "2026-11-09"},
            {"household": "GZ01-1-0101-B", "role": "owner", "from_date": "2026-11-10", "to_date": None},
        ],
        bills_to_reissue=[],
    )
    id: UUID
    unit: str
    household: str
    role: str
    from_date: date
    to_date: date | None = None
    payers: list[PayerDays]
    bills_to_reissue: list[dict[str, Any]] = Field(
        description="To be voided and reissued: nothing issued is edited (B5)"
    )


class Payers(BaseModel):
    """Who paid, pays and will pay for a unit, and every transfer on record."""

    model_config = shown(
        unit="GZ01/1-0101",
        household="GZ01-1-0101",
        items=[
            {"household": "GZ01-1-0101", "role": "owner", "from_date": None, "to_date": None, "current": True},
        ],
        transfers=[],
    )
    unit: str
    household: str
    items: list[PayerDays]
    transfers: list[dict[str, Any]]


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


class StewardRequest(BaseModel):
    """Who answers for the building from a day on, until the next appointment (A4)."""

    model_config = example(staff="S001", from_date="2026-12-01")
    staff: Code
    from_date: Day | None = Field(default=None, description="Today when left out")


class Steward(BaseModel):
    """Who answers for a building today, and who did and will."""

    model_config = shown(
        estate="GZ01",
        building="1",
        steward="S001",
        items=[{"staff": "S001", "from_date": None, "to_date": None, "set_by": None, "set_at": None}],
    )
    estate: str
    building: str
    steward: str | None = None
    items: list[dict[str, Any]]


class Stewardship(BaseModel):
    """One term of a steward."""

    model_config = shown(building="1", staff="S001", name="李管家", from_date=None, to_date="2026-11-30")
    building: str
    staff: str
    from_date: date | None = None
    to_date: date | None = None


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
