"""LAW of payments: who may take money over which channel, what a request must look like, when to look again (E1–E3)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from services.common.contracts.answers.payments import Channel, PaymentStatus, ReceiptLine
from services.common.contracts.errors import Finding
from services.common.domain.permissions import Permission
from services.common.fields import LARGEST_BIGINT, LARGEST_FEN

DESK_CHANNELS = ("cash", "pos")
BACKDATED_CHANNELS = (*DESK_CHANNELS, "transfer")
ONLINE_CHANNELS = ("wechat", "alipay", "unionpay")
CHANNELS = (*ONLINE_CHANNELS, *BACKDATED_CHANNELS)
MOST_BILLS = 500

NEEDS: Mapping[str, Permission] = {
    **dict.fromkeys(ONLINE_CHANNELS, Permission.TAKE_PAYMENT),
    **dict.fromkeys(DESK_CHANNELS, Permission.TAKE_CASH),
    "transfer": Permission.TAKE_TRANSFER,
}

LAST_LOOK_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=5)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class PaymentRequest:
    """What a caller asks for. `id` comes from the idempotency key; `received_on` is a business day, `reason` says why
    the money is dated back."""

    id: UUID
    household: str
    channel: str
    amount_fen: int
    bill_ids: tuple[int, ...] = ()
    received_on: date | None = None
    reason: str | None = None


@dataclass(frozen=True)
class NewPayment:
    """A payment about to be kept: what was asked, by whom and when, and until when it can be paid.

    `beyond_policy`: dated back further than the policy lets the desk.
    """

    request: PaymentRequest
    estate: str
    created_by: str
    created_at: datetime
    reference: str | None = None
    expires_at: datetime | None = None
    next_check_at: datetime | None = None
    beyond_policy: bool = False


@dataclass(frozen=True)
class Payment:
    """A payment as it is kept. `status`: pending, settled, expired or suspense; refunds will add theirs (E4).

    `revision` counts how often billing has put the money elsewhere since.
    """

    id: UUID
    household: str
    estate: str
    channel: Channel
    amount_fen: int
    bill_ids: tuple[int, ...]
    received_on: date | None
    status: PaymentStatus
    created_at: datetime
    reference: str | None = None
    code_url: str | None = None
    expires_at: datetime | None = None
    checks: int = 0
    transaction_id: str | None = None
    receipt_no: str | None = None
    settled_at: datetime | None = None
    business_date: date | None = None
    allocations: list[ReceiptLine] | None = None
    credit_fen: int | None = None
    revision: int = 0
    reason: str | None = None
    beyond_policy: bool = False
    created_by: str = ""

    @property
    def request(self) -> PaymentRequest:
        """The request it came from: a repeat must ask for the same."""
        asked_for = (self.id, self.household, self.channel, self.amount_fen, self.bill_ids, self.received_on)
        return PaymentRequest(*asked_for, self.reason)


def problems(request: PaymentRequest, today: date, channels_on: Iterable[str]) -> list[Finding]:
    """Everything wrong with a request."""
    findings: list[Finding] = []

    def unless(holds: bool, loc: str, msg: str) -> None:
        if not holds:
            findings.append(Finding(loc=loc, msg=msg))

    online = request.channel in ONLINE_CHANNELS
    unless(request.channel in CHANNELS, "channel", f"must be one of {', '.join(CHANNELS)}")
    unless(not online or request.channel in set(channels_on), "channel", "channel not yet available")
    unless(0 < request.amount_fen <= LARGEST_FEN, "amount_fen", f"must be from 1 to {LARGEST_FEN}")
    unless(len(request.bill_ids) <= MOST_BILLS, "bill_ids", f"must be at most {MOST_BILLS}")
    unless(len(set(request.bill_ids)) == len(request.bill_ids), "bill_ids", "must not repeat a bill")
    unless(all(0 < bill <= LARGEST_BIGINT for bill in request.bill_ids), "bill_ids", "must be ids of bills")
    if request.received_on is not None:
        unless(request.channel in BACKDATED_CHANNELS, "received_on", "only for cash, pos and transfer")
        unless(request.received_on <= today, "received_on", "must not be in the future")
    return findings


def settles_at_once(request: PaymentRequest) -> bool:
    """Cash and POS do, and a transfer that finance has seen on the account (`received_on`)."""
    return request.channel in DESK_CHANNELS or (request.channel == "transfer" and request.received_on is not None)


def out_trade_no(payment_id: UUID) -> str:
    """The merchant's order number at a channel: the payment's id without dashes, 32 characters."""
    return payment_id.hex


def payment_id_of(order_number: str) -> UUID | None:
    """The payment an order number names; None when it is none of ours."""
    return UUID(hex=order_number) if re.fullmatch(r"[0-9a-f]{32}", order_number) else None


def transfer_reference(payment_id: UUID) -> str:
    """What the payer writes on a bank transfer: 12 characters without those that are taken for others."""
    number, letters = int(payment_id) >> 64, []
    for _ in range(12):
        number, letter = divmod(number, 32)
        letters.append(_CROCKFORD[letter])
    return "EL" + "".join(letters)


def next_check(now: datetime, *, checks: int, expires_at: datetime, first_seconds: int) -> datetime:
    """When to ask the channel again: delays double up to 5 minutes, and there is a look just after expiry (E2)."""
    delay = min(timedelta(seconds=first_seconds << min(checks, 10)), LONGEST_DELAY)
    last_look = expires_at + LAST_LOOK_DELAY
    return min(now + delay, last_look) if now < last_look else now + delay
