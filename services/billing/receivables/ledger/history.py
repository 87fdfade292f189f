"""STORE of what happened to bills, as the laws read it (B7)."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import Entry


def entries_by_bill(session: Session, bills: Sequence[int]) -> dict[int, list[Entry]]:
    """The ledger of some bills, oldest first; a bill without entries has an empty list."""
    entries: dict[int, list[Entry]] = defaultdict(list)
    for entry in tables.entries_of(session, bills):
        if entry.bill_id is not None:
            entries[entry.bill_id].append(entry)
    return entries
