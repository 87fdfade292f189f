"""VOCABULARY of voids (B5): credit notes, and the bills that take a void one's place."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.bills import BillSummary
from services.common.fields import Fen, Period, Whole

VoidStatus = Literal["requested", "void", "rejected", "withdrawn"]
GrantKind = Literal["principal", "late_fee", "discount"]


class CreditNote(TypedDict):
    """A credit note (贷项通知单): what was undone, and the money that became credit."""

    id: UUID
    number: Annotated[str, Field(description='As people write it: "CN-GZ01-000042"')]
    bill_id: Whole
    estate: str
    household: str
    fee_item: str
    period: Period
    status: Literal["void"]
    amount_fen: Fen
    released_fen: Annotated[Fen, Field(description="Principal received that became credit")]
    released_late_fee_fen: Annotated[Fen, Field(description="Late fee received that became credit")]
    waived_fen: Fen
    waived_late_fee_fen: Fen
    reason: str
    booked_on: date
    voided_by: str
    voided_at: datetime


class ReissuedBill(BillSummary):
    """A bill that takes a void one's place, as it is now."""

    household: str
    reissue_of: Annotated[Whole | None, Field(description="The void bill")]


class KeptGrant(TypedDict):
    """What became of a waiver, or of a discount for points or a coupon, on a bill that is void (ADR 11)."""

    kind: Annotated[GrantKind, Field(description="A waiver of principal or late fee, or a discount")]
    source_id: Annotated[UUID, Field(description="The waiver, or the redemption")]
    granted_fen: Annotated[Fen, Field(description="What it took off the void bill")]
    bill_id: Annotated[Whole | None, Field(description="The bill that keeps it; null: none does")]
    kept_fen: Annotated[Fen, Field(description="What it takes off that bill")]
    returned_points: Annotated[Whole | None, Field(description="That came back to the household")]
    returned_coupon_id: Annotated[UUID | None, Field(description="That came back to the household")]


class BillVoid(TypedDict):
    """A void: asked for, done by credit note, rejected or withdrawn; what has not happened is null (B5)."""

    id: UUID
    number: Annotated[str | None, Field(description='Of the credit note, as people write it: "CN-GZ01-000042"')]
    bill_id: Whole
    estate: str
    household: str
    fee_item: str
    period: Period
    status: VoidStatus
    amount_fen: Fen
    released_fen: Annotated[Fen, Field(description="Principal received: it became credit, or would when it was asked")]
    released_late_fee_fen: Annotated[Fen, Field(description="Late fee received, likewise")]
    waived_fen: Fen
    waived_late_fee_fen: Fen
    reason: str
    reissue: Annotated[bool, Field(description="Billed again by the same request")]
    requested_by: str
    requested_at: datetime
    decided_by: Annotated[str | None, Field(description="null: it waits, or nobody else had to decide")]
    decided_at: datetime | None
    decision_reason: str | None
    booked_on: date | None
    voided_by: str | None
    voided_at: datetime | None


class VoidedBill(BillVoid):
    """A void by itself: the bills that take the void one's place, and what they keep of what was granted."""

    reissued: list[ReissuedBill]
    carried: Annotated[list[KeptGrant], Field(description="Waivers and discounts of the void bill, and where they are")]


class VoidAuthority(TypedDict):
    """Up to how much a void acts at once; above, somebody else decides (ADR 18)."""

    estate: Annotated[str | None, Field(description="null: the group's")]
    automatic_up_to_fen: Annotated[
        Fen, Field(description="Money received on the bill, and what nothing bills again: a charge, an opening balance")
    ]
    own: Annotated[bool, Field(description="false: the estate goes by the group's")]


class Reissue(TypedDict):
    """The bills that take a void one's place."""

    id: UUID
    bill_id: Whole
    bills: list[ReissuedBill]
    carried: Annotated[list[KeptGrant], Field(description="Waivers of the void bill, and where they are")]
