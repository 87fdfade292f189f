"""STORE of open items: what is read of a locked account, to decide and to book."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.rules import Account
from services.billing.receivables.plans.tables import household_plans


def items_to_pay(session: Session, account: Account, bill_ids: Iterable[int] = ()) -> OpenItems:
    """All on which something is left of a locked account, and the bills named besides."""
    plans = household_plans(session, account.id)
    bills = ledger.bills_to_pay(session, account.id, {*bill_ids, *plans.principal})
    return OpenItems(bills, entries_by_bill(session, list(bills)), plans)


def items_of(session: Session, account: Account, bill_ids: Iterable[int]) -> OpenItems:
    """Some bills of a locked account, and those of its plans; void ones are left out."""
    plans = household_plans(session, account.id)
    bills = ledger.bills_named(session, account.id, {*bill_ids, *plans.principal})
    return OpenItems(bills, entries_by_bill(session, list(bills)), plans)
