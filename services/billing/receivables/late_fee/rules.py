"""LAW of the late fee (违约金, C1–C3): a pure function of a bill, what happened to it, a day and the policy.

Days are intervals here: what happens on a day takes effect after it, because payment day still accrues on the balance
before that payment. "From 14 to 16" is thus two days, the 15th and the 16th. `sql.py` says the same in SQL
for many households at once; a property test holds the two equal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Literal

from services.common.domain.money import half_up

# principal down: payment, waiver; up: restoration (refund, bounced debit). Late fee down: the next two; up: the last
# two
Kind = Literal[
    "payment",
    "waiver",
    "restoration",
    "late_fee_payment",
    "late_fee_waiver",
    "late_fee_restoration",
    "late_fee_waiver_reversal",
]
GraceMode = Literal["from_due", "after_grace"]
_SIGN = {"payment": -1, "waiver": -1, "restoration": 1}
_SETTLES = {"late_fee_payment": 1, "late_fee_waiver": 1, "late_fee_restoration": -1, "late_fee_waiver_reversal": -1}
_EXACT_DIGITS = 60
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class BillEvent:
    """Something that happened to a bill on a business day. `amount_fen` is positive, `kind` says which way it goes."""

    kind: Kind
    on: date
    amount_fen: int


@dataclass(frozen=True)
class Instalment:
    """One part of a plan (C3)."""

    due: date
    amount_fen: int


@dataclass(frozen=True)
class Freeze:
    """An instalment plan stops accrual after `start` until `end` (None: still performing) (C3).

    A missed instalment accrues on itself meanwhile. `is_restored`: the plan was broken after `end`, so what remained of
    the principal then accrues from `start` after all; what was paid under the plan stays spared.
    """

    start: date
    end: date | None = None
    instalments: tuple[Instalment, ...] = ()
    is_restored: bool = False


@dataclass(frozen=True)
class DailyRate:
    """`daily` applies on `effective_from` and after, until the next rate."""

    effective_from: date
    daily: Decimal


@dataclass(frozen=True)
class LateFeeTerms:
    """Cap and grace of bills that fall due on `due_from` or later."""

    due_from: date
    is_capped: bool
    grace_days: int
    grace_mode: GraceMode


@dataclass(frozen=True)
class LateFeePolicy:
    """How an estate charges late fee. Without a contract clause there is none.

    What is paid within the grace days owes no fee; what is open after them accrues from the due date ("from_due") or
    from the last day of grace ("after_grace"). A bill keeps the cap and the grace of the day it fell due: `later` are
    those that followed upon the first, in their order.
    """

    clause: str | None
    rates: tuple[DailyRate, ...]
    is_capped: bool = True
    grace_days: int = 0
    grace_mode: GraceMode = "from_due"
    later: tuple[LateFeeTerms, ...] = ()

    def of_bill(self, due: date) -> "LateFeePolicy":
        """The policy with the cap and grace of a bill due that day."""
        terms = next((terms for terms in reversed(self.later) if terms.due_from <= due), None)
        if terms is None:
            return self
        return replace(self, is_capped=terms.is_capped, grace_days=terms.grace_days, grace_mode=terms.grace_mode)


@dataclass(frozen=True)
class LateFee:
    """A bill's late fee in fen: accrued up to the day, taken off it so far, and what is still due."""

    accrued_fen: int
    settled_fen: int

    @property
    def due_fen(self) -> int:
        """What is still to be paid; never negative."""
        return max(0, self.accrued_fen - self.settled_fen)


def overdue_days(due: date, as_of: date) -> int:
    """The first day after the due date is 1; 0 on and before it."""
    return max(0, (as_of - due).days)


def late_fee(
    principal_fen: int,
    due: date,
    events: Iterable[BillEvent],
    as_of: date,
    policy: LateFeePolicy,
    freezes: Sequence[Freeze] = (),
) -> LateFee:
    """The late fee of one bill as of a day (C1); events after that day are ignored."""
    past_events = [event for event in events if event.on <= as_of]
    settled_fen = late_fee_settled(past_events)
    accrued_fen = _accrued_fen(principal_fen, due, [e for e in past_events if e.kind in _SIGN], as_of, policy, freezes)
    return LateFee(accrued_fen, settled_fen)


def late_fee_settled(events: Iterable[BillEvent]) -> int:
    """Late fee received or waived, in fen, over all the events given."""
    return sum(_SETTLES.get(e.kind, 0) * e.amount_fen for e in events)


