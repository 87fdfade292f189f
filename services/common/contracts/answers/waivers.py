"""VOCABULARY of waivers (减免, C2): what was asked, what was granted, and who may grant how much."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.domain.permissions import Role
from services.common.fields import Fen, Whole

WaiverKind = Literal["late_fee", "principal"]
WaiverStatus = Literal["pending", "approved", "rejected", "withdrawn"]


class WaivedBill(TypedDict):
    """What is asked of one bill, and what was granted."""

    bill_id: Whole
    base_fen: Annotated[Fen, Field(description="Late fee due, or open principal, when it was asked for")]
    asked_fen: Fen
    waived_fen: Annotated[Fen | None, Field(description="null until approved")]


class NeededAuthority(TypedDict):
    """Who may grant it; more authority may grant it too."""

    roles: list[Role]
    resolution: Annotated[bool, Field(description="Only upon a resolution of the owners' committee")]
    four_eyes: Annotated[bool, Field(description="Whoever asked may not grant it")]


class Waiver(TypedDict):
    """A waiver and its fate (C2)."""

    id: UUID
    estate: str
    household: str
    kind: WaiverKind
    ratio: Annotated[float | None, Field(description="Of each bill's base; null: an amount was asked for")]
    amount_fen: Annotated[Fen | None, Field(description="Over all bills; null: a ratio was asked for")]
    reason: str
    status: WaiverStatus
    automatic: Annotated[bool, Field(description="Granted at once, by rule")]
    asked_fen: Fen
    waived_fen: Annotated[Fen | None, Field(description="What was granted; null unless approved")]
    less_than_asked: Annotated[bool, Field(description="Less was left by the time of the decision")]
    bills: list[WaivedBill]
    base_on: Annotated[date, Field(description="Late fee is waived up to the end of this day")]
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    resolution: Annotated[str | None, Field(description="Reference of the owners' committee's resolution")]


class WaiverDetail(Waiver):
    """A waiver by itself."""

    needs: Annotated[
        NeededAuthority | None, Field(description="Of a pending one; null: it is decided, or nobody may grant so much")
    ]


class AuthorityBand(TypedDict):
    """Who may grant up to an amount and/or a part of what is asked about."""

    up_to_fen: Annotated[Fen | None, Field(description="null: no limit")]
    up_to_ratio: Annotated[float | None, Field(description="0–1; null: no limit")]
    roles: Annotated[list[Role], Field(description="None: granted at once, by rule")]
    needs_resolution: bool
    four_eyes: bool


class WaiverAuthority(TypedDict):
    """The authority matrix that counts for an estate, or the group's."""

    estate: Annotated[str | None, Field(description="null: the group's")]
    late_fee: list[AuthorityBand]
    principal: list[AuthorityBand]
