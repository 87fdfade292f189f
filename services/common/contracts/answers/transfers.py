"""VOCABULARY of transfers: who pays for a unit on which days, and what was recorded (A1)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor
from services.common.contracts.answers.portfolio import PayerRole, UnitStatus
from services.common.fields import Fen, Period, Whole

TransferSource = Literal["request", "import"]


class PayerDays(TypedDict):
    """A household pays from a day to a day, both inclusive."""

    household: str
    role: PayerRole
    from_date: Annotated[date | None, Field(description="null: from the beginning")]
    to_date: Annotated[date | None, Field(description="null: while it lasts")]


class BillToReissue(TypedDict):
    """A bill for days that have another payer now: to be voided and reissued, nothing issued is edited (B5)."""

    bill_id: Whole
    household: str
    fee_item: str
    period: Period
    amount_fen: Fen
    paid_fen: Fen


class Transfer(TypedDict):
    """A transfer, who pays on which days now, and bills for days that have another payer now."""

    id: UUID
    unit: str
    household: str
    role: PayerRole
    from_date: date
    to_date: Annotated[date | None, Field(description="A tenant's last day; the owner pays again after it")]
    status: Annotated[UnitStatus | None, Field(description="Of the unit from that day on; null: as it was")]
    took_effect: bool
    undone_at: datetime | None
    payers: list[PayerDays]
    bills_to_reissue: list[BillToReissue]


class Payer(PayerDays):
    """Who pays on which days, and whether today is one of them."""

    current: bool


class RecordedTransfer(TypedDict):
    """A transfer as it was recorded, and whether it was undone."""

    id: UUID
    household: str
    role: PayerRole
    from_date: date
    to_date: date | None
    status: UnitStatus | None
    source: TransferSource
    reason: str
    recorded_by: str
    recorded_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str | None


class Payers(TypedDict):
    """Who paid, pays and will pay for a unit, and every transfer on record, newest first."""

    unit: str
    household: Annotated[str, Field(description="Who pays today")]
    items: list[Payer]
    next_cursor: Cursor
    transfers: list[RecordedTransfer]
