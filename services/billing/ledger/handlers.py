"""STORY of the ledger: post a payment, show a statement, strike the balance. Never commits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.dunning import holds
from services.billing.dunning.holds import UnknownHousehold
from services.billing.ledger import balance, balance_sql, tables
from services.billing.ledger.allocation import Share
from services.billing.ledger.entries import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Entry,
    bill_events,
    cash_account,
    waived,
)
from services.billing.ledger.placing import Change, Decision, decide, entries_by_bill, net, policy_of
from services.billing.ledger.rules import Freeze, late_fee, outstanding, overdue_days, settled_on
from services.billing.ledger.tables import BookingDay
from services.billing.plans import keeping
from services.billing.plans.tables import planned
from services.common.access import Caller
from services.common.calendar import format_period
from services.common.contracts.errors import NotFound
from services.common.contracts.events import Allocation, PaymentAllocated, PaymentSettled
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


def _locked_account(session: Session, event: PaymentSettled) -> Row[Any]:
    known = tables.lock_estate_of(session, event.household)
    account = tables.account(session, event.household, lock=True) if known else None
    if account is None:
        raise UnknownHousehold(f"payment {event.payment_id} is of a household that is not known here")
    return account


def _posting_row(event: PaymentSettled, account: Row[Any], now: datetime) -> dict[str, Any]:
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


def _post(session: Session, account: Row[Any], decision: Decision, now: datetime) -> None:
    changes = decision.changes
    days = {on: tables.booking_day(session, account.estate_id, on) for on in {c.payment.business_date for c in changes}}
    tables.post(session, (posting for change in changes for posting in _postings(account, change, days)), now)
    total = net(changes)
    tables.pay_bills(session, {share.bill_id: share.principal_fen for share in total if share.principal_fen})
    tables.add_credit(session, account.id, sum(change.credit_fen for change in changes))
    tables.keep_fee_left(session, account.id, decision.fee_left)
    tables.roll_up_collected(session, _rollups(account, decision, days))


def _postings(account: Row[Any], change: Change, days: Mapping[date, BookingDay]) -> Iterable[tables.Posting]:
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


def _rollups(account: Row[Any], decision: Decision, days: Mapping[date, BookingDay]) -> Iterable[dict[str, Any]]:
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


def _allocated(event: PaymentSettled, account: Row[Any], decision: Decision) -> PaymentAllocated:
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


def _allocation(share: Share, row: Row[Any]) -> Allocation:
    return Allocation(
        bill_id=share.bill_id,
        fee_item=row.fee_item,
        period=format_period(row.period),
        due_date=row.due_date,
        principal_fen=share.principal_fen,
        late_fee_fen=share.late_fee_fen,
    )


def statement(session: Session, caller: Caller, household: str, as_of: date) -> dict[str, Any]:
    """What a household owes at the end of a day: principal (due or not) + late fee − credit, in fen, bill by bill.

    A bill whose principal is paid but whose late fee is not is listed too, its days counted to the day of payment. What
    was waived of either is shown apart (C2).
    NotFound, Forbidden.
    """
    account = tables.account(session, household)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    caller.require_household(household, account.estate)
    key = {"household_id": account.id, "as_of": as_of}
    rows = session.execute(tables.STATEMENT_BILLS, key).all()
    plans = planned(session, account.id)
    entries = entries_by_bill(session, sorted({row.id for row in rows} | plans.principal.keys()))
    frozen = keeping.frozen(plans, entries, as_of)
    lines = [_line(row, account, entries[row.id], as_of, frozen.of(row.id)) for row in rows]
    bills = [line for line in lines if line["outstanding_fen"] or line["late_fee_fen"]]
    return _totals(bills, tables.credit_as_of(session, account.id, account.credit_fen, as_of)) | {
        "household": household,
        "as_of": as_of,
        "bills": bills,
    }


def _line(
    row: Row[Any], account: Row[Any], entries: Iterable[Entry], as_of: date, freezes: Sequence[Freeze]
) -> dict[str, Any]:
    events = bill_events(entries)
    left = outstanding(row.amount_fen, events, as_of)
    return {
        "id": row.id,
        "unit": f"{account.estate}/{row.unit}",
        "fee_item": row.fee_item,
        "period": format_period(row.period),
        "amount_fen": row.amount_fen,
        "outstanding_fen": left,
        "due_date": row.due_date,
        "status": "paid" if left == 0 else "open" if left == row.amount_fen else "partially_paid",
        "overdue_days": overdue_days(row.due_date, settled_on(row.amount_fen, events, as_of) or as_of),
        "waived_fen": waived(events, "waiver", as_of),
        "late_fee_waived_fen": waived(events, "late_fee_waiver", as_of),
        "late_fee_fen": late_fee(row.amount_fen, row.due_date, events, as_of, policy_of(account), freezes).due_fen,
    }


def _totals(bills: Sequence[Mapping[str, Any]], credit_fen: int) -> dict[str, int]:
    principal = sum(bill["outstanding_fen"] for bill in bills)
    fee = sum(bill["late_fee_fen"] for bill in bills)
    return {
        "principal_fen": principal,
        "late_fee_fen": fee,
        "credit_fen": credit_fen,
        "total_due_fen": principal + fee - credit_fen,
    }


def trial_balance(session: Session, caller: Caller, estate: str | None) -> dict[str, Any]:
    """Debit, credit and balance per account over one estate or all in scope, and every check of B7, in fen.

    `{accounts: [...], difference_fen, imbalance_fen, checks: {...}}`. Forbidden, NotFound.
    """
    caller.require("group_admin", "finance", "auditor", "estate_manager")
    scope = caller.estate_filter(estate)
    if estate is not None and tables.estate_id_of(session, estate) is None:
        raise NotFound(f"There is no estate {estate}.")
    moved, kept = balance_sql.kept_twice(session, scope)
    lines = balance.accounts(moved)
    checks = balance.check(moved, kept)
    difference = sum(line.balance_fen for line in lines)
    return {
        "accounts": lines,
        "difference_fen": difference,
        "imbalance_fen": abs(difference) + checks.total_fen,
        "checks": checks,
        "receivable_fen": sum(line.balance_fen for line in lines if line.account == RECEIVABLE),
        "bills_open_fen": sum(row.bills_open_fen for row in kept),
    }


def imbalance_fen(session: Session) -> int:
    """The absolute sum of everything that must be nothing, over all estates (B7). Reads the whole ledger."""
    moved, kept = balance_sql.kept_twice(session, None)
    difference = sum(line.balance_fen for line in balance.accounts(moved))
    return abs(difference) + balance.check(moved, kept).total_fen
