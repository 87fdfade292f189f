"""STORY of a payment in flight: it holds escalation where it would pay a good part of what is due (D3)."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.receivables.allocation.account import locked_account
from services.billing.receivables.allocation.rules import Money, pays_enough, within_of
from services.billing.receivables.allocation.tables import least_percent
from services.billing.receivables.booking.open_items import items_to_pay
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger.rules import Account
from services.common.contracts.events import PaymentStarted
from services.common.domain.calendar import business_date


def start_payment(session: Session, event: PaymentStarted, started_at: datetime) -> None:
    """A payment is in flight since an instant: its household is held if that is worth it. UnknownHousehold."""
    account = locked_account(session, event.household, event.payment_id)
    if _pays_enough(session, account, event, started_at):
        holds.start_payment(session, event.payment_id, event.household, started_at)


def _pays_enough(session: Session, account: Account, event: PaymentStarted, started_at: datetime) -> bool:
    items = items_to_pay(session, account)
    payment = Money(
        id=event.payment_id,
        amount_fen=event.amount_fen,
        business_date=business_date(started_at),
        settled_at=started_at,
        designated_ids=tuple(event.bill_ids),
    )
    return pays_enough(
        payment,
        open_bills(items.bills, items.entries),
        policy_of(account),
        within_of(account, payment.business_date),
        list(items.plans.by_id.values()),
        least_percent=least_percent(session, account.estate_id),
    )
