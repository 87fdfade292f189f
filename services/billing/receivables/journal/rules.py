"""LAW of the journal: which questions an index can answer (B7)."""

from datetime import date

from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    OPENING_EQUITY,
    RECEIVABLE,
)

ACCOUNTS = (CUSTOMER_CREDIT, FEE_INCOME, LATE_FEE_INCOME, LATE_FEE_WAIVED, OPENING_EQUITY, RECEIVABLE)
CASH = "cash_"
MOST_DAYS = 31


def is_account(name: str) -> bool:
    """Whether the ledger may have an account of this name."""
    return name in ACCOUNTS or (name.startswith(CASH) and name != CASH)


def faults(
    account: str | None, booked_from: date | None, booked_to: date | None, *, is_narrow: bool, is_sparse: bool
) -> list[tuple[str, str]]:
    """What is wrong with a question, as (where, what).

    `is_narrow`: it is of one estate, household or bill. `is_sparse`: of the entries only some are wanted, so that over
    the whole group there is no end of looking; then it is of a month at most.
    """
    days = (booked_to - booked_from).days + 1 if booked_from and booked_to else None
    checks = [
        (account is None or is_account(account), "account", f"one of {', '.join(ACCOUNTS)}, {CASH}<channel>"),
        (days is None or days > 0, "booked_to", "not before booked_from"),
        (is_narrow or not is_sparse or (days is not None and days <= MOST_DAYS), "estate",
         f"with account or kind name an estate, a household or a bill, or at most {MOST_DAYS} days booked"),
    ]  # fmt: skip
    return [(where, what) for holds, where, what in checks if not holds]
