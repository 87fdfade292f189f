"""Units that change hands, over HTTP (A1)."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from gateway.resources.files.schemas import Role, UnitStatus
from services.common.fields import Code, Day, Name, Phone, Reason


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
