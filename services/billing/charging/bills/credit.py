"""STORY of prepaid balances at issue: the new bills of households that have one are paid from it (B6, C1)."""

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from services.billing.charging.bills import tables
from services.billing.charging.bills.tables import CreditedBill, Posting
from services.billing.charging.slices.tables import Slice
from services.billing.receivables.late_fee.events import bill_events
from services.billing.receivables.late_fee.open_bills import policy_of
from services.billing.receivables.late_fee.rules import OpenBill, only_fee_is_left
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.tables import account, keep_fee_left


def apply_credit(session: Session, piece: Slice, posting: Posting) -> list[CreditedBill]:
    """Pay the new bills of credited households, oldest bill first; returns these bills as they are told of."""
    paid = tables.apply_credit(session, piece, posting)
    if posting.due_date < posting.issued_on:
        _keep_fee_left(session, posting, [row for row in paid if row.open_fen == 0])
    return paid


def _keep_fee_left(session: Session, posting: Posting, settled: Sequence[CreditedBill]) -> None:
    """A bill issued after its due date has accrued up to today, which its principal does not pay (C1)."""
    entries = entries_by_bill(session, [row.bill_id for row in settled])
    by_household = sorted(settled, key=lambda row: (row.household, row.bill_id))
    for household, rows in groupby(by_household, key=lambda row: row.household):
        payer = account(session, household)
        if payer is None:
            raise LookupError(f"household {household} of a bill is not there")
        policy = policy_of(payer)
        bills = [OpenBill(r.bill_id, posting.due_date, r.amount_fen, bill_events(entries[r.bill_id])) for r in rows]
        keep_fee_left(session, payer.id, {bill.id: True for bill in bills if only_fee_is_left(bill, policy)})
