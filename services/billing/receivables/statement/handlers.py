"""STORY of a statement: what a household owes at the end of a day, bill by bill (B6)."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.events import bill_events, waived_fen
from services.billing.receivables.late_fee.open_bills import policy_of
from services.billing.receivables.late_fee.rules import Freeze, late_fee, outstanding, overdue_days, settled_on
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.rules import Account, Entry
from services.billing.receivables.plans import standing as keeping
from services.billing.receivables.plans.tables import household_plans
from services.billing.receivables.statement import tables
from services.billing.receivables.statement.tables import OwedBill
from services.common.contracts.answers.bills import Statement, StatementBill
from services.common.contracts.answers.payments import OpenBills
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import format_period
from services.common.domain.permissions import Permission


def statement(session: Session, caller: Caller, household: str, as_of: date) -> Statement:
    """What a household owes at the end of a day: principal (due or not) + late fee − credit, in fen, bill by bill.

    A bill whose principal is paid but whose late fee is not is listed too, its days counted to the day of payment. What
    was waived of either is shown apart (C2).
    NotFound, Forbidden.
    """
    caller.require(Permission.READ_STATEMENT)
    account = ledger.account(session, household)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    caller.require_household(household, account.estate)
    owed = tables.owed_bills(session, account.id, as_of)
    plans = household_plans(session, account.id)
    entries = entries_by_bill(session, sorted({bill.id for bill in owed} | plans.principal.keys()))
    frozen = keeping.frozen(plans, entries, as_of)
    lines = [_line(bill, account, entries[bill.id], as_of, frozen.of(bill.id)) for bill in owed]
    bills = [line for line in lines if line["outstanding_fen"] or line["late_fee_fen"]]
    principal = sum(bill["outstanding_fen"] for bill in bills)
    fee = sum(bill["late_fee_fen"] for bill in bills)
    credit = ledger.credit_as_of(session, account.id, account.credit_fen, as_of)
    return Statement(
        household=household,
        as_of=as_of,
        principal_fen=principal,
        late_fee_fen=fee,
        credit_fen=credit,
        total_due_fen=principal + fee - credit,
        bills=bills,
    )


def open_bills(session: Session, caller: Caller, household: str) -> OpenBills:
    """The bills that a payment of a household can be meant for. NotFound, Forbidden."""
    caller.require(Permission.TAKE_PAYMENT)
    account = ledger.account(session, household)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    caller.require_household(household, account.estate)
    return OpenBills(household=household, bill_ids=tables.open_bills(session, account.id))


def _line(
    bill: OwedBill, account: Account, entries: Iterable[Entry], as_of: date, freezes: Sequence[Freeze]
) -> StatementBill:
    events = bill_events(entries)
    open_fen = outstanding(bill.amount_fen, events, as_of)
    return StatementBill(
        id=bill.id,
        unit=f"{account.estate}/{bill.unit}",
        fee_item=bill.fee_item,
        period=format_period(bill.period),
        amount_fen=bill.amount_fen,
        outstanding_fen=open_fen,
        due_date=bill.due_date,
        status="paid" if open_fen == 0 else "open" if open_fen == bill.amount_fen else "partially_paid",
        overdue_days=overdue_days(bill.due_date, settled_on(bill.amount_fen, events, as_of) or as_of),
        late_fee_fen=late_fee(bill.amount_fen, bill.due_date, events, as_of, policy_of(account), freezes).due_fen,
        waived_fen=waived_fen(events, "waiver", as_of),
        late_fee_waived_fen=waived_fen(events, "late_fee_waiver", as_of),
    )
