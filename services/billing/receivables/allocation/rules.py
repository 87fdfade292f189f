"""LAW of allocation (B9): which bills a payment settles, in which order; the rest becomes credit (B6).

Money that arrives late or twice must lead to the same ledger as money that arrives in order. So a payment with an
earlier business day than one already applied puts both, and all after it, in their order again; only the differences
are posted. Prepaid balance that came on that day or later and pays bills is placed again with them (ADR 17). Where it
was paid out meanwhile, or is kept for a refund, nothing is taken back: the late arrival is then applied on top.

The late fee of bills under a plan that performs on the day of payment comes after everything else: an instalment that
is paid in full must not fall short because some of it went to late fee (C3).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.billing.receivables.late_fee.rules import (
    BillEvent,
    Freeze,
    LateFeePolicy,
    OpenBill,
    late_fee,
    late_fee_settled,
    outstanding,
)
from services.billing.receivables.ledger.rules import Account
from services.billing.receivables.plans.rules import Plan, frozen_on
from services.common.fields import LARGEST_BIGINT

Within = Literal["principal_first", "late_fee_first"]


@dataclass(frozen=True)
class Money:
    """A settled payment. Its key is the order in which payments count."""

    id: UUID
    amount_fen: int
    business_date: date
    settled_at: datetime
    channel: str = ""
    designated_ids: tuple[int, ...] = ()
    # which part of a bill it pays first, by the policy of its day; None: as whoever places it says
    within: Within | None = None

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


def place(
    payment: Money, bills: Iterable[OpenBill], policy: LateFeePolicy, within: Within, plans: Sequence[Plan] = ()
) -> Placement:
    """Spread one payment: designated bills first, in the order named; then oldest due first; the rest is credit.

    `bills` hold every bill of `plans`.
    """
    queue, within = in_order(bills, payment.designated_ids), payment.within or within
    frozen = frozen_on(plans, queue, payment.business_date)
    remainder_fen = payment.amount_fen
    shares: dict[int, Share] = {}
    for bill in queue:
        due = _due(bill, payment.business_date, policy, frozen.of(bill.id))
        shares[bill.id] = (
            due.principal_only(remainder_fen) if bill.id in frozen.performing else due.take(remainder_fen, within)
        )
        remainder_fen -= shares[bill.id].total_fen
    for bill in queue:
        if bill.id in frozen.performing:
            fee = min(remainder_fen, _due(bill, payment.business_date, policy, frozen.of(bill.id)).late_fee_fen)
            shares[bill.id] = replace(shares[bill.id], late_fee_fen=fee)
            remainder_fen -= fee
    return Placement(payment, tuple(share for share in shares.values() if share.total_fen), remainder_fen)


def within_of(account: Account, on: date) -> Within:
    """Which part of a bill money of that day pays first."""
    return "late_fee_first" if account.allocation_on(on) == "late_fee_first" else "principal_first"


def pays_enough(
    payment: Money,
    bills: Sequence[OpenBill],
    policy: LateFeePolicy,
    within: Within,
    plans: Sequence[Plan] = (),
    *,
    least_percent: int,
) -> bool:
    """Whether a payment would pay so much of what is due on its day, in percent; where nothing is due it pays nothing.

    What is due is what a payment without an end would pay of the same bills.
    """
    due = {bill.id for bill in bills if bill.due <= payment.business_date}

    def part_due(money: Money) -> int:
        shares = place(money, bills, policy, within, plans).shares
        return sum(share.total_fen for share in shares if share.bill_id in due)

    due_fen = part_due(replace(payment, amount_fen=LARGEST_BIGINT))
    return due_fen > 0 and part_due(payment) * 100 >= due_fen * least_percent


def in_order(bills: Iterable[OpenBill], designated_ids: Sequence[int]) -> list[OpenBill]:
    """Designated bills in the order they were named, then the others by due date; ties by id."""
    rank = {bill_id: index for index, bill_id in reversed(list(enumerate(designated_ids)))}
    return sorted(bills, key=lambda bill: (rank.get(bill.id, len(designated_ids)), bill.due, bill.id))


def place_all(
    payments: Iterable[Money],
    bills: Iterable[OpenBill],
    policy: LateFeePolicy,
    within: Within,
    plans: Sequence[Plan] = (),
) -> list[Placement]:
    """Spread several payments in the order of their keys, each upon the ones before."""
    state = list(bills)
    placements = []
    for payment in sorted(payments, key=lambda payment: payment.key):
        placements.append(place(payment, state, policy, within, plans))
        state = bills_after(state, placements[-1:])
    return placements


def bills_after(bills: Iterable[OpenBill], placements: Iterable[Placement]) -> list[OpenBill]:
    """Bills with what was placed on them."""
    state = {bill.id: bill for bill in bills}
    for placement in placements:
        for share in placement.shares:
            state[share.bill_id] = _after(state[share.bill_id], share, placement.payment.business_date)
    return list(state.values())


def difference(before: Mapping[int, Share], after: Iterable[Share]) -> list[Share]:
    """Per bill what changes from `before` to `after`, by bill id; unchanged bills are left out."""
    target = {share.bill_id: share for share in after}
    changes = [
        target.get(bill_id, Share(bill_id)).minus(before.get(bill_id, Share(bill_id)))
        for bill_id in sorted(target.keys() | before.keys())
    ]
    return [change for change in changes if change.principal_fen or change.late_fee_fen]


@dataclass(frozen=True)
class _Due:
    """What is to be paid on one bill, in fen."""

    bill_id: int
    principal_fen: int
    late_fee_fen: int

    def take(self, available_fen: int, within: Within) -> Share:
        """As much of it as the money pays for."""
        if within == "principal_first":
            principal = min(available_fen, self.principal_fen)
            return Share(self.bill_id, principal, min(available_fen - principal, self.late_fee_fen))
        fee = min(available_fen, self.late_fee_fen)
        return Share(self.bill_id, min(available_fen - fee, self.principal_fen), fee)

    def principal_only(self, available_fen: int) -> Share:
        """As much of the principal as the money pays for."""
        return Share(self.bill_id, min(available_fen, self.principal_fen))


def _due(bill: OpenBill, on: date, policy: LateFeePolicy, freezes: Sequence[Freeze]) -> _Due:
    # What was paid on a later business day is paid: what is open at all, not what was open on that day.
    accrued_fen = late_fee(bill.amount_fen, bill.due, bill.events, on, policy, freezes).accrued_fen
    fee_due = max(0, accrued_fen - late_fee_settled(bill.events))
    return _Due(bill.id, outstanding(bill.amount_fen, bill.events, date.max), fee_due)


def share_events(share: Share, on: date) -> tuple[BillEvent, ...]:
    """What a share, or a difference of shares, means for its bill."""
    principal, fee = share.principal_fen, share.late_fee_fen
    events = (
        BillEvent("payment" if principal > 0 else "restoration", on, abs(principal)),
        BillEvent("late_fee_payment" if fee > 0 else "late_fee_restoration", on, abs(fee)),
    )
    return tuple(event for event in events if event.amount_fen)


def _after(bill: OpenBill, share: Share, on: date) -> OpenBill:
    return replace(bill, events=bill.events + share_events(share, on))
