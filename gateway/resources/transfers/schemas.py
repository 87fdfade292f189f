"""Units that change hands, or their status, over HTTP (A1)."""

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.portfolio import PayerRole, UnitStatus
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
    role: PayerRole = "owner"
    from_date: Day
    reason: Reason
    to_date: Day | None = Field(default=None, description="A tenant's last day; the owner pays again after it")
    status: UnitStatus | None = Field(
        default=None, description="Of the unit from that day; an unsold unit that is sold becomes occupied"
    )
    owner_name: Name | None = None
    owner_phone: Phone | None = None


class StatusRequest(BaseModel):
    """The unit has this status from a day on, until the next one on record."""

    model_config = example(status="vacant", from_date="2026-09-16")
    status: UnitStatus
    from_date: Day | None = Field(default=None, description="Today where it is left out")


class UndoRequest(BaseModel):
    """Why the transfer never was."""

    model_config = example(reason="Wrong unit")
    reason: Reason
