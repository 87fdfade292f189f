"""STORY of placing a payment: load what the household owes and what was placed before, decide what changes (B9)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.allocation import portions
from services.billing.receivables.allocation.rules import (
    Money,
    Placement,
    Share,
    difference,
    place,
    place_all,
    within_of,
)
from services.billing.receivables.booking.open_items import items_to_pay
from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.prepaid import Prepaid, Use, prepaid
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
    """What changes, and what it was decided upon: all on which something is left, or was moved before.

    `credit`: by how much more or less prepaid balance pays.
    """

    changes: Sequence[Change]
    items: OpenItems
    credit: Mapping[Use, int] = field(default_factory=dict)


def decide(session: Session, account: Account, event: PaymentSettled, today: date) -> Decision:
    """Where the payment goes, and what that changes for payments that count after it but came before.

    Money found late is placed before prepaid balance that came on its day or later (ADR 17).
    """
    payment = _money(account, event)
    later = [_money(account, posting) for posting in tables.later_postings(session, account.id, *payment.key)]
    before = _placed_before(session, account.id, later)
    is_late = bool(later) or payment.business_date < today
    balance = prepaid(tables.credit_entries(session, account.id) if is_late else (), account.reserved_fen)
    uses = _uses_since(balance, payment.business_date)
    bill_ids = {share.bill_id for was in before.values() for share in was.shares} | {use.bill_id for use in uses}
    items = items_to_pay(session, account, bill_ids)
    if later or uses:
        decision = _place_again(account, items, [payment, *later], before, balance)
        if decision is not None:
            return decision
    # Alone; or credit of a later payment was paid out meanwhile: leave that and apply this one on top.
    plans, bills = list(items.plans.by_id.values()), open_bills(items.bills, items.entries)
    return Decision(
        [_change({}, place(payment, bills, policy_of(account), within_of(account, payment.business_date), plans))],
        items,
    )


def _uses_since(balance: Prepaid, since: date) -> dict[Use, int]:
    """What bills have of prepaid balance that came on a day or later."""
    sums = {use: sum(part.fen for part in parts if part.on >= since) for use, parts in balance.uses.items()}
    return {use: fen for use, fen in sums.items() if fen}


def _place_again(
    account: Account, items: OpenItems, payments: Sequence[Money], before: Mapping[UUID, Placement], balance: Prepaid
) -> Decision | None:
    """Payments and prepaid balance since the first of them, in their order; None: some of it is not there any more."""
    first = payments[0]
    uses = _uses_since(balance, first.business_date)
    pool = _pool(balance, first.business_date, before.values())
    if min(pool.values(), default=0) < 0:
        return None
    bills = open_bills(items.bills, items.entries, without={str(payment.id) for payment in payments})
    money = [*payments, *portions.of_days(account, pool, max(payment.settled_at for payment in payments))]
    plans = list(items.plans.by_id.values())
    placements = place_all(
        money, portions.without_uses(bills, uses), policy_of(account), within_of(account, first.business_date), plans
    )
    payment_ids = {payment.id for payment in payments}
    after = portions.uses((each for each in placements if each.payment.id not in payment_ids), items.bills)
    changes = [_change(before, each) for each in placements if each.payment.id in payment_ids]
    return Decision(changes, items, {use: after.get(use, 0) - uses.get(use, 0) for use in [*uses, *after]})


def _pool(balance: Prepaid, since: date, before: Iterable[Placement]) -> dict[date, int]:
    """Prepaid balance by day that is placed again, but for what is placed with the payment it came from."""
    pool = defaultdict(int, balance.free)
    for parts in balance.uses.values():
        for part in parts:
            pool[part.on] += part.fen if part.on >= since else 0
    for was in before:
        pool[was.payment.business_date] -= was.credit_fen
    return pool


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
