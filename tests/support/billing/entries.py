"""Entries put into the ledger as they are, for pasts that a test has ready-made; the one place of all tests that does.

What happens in a test is booked: `Books.move`, or the story itself.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from services.billing.tables import ledger_entry

BY_HAND = {"kind": "test", "source": "test", "created_at": datetime(2026, 11, 21, 4, tzinfo=UTC)}
# of a large past, with one statement
ISSUE_OF_ALL_BILLS = """
INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind, debit_account,
                          credit_account, source)
SELECT 1000, id, household_id, now(), estate_id, due_date - 14, 'bill_issued', 'receivable', 'fee_income', 'x' FROM bill
ORDER BY due_date, estate_id, id
"""


def enter(session: Session, *entries: Mapping[str, Any]) -> None:
    """Append entries with nothing else that would follow from them; `kind`, `source` and instant may be left out."""
    session.execute(insert(ledger_entry), [BY_HAND | dict(entry) for entry in entries])
