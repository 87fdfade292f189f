"""STORE of what happened to bills, as the laws read it (B7)."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import Entry


def entries_by_bill(session: Session, bills: Sequence[int]) -> dict[int, list[Entry]]:
    """The ledger of some bills, oldest first; a bill without entries has an empty list."""
    entries: dict[int, list[Entry]] = defaultdict(list)
    for row in tables.entries_of(session, bills):
        entries[row.bill_id].append(
            Entry(row.counts_on, row.amount_fen, row.debit_account, row.credit_account, row.source)
        )
    return entries
