"""STORY of prepaid balance that pays: it settles bills as the payments it came from would have (B6, B9, ADR 17).

A household never has free credit and something to pay at the same time: whoever makes one of them calls this in the
same transaction. Never commits.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.allocation import portions
from services.billing.receivables.allocation.portions import Designation
from services.billing.receivables.allocation.rules import (
    Money,
    Placement,
    Share,
    bills_after,
    place,
    place_all,
    within_of,
)
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.booking.open_items import items_to_pay
from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.prepaid import prepaid
from services.billing.receivables.ledger.rules import Account
from services.common.domain.calendar import business_date

NO_DESIGNATION = Designation()


def place_credit(
    session: Session, account: Account, cause: str, now: datetime, designation: Designation = NO_DESIGNATION
) -> list[Share]:
    """Move free credit of a locked household to its bills, oldest due first; what each bill got, by id.

    Each portion counts from the day its money came, or from the bill's first day if that is later. What no bill takes
    stays credit.
    """
    items = items_to_pay(session, account) if account.free_credit_fen else OpenItems()
    if not items.bills:
        return []
    balance = prepaid(ledger.credit_entries(session, account.id), account.reserved_fen)
    placements = _place(account, items, portions.moneys(account, balance, designation, now), now)
    use_sums = portions.uses(placements, items.bills)
    if use_sums:
        day = account.booking_day(business_date(now))
        book(session, account, portions.movements(use_sums, day, cause), now, items)
    return portions.shares(use_sums)


def _place(account: Account, items: OpenItems, moneys: Sequence[Money], now: datetime) -> list[Placement]:
    """On the days the money came; what is left of it today on what accrued later."""
    bills = open_bills(items.bills, items.entries)
    policy, within, plans = policy_of(account), within_of(account, business_date(now)), list(items.plans.by_id.values())
    placements = place_all(moneys, bills, policy, within, plans)
    remainder_fen = sum(placement.credit_fen for placement in placements)
    remainder = Money(UUID(int=len(moneys)), remainder_fen, business_date(now), now)
    return [*placements, place(remainder, bills_after(bills, placements), policy, within, plans)]