def outstanding(principal_fen: int, events: Iterable[BillEvent], as_of: date) -> int:
    """Principal still open at the end of the day `as_of`; never negative, for an overpayment becomes credit (B6)."""
    return max(0, principal_fen + sum(_SIGN.get(e.kind, 0) * e.amount_fen for e in events if e.on <= as_of))


def settled_on(principal_fen: int, events: Sequence[BillEvent], as_of: date) -> date | None:
    """The day the principal became nothing and stayed so up to `as_of`; None while some is open."""
    if outstanding(principal_fen, events, as_of):
        return None
    days = sorted({e.on for e in events if e.kind in _SIGN and e.on <= as_of})
    before = [principal_fen, *(outstanding(principal_fen, events, day) for day in days[:-1])]
    open_before = [day for day, open_fen in zip(days, before, strict=False) if open_fen]
    return open_before[-1] if open_before else None


def _accrued_fen(
    principal: int, due: date, events: list[BillEvent], as_of: date, policy: LateFeePolicy, freezes: Sequence[Freeze]
) -> int:
    policy = policy.of_bill(due)
    if not policy.clause or overdue_days(due, as_of) <= policy.grace_days:
        return 0
    free_until = due + timedelta(days=policy.grace_days)
    start = due if policy.grace_mode == "from_due" else free_until
    with localcontext(prec=_EXACT_DIGITS):
        total = sum(
            (
                _accruing(principal, events, free_until, freezes, since, until) * _rates(policy.rates, since, until)
                for since, until in _segments(start, as_of, free_until, events, freezes)
            ),
            Decimal(0),
        )
        fee = half_up(total)
    return min(fee, principal) if policy.is_capped else fee


def _segments(
    start: date, as_of: date, free_until: date, events: list[BillEvent], freezes: Sequence[Freeze]
) -> list[tuple[date, date]]:
    """Cut (start, as_of] wherever the accruing balance may change."""
    cuts = {start, as_of, *(e.on for e in events if e.on > free_until)}
    for freeze in freezes:
        cuts |= {freeze.start, freeze.end or as_of, *(i.due for i in freeze.instalments)}
    days = sorted(day for day in cuts if start <= day <= as_of)
    return list(pairwise(days))


def _accruing(
    principal: int, events: list[BillEvent], free_until: date, freezes: Sequence[Freeze], since: date, until: date
) -> int:
    """The balance on which the days of (since, until] accrue."""
    balance = outstanding(principal, events, max(since, free_until))
    for freeze in freezes:
        if freeze.start <= since and (freeze.end is None or until <= freeze.end):
            missed_fen = _missed_fen(freeze, events, since)
            if not freeze.is_restored or freeze.end is None:
                return min(balance, missed_fen)
            remains = outstanding(principal, events, max(freeze.end, free_until))
            return min(balance, remains + min(missed_fen, max(0, balance - remains)))
    return balance


def _missed_fen(freeze: Freeze, events: list[BillEvent], since: date) -> int:
    """Instalments that were due by `since` and are not covered by what was paid under the plan."""
    due_fen = sum(i.amount_fen for i in freeze.instalments if i.due <= since)
    paid_fen = -sum(_SIGN[e.kind] * e.amount_fen for e in events if freeze.start < e.on <= since)
    return max(0, due_fen - paid_fen)


def _rates(rates: tuple[DailyRate, ...], since: date, until: date) -> Decimal:
    """The sum of the daily rates over (since, until]."""
    schedule = sorted(rates, key=lambda rate: rate.effective_from)
    ends = [rate.effective_from - _ONE_DAY for rate in schedule[1:]] + [until]
    total = Decimal(0)
    for rate, end in zip(schedule, ends, strict=True):
        days = (min(until, end) - max(since, rate.effective_from - _ONE_DAY)).days
        total += rate.daily * max(0, days)
    return total


@dataclass(frozen=True)
class OpenBill:
    """A bill as allocation sees it: `events` are all but those of the payments to be placed."""

    id: int
    due: date
    amount_fen: int
    events: tuple[BillEvent, ...] = ()


def only_fee_is_left(bill: OpenBill, policy: LateFeePolicy, freezes: Sequence[Freeze] = ()) -> bool:
    """Whether the principal is settled for good but its late fee is not."""
    if outstanding(bill.amount_fen, bill.events, date.max):
        return False
    accrued_fen = late_fee(bill.amount_fen, bill.due, bill.events, date.max, policy, freezes).accrued_fen
    return accrued_fen > late_fee_settled(bill.events)
