"""STORY of placing a payment: load what the household owes and what was placed before, decide what changes (B9)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.allocation.rules import (
    Money,
    Placement,
    Share,
    Within,
    difference,
    place,
    place_all,
)
from services.billing.receivables.booking.open_items import items_to_pay
from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, RECEIVABLE, Account
from services.billing.receivables.ledger.tables import PaymentPosting
from services.common.contracts.events import PaymentSettled


@dataclass(frozen=True)
class Change:
    """What one payment's place in the ledger becomes (`after`), and what changes for that: a share per bill, credit."""

    after: Placement
    shares: Sequence[Share]
    credit_fen: int

    @property
    def payment(self) -> Money:
        """The payment that is placed."""
        return self.after.payment


@dataclass(frozen=True)
class Decision:
    """What changes, and what it was decided upon: all on which something is left, or was moved before."""

    changes: Sequence[Change]
    items: OpenItems


def decide(session: Session, account: Account, event: PaymentSettled) -> Decision:
    """Where the payment goes, and what that changes for payments that count after it but came before."""
    payment = _money(account, event)
    later = [_money(account, posting) for posting in tables.later_postings(session, account.id, *payment.key)]
    before = _placed_before(session, account.id, later)
    items = items_to_pay(session, account, {share.bill_id for was in before.values() for share in was.shares})
    policy, within, plans = (
        policy_of(account),
        within_of(account, event.business_date),
        list(items.plans.by_id.values()),
    )
    if later:
        fresh = open_bills(items.bills, items.entries, without={str(money.id) for money in later})
        changes = [_change(before, after) for after in place_all([payment, *later], fresh, policy, within, plans)]
    if not later or account.free_credit_fen + sum(change.credit_fen for change in changes) < 0:
        # Alone; or credit of a later payment has paid a new bill meanwhile: leave that and apply this one on top.
        as_they_are = open_bills(items.bills, items.entries)
        changes = [_change({}, place(payment, as_they_are, policy, within, plans))]
    return Decision(changes, items)


def _money(account: Account, payment: PaymentSettled | PaymentPosting) -> Money:
    return Money(
        id=payment.payment_id,
        amount_fen=payment.amount_fen,
        business_date=payment.business_date,
        settled_at=payment.settled_at,
        channel=payment.channel,
        designated_ids=tuple(payment.bill_ids),
        within=within_of(account, payment.business_date),
    )


def within_of(account: Account, on: date) -> Within:
    """Which part of a bill money of that day pays first."""
    return "late_fee_first" if account.allocation_on(on) == "late_fee_first" else "principal_first"


def _placed_before(session: Session, household_id: int, payments: Sequence[Money]) -> dict[UUID, Placement]:
    """Where the ledger has each payment now; what it gave a bill that was voided since is credit (B5)."""
    principal: dict[tuple[str, int], int] = defaultdict(int)
    fee: dict[tuple[str, int], int] = defaultdict(int)
    credit: dict[str, int] = defaultdict(int)
    for row in tables.payment_entries(session, household_id, [payment.id for payment in payments]):
        amount = row.amount_fen if row.debit_account.startswith("cash_") else -row.amount_fen
        accounts = {row.debit_account, row.credit_account}
        if row.bill_id is None or row.voided or CUSTOMER_CREDIT in accounts:
            credit[row.source] += amount
        else:
            (principal if RECEIVABLE in accounts else fee)[row.source, row.bill_id] += amount
    return {
        payment.id: Placement(
            payment,
            tuple(
                Share(bill_id, principal[source, bill_id], fee[source, bill_id])
                for source, bill_id in sorted(principal.keys() | fee.keys())
                if source == str(payment.id)
            ),
            credit[str(payment.id)],
        )
        for payment in payments
    }


def _change(before: Mapping[UUID, Placement], after: Placement) -> Change:
    was = before.get(after.payment.id, Placement(after.payment))
    shares = difference({share.bill_id: share for share in was.shares}, after.shares)
    return Change(after, shares, after.credit_fen - was.credit_fen)
