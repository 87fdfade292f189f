"""STORY of settlement: money has arrived; post it once, number the receipt, tell billing, or keep it in suspense."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from services.common.contracts.events import Backdating, PaymentSettled
from services.common.domain.calendar import business_date
from services.common.messaging import record
from services.common.observability.logs import get_logger
from services.payments import tables
from services.payments.metrics import count_when_committed
from services.payments.ports import Money
from services.payments.rules import Payment, payment_id_of
from services.payments.settlement.rules import Judgement, Verdict, judge, receipt_number, receipt_year
from services.payments.settlement.tables import Suspense, keep_in_suspense, next_receipt, resolve_suspense

log = get_logger(__name__)


def aggregate(payment: Payment) -> str:
    """Events of one payment keep their order."""
    return f"payment/{payment.id}"


def settle_at_desk(session: Session, payment: Payment, *, day: date, now: datetime) -> Payment:
    """Cash, POS or a transfer seen on the account: the receipt number is its transaction id (E3)."""
    return _settle(session, payment, transaction_id=None, settled_at=now, day=day, now=now)


def _settle(
    session: Session, payment: Payment, *, transaction_id: str | None, settled_at: datetime, day: date, now: datetime
) -> Payment:
    year = receipt_year(now)
    receipt_no = receipt_number(year, payment.estate, next_receipt(session, payment.estate, year))
    payment_after = tables.update_payment(
        session,
        payment.id,
        status="settled",
        transaction_id=transaction_id or receipt_no,
        receipt_no=receipt_no,
        settled_at=settled_at,
        business_date=day,
        next_check_at=None,
    )
    _announce(session, payment_after, now)
    return payment_after


def _announce(session: Session, payment: Payment, now: datetime) -> None:
    event = PaymentSettled(
        payment_id=payment.id,
        household=payment.household,
        estate=payment.estate,
        channel=payment.channel,
        transaction_id=str(payment.transaction_id),
        amount_fen=payment.amount_fen,
        bill_ids=list(payment.bill_ids),
        settled_at=payment.settled_at or now,
        business_date=payment.business_date or business_date(now),
        backdating=Backdating(by=payment.created_by, reason=payment.reason) if payment.beyond_policy else None,
    )
    record(session, event, aggregate=aggregate(payment), at=now)
    count_when_committed(session, payment.channel, "settled")


def book_money(session: Session, money: Money, now: datetime) -> Judgement:
    """Post money a channel reports, by notification or by query: once per (channel, transaction id) (E2).

    The payment's row is locked first, so that two notifications of the same money come one after the other. A
    mismatch is kept in suspense; if the channel later reports the same money so that it fits, it leaves suspense.
    """
    payment_id = payment_id_of(money.out_trade_no)
    payment = tables.find_payment(session, payment_id, lock=True) if payment_id else None
    is_posted = tables.is_posted(session, money.channel, money.transaction_id)
    judgement = judge(payment, money, already_posted=is_posted, now=now)
    if judgement.verdict is Verdict.SETTLE and payment is not None:
        _settle_online(session, payment, money, now)
    elif judgement.verdict is Verdict.SUSPEND:
        _suspend(session, payment, money, judgement.reason, now)
    else:
        count_when_committed(session, money.channel, "replayed")
    return judgement


def _settle_online(session: Session, payment: Payment, money: Money, now: datetime) -> None:
    resolve_suspense(session, money.channel, money.transaction_id, now)
    _settle(
        session,
        payment,
        transaction_id=money.transaction_id,
        settled_at=money.succeeded_at,
        day=business_date(money.succeeded_at),
        now=now,
    )


def _suspend(session: Session, payment: Payment | None, money: Money, reason: str, now: datetime) -> None:
    new = Suspense(
        money=money,
        payment_id=payment.id if payment else None,
        estate=payment.estate if payment else None,
        reason=reason,
        received_at=now,
    )
    if not keep_in_suspense(session, new):
        return
    if payment is not None and reason.endswith("_mismatch"):
        tables.update_payment(session, payment.id, status="suspense", next_check_at=None)
    log.warning("money kept in suspense", extra={"channel": money.channel, "reason": reason})
    count_when_committed(session, money.channel, "suspense")
