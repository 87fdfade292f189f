"""STORY of a settled payment: posted to bills, the rest to credit (B6, B9). Never commits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.holds.handlers import UnknownHousehold
from services.billing.receivables.allocation.decision import Change, Decision, decide, net
from services.billing.receivables.allocation.rules import Share
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Account,
    Bill,
    BookingDay,
    cash_account,
)
from services.billing.receivables.plans import standing as keeping
from services.common.contracts.events import Allocation, PaymentAllocated, PaymentSettled
from services.common.domain.calendar import format_period
from services.common.messaging import record


def allocate_payment(session: Session, event: PaymentSettled, now: datetime) -> None:
    """Post a settled payment to the household's bills, the rest to its credit; tell the others (B6, B9).

    Once per payment id. Late fee counts as of the business date. UnknownHousehold when there is no such household.
    """
    account = _locked_account(session, event)
    if not tables.claim_posting(session, _posting_row(event, account, now)):
        return
    decision = decide(session, account, event)
    _post(session, account, decision, now)
    holds.end_payment(session, event.payment_id, event.settled_at)
    if decision.plans:
        keeping.reckon(session, account.id, event.household, now)
    record(session, _allocated(event, account, decision), aggregate=f"estate:{account.estate}", at=now)


def _locked_account(session: Session, event: PaymentSettled) -> Account:
    known = tables.lock_estate_of(session, event.household)
    account = tables.account(session, event.household, lock=True) if known else None
    if account is None:
        raise UnknownHousehold(f"payment {event.payment_id} is of a household that is not known here")
    return account


def _posting_row(event: PaymentSettled, account: Account, now: datetime) -> dict[str, Any]:
    return {
        "payment_id": event.payment_id,
        "household_id": account.id,
        "estate_id": account.estate_id,
        "channel": event.channel,
        "amount_fen": event.amount_fen,
        "business_date": event.business_date,
        "settled_at": event.settled_at,
        "bill_ids": event.bill_ids,
        "now": now,
    }


def _post(session: Session, account: Account, decision: Decision, now: datetime) -> None:
    changes = decision.changes
    days = {on: tables.booking_day(session, account.estate_id, on) for on in {c.payment.business_date for c in changes}}
    tables.post(session, (posting for change in changes for posting in _postings(account, change, days)), now)
    total = net(changes)
    tables.pay_bills(session, {share.bill_id: share.principal_fen for share in total if share.principal_fen})
    tables.add_credit(session, account.id, sum(change.credit_fen for change in changes))
    tables.keep_fee_left(session, account.id, decision.fee_left)
    tables.roll_up_collected(session, _rollups(account, decision, days))


def _postings(account: Account, change: Change, days: Mapping[date, BookingDay]) -> Iterable[tables.Posting]:
    payment, day = change.payment, days[change.payment.business_date]

    def posting(kind: str, credit: str, fen: int, bill_id: int | None) -> tables.Posting:
        return tables.Posting(
            account.estate_id, account.id, day.booked_on, kind if fen > 0 else "reallocation",
            cash_account(payment.channel), credit, fen, str(payment.id), bill_id, day.value_on,
        )  # fmt: skip

    for share in change.shares:
        yield posting("payment_principal", RECEIVABLE, share.principal_fen, share.bill_id)
        yield posting("payment_late_fee", LATE_FEE_INCOME, share.late_fee_fen, share.bill_id)
    yield posting("payment_credit", CUSTOMER_CREDIT, change.credit_fen, None)


def _rollups(account: Account, decision: Decision, days: Mapping[date, BookingDay]) -> Iterable[dict[str, Any]]:
    sums: dict[tuple[str, str, date, date, date], int] = defaultdict(int)
    for change in decision.changes:
        for share in change.shares:
            row = decision.bills[share.bill_id]
            booked_on = days[change.payment.business_date].booked_on
            key = (row.building, row.fee_item, row.period, row.due_date, booked_on)
            sums[key] += share.principal_fen
    names = ("building", "fee_item", "period", "due_date", "booked_on")
    for key, fen in sums.items():
        if fen:
            yield {"estate_id": account.estate_id, "fen": fen, **dict(zip(names, key, strict=True))}


def _allocated(event: PaymentSettled, account: Account, decision: Decision) -> PaymentAllocated:
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
        allocations=[_allocation(share, decision.bills[share.bill_id]) for share in net(decision.changes)],
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
