"""STORY of a settled payment: posted to bills, the rest to credit (B6, B9). Never commits."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.holds.handlers import UnknownHousehold
from services.billing.receivables.allocation import portions
from services.billing.receivables.allocation.credit import place_credit
from services.billing.receivables.allocation.decision import Change, Decision, decide, net
from services.billing.receivables.allocation.rules import Share
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Account,
    Bill,
    Movement,
    MovementKind,
    cash_account,
)
from services.billing.receivables.ledger.tables import PaymentPosting
from services.common.contracts.events import Allocation, PaymentAllocated, PaymentSettled
from services.common.domain.calendar import business_date, format_period
from services.common.messaging import record


def allocate_payment(session: Session, event: PaymentSettled, now: datetime) -> None:
    """Post a settled payment to the household's bills, the rest to its credit; tell the others (B6, B9).

    Once per payment id. Late fee counts as of the business date. UnknownHousehold when there is no such household.
    """
    account = _locked_account(session, event)
    if not tables.claim_posting(session, _posting(event), account.id, account.estate_id, now):
        return
    today = business_date(now)
    decision = decide(session, account, event, today)
    book(session, account, _movements(account, decision, today), now, decision.items)
    holds.end_payment(session, event.payment_id, event.settled_at)
    record(session, _allocation_event(event, account, decision), aggregate=f"estate:{account.estate}", at=now)
    if event.business_date < today:
        _place_rest(session, event, now)


def _place_rest(session: Session, event: PaymentSettled, now: datetime) -> None:
    """What an earlier day left free pays what accrued since (ADR 17)."""
    account = tables.account(session, event.household, lock=True)
    if account is not None:
        place_credit(session, account, f"credit:{event.payment_id}", now)


def _locked_account(session: Session, event: PaymentSettled) -> Account:
    exists = tables.lock_estate_of(session, event.household)
    account = tables.account(session, event.household, lock=True) if exists else None
    if account is None:
        raise UnknownHousehold(f"payment {event.payment_id} is of a household that is not known here")
    return account


def _posting(event: PaymentSettled) -> PaymentPosting:
    return PaymentPosting(
        payment_id=event.payment_id,
        channel=event.channel,
        amount_fen=event.amount_fen,
        business_date=event.business_date,
        settled_at=event.settled_at,
        bill_ids=event.bill_ids,
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


def _allocation_event(event: PaymentSettled, account: Account, decision: Decision) -> PaymentAllocated:
    """What this payment changed on the household's bills; the parts always add up to its amount.

    When it came later than payments that count after it, parts may be negative: they moved to other bills.
    """
    return PaymentAllocated(
        payment_id=event.payment_id,
        household=event.household,
        estate=account.estate,
        channel=event.channel,
        amount_fen=event.amount_fen,
        business_date=event.business_date,
        allocations=[_allocation(share, decision.items.bills[share.bill_id]) for share in net(decision.changes)],
        credit_fen=sum(change.credit_fen for change in decision.changes),
    )


def _allocation(share: Share, row: Bill) -> Allocation:
    return Allocation(
        bill_id=share.bill_id,
        fee_item=row.fee_item,
        period=format_period(row.period),
        due_date=row.due_date,
        principal_fen=share.principal_fen,
        late_fee_fen=share.late_fee_fen,
    )
