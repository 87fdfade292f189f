"""LAW of refunds of surplus (B6): what of a household's bills is overdue while it asks for money back."""

from collections.abc import Iterable, Sequence
from datetime import date

from services.billing.receivables.late_fee.rules import LateFeePolicy, OpenBill, late_fee, outstanding
from services.billing.receivables.plans.rules import Plan, frozen_on


def overdue_fen(bills: Iterable[OpenBill], plans: Sequence[Plan], policy: LateFeePolicy, today: date) -> int:
    """Principal and late fee of the bills that were due before today; `bills` hold every bill of `plans`."""
    every = list(bills)
    frozen = frozen_on(plans, every, today)
    return sum(
        outstanding(bill.amount_fen, bill.events, today)
        + late_fee(bill.amount_fen, bill.due, bill.events, today, policy, frozen.of(bill.id)).due_fen
        for bill in every
        if bill.due < today
    )
