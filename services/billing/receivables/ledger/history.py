"""STORE of what happened to bills, as the laws read it (B7)."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import BookingDay, Entry


def entries_by_bill(session: Session, bills: Sequence[int]) -> dict[int, list[Entry]]:
    """The ledger of some bills, oldest first; a bill without entries has an empty list."""
    entries: dict[int, list[Entry]] = defaultdict(list)
    for row in tables.entries_of(session, bills):
        entries[row.bill_id].append(
            Entry(
                kind=row.kind,
                debit_account=row.debit_account,
                credit_account=row.credit_account,
                amount_fen=row.amount_fen,
                day=BookingDay(row.booked_on, row.value_on),
                source=row.source,
                bill_id=row.bill_id,
            )
        )
    return entries
