"""LAW of allocation (B9): which bills a payment settles, in which order; the rest becomes credit (B6).

Money that arrives late or twice must lead to the same ledger as money that arrives in order. So a payment with an
earlier business day than one already applied puts both, and all after it, in their order again; only the differences
are posted. Where credit of a later payment has been spent on a new bill meanwhile, nothing is taken back: the late
arrival is then applied on top.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.billing.ledger.rules import BillEvent, LateFeePolicy, late_fee, late_fee_settled, outstanding

Within = Literal["principal_first", "late_fee_first"]


@dataclass(frozen=True)
class OpenBill:
    """A bill as allocation sees it: `events` are all but those of the payments to be placed."""

    id: int
    due: date
    amount_fen: int
    events: tuple[BillEvent, ...] = ()


@dataclass(frozen=True)
class Money:
    """A settled payment. Its key is the order in which payments count."""

    id: UUID
    amount_fen: int
    business_date: date
    settled_at: datetime
    channel: str = ""
    designated: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[date, datetime, UUID]:
        """Business day first; within it the instant, then the id, so that the order is total."""
        return self.business_date, self.settled_at, self.id


@dataclass(frozen=True)
class Share:
    """What one payment gives one bill, in fen."""

    bill_id: int
    principal_fen: int = 0
    late_fee_fen: int = 0

    @property
    def total_fen(self) -> int:
        """Principal and late fee together."""
        return self.principal_fen + self.late_fee_fen

    def minus(self, other: "Share") -> "Share":
        """The difference on the same bill; parts may be negative."""
        return Share(self.bill_id, self.principal_fen - other.principal_fen, self.late_fee_fen - other.late_fee_fen)


@dataclass(frozen=True)
class Placement:
    """Where one payment's money goes: `shares` to bills and the rest to credit."""

    payment: Money
    shares: tuple[Share, ...] = ()
    credit_fen: int = field(default=0)


def place(payment: Money, bills: Iterable[OpenBill], policy: LateFeePolicy, within: Within) -> Placement:
    """Spread one payment: designated bills first, in the order named; then oldest due first; the rest is credit."""
    left = payment.amount_fen
    shares = []
    for bill in in_order(bills, payment.designated):
        if left == 0:
            break
        share = _share(bill, left, payment.business_date, policy, within)
        if share.total_fen:
            shares.append(share)
            left -= share.total_fen
    return Placement(payment, tuple(shares), left)


def in_order(bills: Iterable[OpenBill], designated: Sequence[int]) -> list[OpenBill]:
    """Designated bills in the order they were named, then the others by due date; ties by id."""
    rank = {bill_id: index for index, bill_id in reversed(list(enumerate(designated)))}
    return sorted(bills, key=lambda bill: (rank.get(bill.id, len(designated)), bill.due, bill.id))


def place_all(
    payments: Iterable[Money], bills: Iterable[OpenBill], policy: LateFeePolicy, within: Within
) -> list[Placement]:
    """Spread several payments in the order of their keys, each upon the ones before."""
    state = {bill.id: bill for bill in bills}
    placements = []
    for payment in sorted(payments, key=lambda payment: payment.key):
        placement = place(payment, state.values(), policy, within)
        for share in placement.shares:
            state[share.bill_id] = _after(state[share.bill_id], share, payment.business_date)
        placements.append(placement)
    return placements


def difference(before: Mapping[int, Share], after: Iterable[Share]) -> list[Share]:
    """Per bill what changes from `before` to `after`, by bill id; unchanged bills are left out."""
    target = {share.bill_id: share for share in after}
    changes = [
        target.get(bill_id, Share(bill_id)).minus(before.get(bill_id, Share(bill_id)))
        for bill_id in sorted(target.keys() | before.keys())
    ]
    return [change for change in changes if change.principal_fen or change.late_fee_fen]


def _share(bill: OpenBill, left: int, on: date, policy: LateFeePolicy, within: Within) -> Share:
    # What was paid on a later business day is paid: what is open at all, not what was open on that day.
    accrued = late_fee(bill.amount_fen, bill.due, bill.events, on, policy).accrued_fen
    fee_due = max(0, accrued - late_fee_settled(bill.events))
    principal_due = outstanding(bill.amount_fen, bill.events, date.max)
    if within == "principal_first":
        principal = min(left, principal_due)
        return Share(bill.id, principal, min(left - principal, fee_due))
    fee = min(left, fee_due)
    return Share(bill.id, min(left - fee, principal_due), fee)


def share_events(share: Share, on: date) -> tuple[BillEvent, ...]:
    """What a share, or a difference of shares, means for its bill."""
    principal, fee = share.principal_fen, share.late_fee_fen
    events = (
        BillEvent("payment" if principal > 0 else "restoration", on, abs(principal)),
        BillEvent("late_fee_payment" if fee > 0 else "late_fee_restoration", on, abs(fee)),
    )
    return tuple(event for event in events if event.amount_fen)


def only_fee_is_left(bill: OpenBill, policy: LateFeePolicy) -> bool:
    """Whether the principal is settled for good but its late fee is not."""
    if outstanding(bill.amount_fen, bill.events, date.max):
        return False
    accrued = late_fee(bill.amount_fen, bill.due, bill.events, date.max, policy).accrued_fen
    return accrued > late_fee_settled(bill.events)


def _after(bill: OpenBill, share: Share, on: date) -> OpenBill:
    return replace(bill, events=bill.events + share_events(share, on))
