"""LAW of open bills: bills as the law of late fees sees them, each with what happened to it (B9, C1)."""

from collections.abc import Collection, Iterable, Mapping

from services.billing.receivables.late_fee.events import bill_events, late_fee_policy
from services.billing.receivables.late_fee.rules import LateFeePolicy, OpenBill
from services.billing.receivables.ledger.rules import Account, Bill, Entry


def policy_of(account: Account) -> LateFeePolicy:
    """The late-fee policy of an account."""
    return late_fee_policy(
        account.late_fee_clause,
        account.rate_days,
        account.rate_values,
        is_capped=account.late_fee_capped,
        grace_days=account.grace_days,
        grace_mode=account.grace_mode,
        later=account.later,
    )


def open_bills(
    bills: Mapping[int, Bill], entries: Mapping[int, Iterable[Entry]], without: Collection[str] = ()
) -> list[OpenBill]:
    """Bills with what happened to them, but for what the sources `without` did."""
    return [
        OpenBill(
            bill.id,
            bill.due_date,
            bill.amount_fen,
            bill_events(entry for entry in entries.get(bill.id, ()) if entry.source not in without),
        )
        for bill in bills.values()
    ]
