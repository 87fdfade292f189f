"""VOCABULARY of payments: a payment with its receipt, and what came in today (E)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Period, Whole

Channel = Literal["wechat", "alipay", "unionpay", "cash", "pos", "transfer"]
PaymentStatus = Literal["pending", "settled", "expired", "refunded", "partially_refunded", "suspense"]


class ReceiptLine(TypedDict):
    """What a payment did for one bill (B9)."""

    bill_id: Whole
    fee_item: str
    period: Period
    due_date: date
    principal_fen: Fen
    late_fee_fen: Fen


class Payment(TypedDict):
    """A payment order (E1); cash and pos settle at once (E3)."""

    id: UUID
    household: str
    status: PaymentStatus
    channel: Channel
    amount_fen: Fen
    bill_ids: Annotated[list[Whole] | None, Field(description="Bills it is meant for; null: oldest due first (B9)")]
    created_at: datetime
    qr_code: Annotated[str | None, Field(description="What the payer scans, while it can be paid")]
    expires_at: Annotated[datetime | None, Field(description="Until when it can be paid; late money counts too")]
    reference: Annotated[str | None, Field(description="What the payer writes on a bank transfer")]
    receipt_no: str | None
    transaction_id: Annotated[str | None, Field(description="The channel's own number; at the desk the receipt's")]
    settled_at: datetime | None
    business_date: Annotated[date | None, Field(description="The business day the money counts for")]
    allocations: Annotated[list[ReceiptLine] | None, Field(description="null until billing has posted the money")]
    credit_fen: Annotated[Fen | None, Field(description="What no bill needed and was put by (预存)")]
    reason: Annotated[str | None, Field(description="Why it was dated back, as it was said")]
    beyond_policy: Annotated[bool, Field(description="Dated back further than the estate lets its desk (E3)")]


class OpenBills(TypedDict):
    """The bills on which principal or late fee of a household is left, due or not."""

    household: str
    bill_ids: list[Whole]


class PaymentFigures(TypedDict):
    """What came in on a business day, and what waits."""

    date: date
    received_fen: Fen
    received_by_channel: dict[Channel, Fen]
    pending: Annotated[Whole, Field(description="Payments in flight")]
    suspense: Annotated[Whole, Field(description="Amounts that fit no payment and wait for a person")]


class EstatePaymentFigures(PaymentFigures):
    """The same for one estate."""

    estate: str
