"""LAW of reading the ledger: which entry means what for a bill, and which accounts a payment moves (B7).

Accounts: receivable, fee_income, late_fee_income, late_fee_waived (contra to it), customer_credit, opening_equity,
and one `cash_…` per channel.
"""

from dataclasses import dataclass
from datetime import date

RECEIVABLE = "receivable"
LATE_FEE_INCOME = "late_fee_income"

# Late fee is no receivable: waiving it credits the income and debits this, so that both net to nothing (C2).
LATE_FEE_WAIVED = "late_fee_waived"
CUSTOMER_CREDIT = "customer_credit"
OPENING_EQUITY = "opening_equity"
FEE_INCOME = "fee_income"


@dataclass(frozen=True)
class Entry:
    """One balanced transfer of the ledger, as far as a bill is concerned."""

    counts_on: date
    amount_fen: int
    debit_account: str
    credit_account: str
    source: str = ""


def cash_account(channel: str) -> str:
    """Where a channel's money lies."""
    return f"cash_{channel}"
