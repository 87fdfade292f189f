"""STORY of a settled payment: posted to bills, the rest to credit (B6, B9). Never commits."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.receivables.allocation import portions
from services.billing.receivables.allocation.account import locked_account
from services.billing.receivables.allocation.credit import place_credit
from services.billing.receivables.allocation.decision import Change, Decision, decide
from services.billing.receivables.allocation.receipts import tell
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Account,
    Movement,
    MovementKind,
    cash_account,
)
from services.billing.receivables.ledger.tables import NewPosting
from services.common.contracts.events import PaymentSettled
from services.common.domain.calendar import business_date
from services.common.messaging import record_many


def allocate_payment(session: Session, event: PaymentSettled, now: datetime) -> None:
    """Post a settled payment to the household's bills, the rest to its credit; tell the others (B6, B9).

    Once per payment id. Late fee counts as of the business date. UnknownHousehold when there is no such household.
    """
    account = locked_account(session, event.household, event.payment_id)
    if not tables.claim_posting(session, _posting(event), account.id, account.estate_id, now):
        return
    today = business_date(now)
    decision = decide(session, account, event, today)
    book(session, account, _movements(account, decision, today), now, decision.items)
    holds.end_payment(session, event.payment_id, event.settled_at)
    record_many(session, tell(session, account, decision), aggregate=f"estate:{account.estate}", at=now)
    if event.business_date < today:
        _place_rest(session, event, now)


def _place_rest(session: Session, event: PaymentSettled, now: datetime) -> None:
    """What an earlier day left free pays what accrued since (ADR 17)."""
    account = tables.account(session, event.household, lock=True)
    if account is not None:
        place_credit(session, account, f"credit:{event.payment_id}", now)


def _posting(event: PaymentSettled) -> NewPosting:
    return NewPosting(
        payment_id=event.payment_id,
        channel=event.channel,
        amount_fen=event.amount_fen,
        business_date=event.business_date,
        settled_at=event.settled_at,
        bill_ids=event.bill_ids,
        backdated_by=event.backdating.by if event.backdating else None,
        backdate_reason=event.backdating.reason if event.backdating else None,
    )


def _movements(account: Account, decision: Decision, today: date) -> Iterator[Movement]:
    """Prepaid balance that comes back; what came in and what is put elsewhere; then what prepaid balance pays instead.

    Of each payment its principal and late fee by bill, then the rest.
    """
    day, cause = account.booking_day(today), f"credit:{decision.changes[0].payment.id}"
    yield from portions.movements({use: min(fen, 0) for use, fen in decision.credit.items()}, day, cause)
    yield from _payment_movements(account, decision.changes)
    yield from portions.movements({use: max(fen, 0) for use, fen in decision.credit.items()}, day, cause)


def _payment_movements(account: Account, changes: Iterable[Change]) -> Iterator[Movement]:
    for change in changes:
        for share in change.shares:
            yield _movement(account, change, "payment_principal", RECEIVABLE, share.principal_fen, share.bill_id)
            yield _movement(account, change, "payment_late_fee", LATE_FEE_INCOME, share.late_fee_fen, share.bill_id)
        yield _movement(account, change, "payment_credit", CUSTOMER_CREDIT, change.credit_fen)


def _movement(
    account: Account, change: Change, kind: MovementKind, credit: str, fen: int, bill_id: int | None = None
) -> Movement:
    payment = change.payment
    day = account.booking_day(payment.business_date)
    kind = kind if fen > 0 else "reallocation"
    return Movement(kind, cash_account(payment.channel), credit, fen, day, str(payment.id), bill_id)
