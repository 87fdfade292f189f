"""VOCABULARY of voids (B5): credit notes, and the bills that take a void one's place."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.bills import BillSummary
from services.common.fields import Fen, Period, Whole


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


class VoidedBill(CreditNote):
    """A credit note and the bills that take the void one's place."""

    reissued: list[ReissuedBill]


class Reissue(TypedDict):
    """The bills that take a void one's place."""

    id: UUID
    bill_id: Whole
    bills: list[ReissuedBill]
