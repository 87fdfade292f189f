"""STORY of prepaid balances at issue: the new bills of households that have one are paid from it (B6, C1)."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.charging.bills import tables
from services.billing.charging.bills.tables import CreditedBill, Posting
from services.billing.charging.slices.tables import Slice
from services.billing.receivables.booking.handlers import keep_fee_left
from services.billing.receivables.ledger.tables import account


def apply_credit(session: Session, piece: Slice, posting: Posting) -> list[CreditedBill]:
    """Pay the new bills of credited households, oldest bill first; returns these bills."""
    credited_bills = tables.apply_credit(session, piece, posting)
    if posting.due_date < posting.issued_on:
        _keep_fee_left(session, [row for row in credited_bills if row.open_fen == 0])
    return credited_bills


def _keep_fee_left(session: Session, paid_bills: Sequence[CreditedBill]) -> None:
    """A bill issued after its due date has accrued up to today, which its principal does not pay (C1)."""
    bills: dict[str, list[int]] = defaultdict(list)
    for row in paid_bills:
        bills[row.household].append(row.bill_id)
    for household in sorted(bills):
        payer = account(session, household)
        if payer is None:
            raise LookupError(f"household {household} of a bill is not there")
        keep_fee_left(session, payer, bills[household])
