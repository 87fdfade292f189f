"""STORY of online channels: place the order, hear the notification, look again, expire (E1, E2).

Each step is short transactions around a call to the channel, never a call inside one: the intent is committed, the
channel is called with the order number as idempotency key, the outcome is recorded. `begin` opens a transaction.

While the remote side is away a payment stays pending without a QR code; asking for it again, or the watch, places the
order later. Nothing is lost and nobody is shown an error for a payment that exists.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.common.contracts.events import PaymentExpired
from services.common.messaging import record
from services.common.observability.logs import get_logger
from services.payments import tables
from services.payments.metrics import count_refused, count_when_committed
from services.payments.ports import Answer, ChannelUnavailable, NoticeRefused, Order, PaymentChannel
from services.payments.rules import Payment, next_check, out_trade_no
from services.payments.settings import Settings
from services.payments.settlement.handlers import aggregate, book_money

log = get_logger(__name__)
Begin = Callable[[], AbstractContextManager[Session]]
Channels = Mapping[str, PaymentChannel]
CHECKED_AT_ONCE = 50


def ensure_order(begin: Begin, channels: Channels, payment: Payment, *, settings: Settings, now: datetime) -> Payment:
    """Place the order of a pending online payment that has none yet; the payment as it is afterwards."""
    channel = channels.get(payment.channel)
    if payment.status != "pending" or payment.code_url is not None or channel is None:
        return payment
    since = now - timedelta(seconds=settings.order_retry_seconds)
    with begin() as session:
        has_claim = tables.claim_order(session, payment.id, now=now, attempted_before=since)
    code_url = _place(channel, has_claim, settings) if has_claim else None
    if code_url is None:
        return payment
    with begin() as session:
        return tables.update_payment(session, payment.id, code_url=code_url)


def _place(channel: PaymentChannel, payment: Payment, settings: Settings) -> str | None:
    if payment.expires_at is None:
        raise ValueError("an online payment has an expiry")
    order = Order(out_trade_no(payment.id), payment.amount_fen, settings.payment_description, payment.expires_at)
    try:
        return channel.place(order)
    except ChannelUnavailable as error:
        log.warning("order not placed", extra={"payment_id": str(payment.id), "why": str(error)})
        return None


def hear_notice(
    begin: Begin, channel: PaymentChannel, name: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Answer:
    """Verify a notification before the database is touched, book its money, and answer as the channel expects (E2)."""
    try:
        money = channel.read_notice(headers, body, now)
    except NoticeRefused as refusal:
        count_refused(name)
        log.warning("notification refused", extra={"channel": name, "why": refusal.message})
        return channel.refuse(refusal)
    if money is not None:
        with begin() as session:
            book_money(session, money, now)
    return channel.accept()


def claim_checks(session: Session, *, first_seconds: int, now: datetime) -> list[Payment]:
    """Pending payments to look at now. Their next look is set before this one, so that a crash only delays it."""
    due = tables.due_for_check(session, now, CHECKED_AT_ONCE)
    for payment in due:
        again = next_check(
            now, checks=payment.checks + 1, expires_at=payment.expires_at or now, first_seconds=first_seconds
        )
        tables.update_payment(session, payment.id, checks=payment.checks + 1, next_check_at=again)
    return due


def check_pending(begin: Begin, channels: Channels, payment: Payment, *, settings: Settings, now: datetime) -> None:
    """Look at the channel: the money may have come without a notification; without money, expire when it is time.

    An order that was never shown to anyone cannot have been paid. One that was is expired only on the channel's word.
    """
    is_expired = payment.expires_at is not None and payment.expires_at <= now
    if payment.code_url is None:
        if is_expired:
            _expire(begin, payment, now)
        else:
            ensure_order(begin, channels, payment, settings=settings, now=now)
    elif payment.channel in channels:
        _ask(begin, channels[payment.channel], payment, is_expired=is_expired, now=now)


def _ask(begin: Begin, channel: PaymentChannel, payment: Payment, *, is_expired: bool, now: datetime) -> None:
    try:
        money = channel.query(out_trade_no(payment.id))
    except ChannelUnavailable as error:
        log.warning("order not checked", extra={"payment_id": str(payment.id), "why": str(error)})
        return
    if money is not None:
        with begin() as session:
            book_money(session, money, now)
    elif is_expired:
        _expire(begin, payment, now)


def _expire(begin: Begin, payment: Payment, now: datetime) -> None:
    with begin() as session:
        expire_payment(session, payment, now)


def expire_payment(session: Session, payment: Payment, now: datetime) -> None:
    """End a payment without money, unless money came in between."""
    current = tables.find_payment(session, payment.id, lock=True)
    if current is None or current.status != "pending":
        return
    tables.update_payment(session, payment.id, status="expired", next_check_at=None)
    event = PaymentExpired(payment_id=payment.id, household=payment.household, estate=payment.estate)
    record(session, event, aggregate=aggregate(payment), at=now)
    count_when_committed(session, payment.channel, "expired")
