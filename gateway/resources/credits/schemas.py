"""Prepaid balances over HTTP (B6)."""

from pydantic import BaseModel

from gateway.resources.base import example
from services.common.contracts.answers.credits import RefundChannel
from services.common.fields import BillIds, Note, PositiveFen, Reason


class CreditRefundRequest(BaseModel):
    """Surplus to be handed back to the owner (多退少补, B6)."""

    model_config = example(amount_fen=2414, channel="transfer", reason="Owner moved away")
    amount_fen: PositiveFen
    channel: RefundChannel
    reason: Reason


class CreditApplicationRequest(BaseModel):
    """Settle open bills from credit: those named first, in their order, then oldest due first."""

    model_config = example(bill_ids=[48211])
    bill_ids: BillIds | None = None


class RefundApproval(BaseModel):
    """A word on it."""

    model_config = example(note="Paid to the account on file")
    note: Note | None = None


class RefundRefusal(BaseModel):
    """Why."""

    model_config = example(reason="The owner stays and keeps it as prepayment")
    reason: Note | None = None
