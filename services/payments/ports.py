"""PORT: what a payment channel must be able to do (E1). One adapter each, bound in channels.py by settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.common.fields import Whole


class ChannelUnavailable(Exception):
    """The channel did not answer, or not in a way that can be trusted: the outcome is unknown, ask again later."""


class NoticeRefused(Exception):
    """A notification that must change nothing. `status` is the HTTP answer, the text goes to the sender."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


@dataclass(frozen=True)
class Order:
    """A payment order to place at the channel; `out_trade_no` is also the idempotency key."""

    out_trade_no: str
    amount_fen: int
    description: str
    expires_at: datetime


@dataclass(frozen=True)
class Money:
    """Money the channel says it has taken. `succeeded_at` is the channel's own time, not that of receipt."""

    channel: str
    transaction_id: str
    out_trade_no: str
    amount_fen: int
    currency: str
    succeeded_at: datetime


@dataclass(frozen=True)
class Answer:
    """What the channel gets back on a notification."""

    status: Whole
    content_type: str
    body: str


class PaymentChannel(Protocol):
    """One payment channel. No method may be called inside a database transaction, but for `accept` and `refuse`."""

    def place(self, order: Order) -> str:
        """Place an order, or find it placed; returns what the QR code shows. Raises ChannelUnavailable."""
        ...

    def query(self, out_trade_no: str) -> Money | None:
        """The money taken for an order; None when it is certain that none was. Raises ChannelUnavailable."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Money | None:
        """Verify a notification (E2); None when it is genuine but tells of no money. Raises NoticeRefused."""
        ...

    def accept(self) -> Answer:
        """The answer that ends the channel's repeats."""
        ...

    def refuse(self, refusal: NoticeRefused) -> Answer:
        """The answer to a notification that was refused."""
        ...
