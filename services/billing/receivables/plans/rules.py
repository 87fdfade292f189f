"""LAW of instalment plans (C3): how a plan stands on a day, and what that means for the late fee of its bills.

The standing is a function of the plan, of what happened to its bills by business day, and of the day: events that
arrive late or out of order lead to the same standing as events in order. Instalments are covered by principal received
or waived on any bill of the plan after the signing day. The late fee is counted bill by bill, so instalments are split
over the bills at signing, oldest bill first (`split`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate, groupby
from uuid import UUID

from services.billing.receivables.late_fee.rules import BillEvent, Freeze, Instalment, OpenBill, outstanding
from services.common.contracts.answers.plans import PlanStatus
from services.common.domain.calendar import add_months

MOST_INSTALMENTS = 36
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class PlanPolicy:
    """What an estate agrees to.

    An instalment more than `late_days` late breaks a plan; `revives`: catching up mends it. Whoever may not exceed the
    policy dates a plan back `backdate_days` at most, and its last instalment is due `longest_months` after the signing
    at the latest.
    """

    late_days: int
    revives: bool
    backdate_days: int
    longest_months: int

    def earliest_signing(self, today: date) -> date:
        """The first day on which a plan that is recorded today may be signed."""
        return today - timedelta(days=self.backdate_days)

    def latest_due(self, signed_on: date) -> date:
        """The last day on which an instalment may be due."""
        return add_months(signed_on, self.longest_months)


@dataclass(frozen=True)
class Part:
    """What one instalment pays of one bill."""

    bill_id: int
    due: date
    amount_fen: int


@dataclass(frozen=True)
class PlannedBill:
    """A bill as a plan sees it: principal and everything that happened to it."""

    id: int
    amount_fen: int
    events: Sequence[BillEvent] = ()


@dataclass(frozen=True)
class Plan:
    """An agreement of a household.

    An instalment more than `late_days` days late breaks the plan. `revives`: catching up mends it again, as if it had
    not been broken but for what the missed instalment accrued; otherwise a broken plan stays broken.
    """

    signed_on: date
    parts: tuple[Part, ...]
    late_days: int = 15
    revives: bool = True
    cancelled_on: date | None = None

    @property
    def bill_ids(self) -> frozenset[int]:
        """The bills in the plan."""
        return frozenset(part.bill_id for part in self.parts)

    @property
    def instalments(self) -> list[Instalment]:
        """Due days ascending, each with the sum over the bills."""
        parts = sorted(self.parts, key=lambda part: part.due)
        days = groupby(parts, key=lambda part: part.due)
        return [Instalment(due, sum(part.amount_fen for part in group)) for due, group in days]


@dataclass(frozen=True)
class HouseholdPlans:
    """A household's plans by id, and the principal of every bill in them."""

    by_id: Mapping[UUID, Plan] = field(default_factory=dict)
    principal: Mapping[int, int] = field(default_factory=dict)

    def without(self, void: Collection[int]) -> "HouseholdPlans":
        """As if some bills had never been in any plan: nothing is owed on them."""
        plans = {
            plan_id: replace(plan, parts=tuple(part for part in plan.parts if part.bill_id not in void))
            for plan_id, plan in self.by_id.items()
        }
        return HouseholdPlans(plans, {bill_id: fen for bill_id, fen in self.principal.items() if bill_id not in void})


@dataclass(frozen=True)
class Standing:
    """How a plan stands from a day on; accrual stood still until `frozen_to`, None: it still does."""

    from_on: date
    status: PlanStatus
    frozen_to: date | None = None


def split(instalments: Iterable[Instalment], principal: Mapping[int, int]) -> list[Part]:
    """Instalments over bills, `principal` being what each owes, in the order in which they are to be paid."""
    balances = dict(principal)
    parts = []
    for instalment in instalments:
        remainder_fen = instalment.amount_fen
        for bill_id, fen in balances.items():
            if part := min(remainder_fen, fen):
                parts.append(Part(bill_id, instalment.due, part))
                balances[bill_id] -= part
                remainder_fen -= part
    return parts


def plan_status(plan: Plan, bills: Sequence[PlannedBill], as_of: date) -> Standing | None:
    """How the plan stands at the end of a day, by what had happened until then; None before it was signed."""
    if as_of < plan.signed_on:
        return None
    progress = _Progress.of(plan, bills, as_of)
    completed_on, cancelled_on = progress.completed_on(), plan.cancelled_on
    last = min(day for day in (as_of, completed_on, cancelled_on) if day is not None)
    broken_on = progress.broken_on(last)
    if completed_on is not None and completed_on <= last and (broken_on is None or plan.revives):
        return Standing(completed_on, "completed", completed_on)
    if cancelled_on is not None and cancelled_on <= as_of:
        return Standing(cancelled_on, "cancelled", min(broken_on or cancelled_on, cancelled_on) - _ONE_DAY)
    if broken_on is not None:
        return Standing(broken_on, "broken", broken_on - _ONE_DAY)
    return Standing(plan.signed_on, "performing")


def standings(plan: Plan, bills: Sequence[PlannedBill]) -> list[Standing]:
    """The standing for every day from the signing on, should nothing more happen: each from its first day as shown."""
    events = [event.on for bill in bills for event in bill.events]
    days = {plan.signed_on, *(i.due + timedelta(days=plan.late_days + 1) for i in plan.instalments)}
    days |= {day for on in events if on >= plan.signed_on for day in (on, on + _ONE_DAY)}
    if plan.cancelled_on is not None:
        days.add(plan.cancelled_on)
    changes: list[tuple[date, Standing]] = []
    for day in sorted(days):
        standing = plan_status(plan, bills, day)
        if standing is not None and (not changes or _differs(changes[-1][1], standing)):
            changes.append((day, standing))
    return [Standing(day, standing.status, standing.frozen_to) for day, standing in changes]


def _differs(before: Standing, after: Standing) -> bool:
    return (before.status, before.frozen_to) != (after.status, after.frozen_to)


def freeze_of(plan: Plan, standing: Standing, bill_id: int) -> Freeze | None:
    """What the plan does to the late fee of one of its bills; None when it ended before it froze a day."""
    if standing.frozen_to is not None and standing.frozen_to <= plan.signed_on:
        return None
    parts = tuple(Instalment(part.due, part.amount_fen) for part in plan.parts if part.bill_id == bill_id)
    return Freeze(plan.signed_on, standing.frozen_to, parts, is_restored=standing.status in ("broken", "cancelled"))


@dataclass(frozen=True)
class Frozen:
    """What plans do to a household's bills on a day: freezes by bill, and the bills of performing plans."""

    freezes: Mapping[int, tuple[Freeze, ...]]
    performing: frozenset[int]

    def of(self, bill_id: int) -> tuple[Freeze, ...]:
        """The freezes of one bill; none for most."""
        return self.freezes.get(bill_id, ())


def frozen_bills(plans: Iterable[Plan], bills: Mapping[int, PlannedBill], as_of: date) -> Frozen:
    """`bills` must hold every bill of the plans."""
    freezes: dict[int, tuple[Freeze, ...]] = {}
    performing: set[int] = set()
    for plan in sorted(plans, key=lambda plan: plan.signed_on):
        standing = plan_status(plan, [bills[bill_id] for bill_id in sorted(plan.bill_ids)], as_of)
        if standing is None:
            continue
        performing |= plan.bill_ids if standing.status == "performing" else set()
        for bill_id in plan.bill_ids:
            freeze = freeze_of(plan, standing, bill_id)
            freezes[bill_id] = freezes.get(bill_id, ()) + ((freeze,) if freeze else ())
    return Frozen(freezes, frozenset(performing))


def received_fen(bills: Iterable[PlannedBill], after: date, until: date) -> int:
    """Principal taken off the bills after one day and not after another, in fen; what came back counts against it."""
    balances = ((outstanding(b.amount_fen, b.events, after), outstanding(b.amount_fen, b.events, until)) for b in bills)
    return sum(before - then for before, then in balances)


@dataclass(frozen=True)
class _Progress:
    """A plan, its bills with what is known of them on a day, and how much each instalment asks in all."""

    plan: Plan
    bills: Sequence[PlannedBill]
    days: Sequence[date]
    totals: Sequence[tuple[date, int]]

    @classmethod
    def of(cls, plan: Plan, bills: Sequence[PlannedBill], as_of: date) -> "_Progress":
        history = [PlannedBill(b.id, b.amount_fen, [e for e in b.events if e.on <= as_of]) for b in bills]
        days = sorted({e.on for bill in history for e in bill.events if e.on >= plan.signed_on} | {plan.signed_on})
        instalments = plan.instalments
        sums = accumulate(instalment.amount_fen for instalment in instalments)
        # a payment of before the signing that became known later leaves less to ask for
        owed_fen = sum(outstanding(bill.amount_fen, bill.events, plan.signed_on) for bill in history)
        totals = [(instalment.due, min(total, owed_fen)) for instalment, total in zip(instalments, sums, strict=True)]
        return cls(plan, history, days, totals)

    def completed_on(self) -> date | None:
        """The first day at whose end nothing is owed."""
        for day in self.days:
            if not any(outstanding(bill.amount_fen, bill.events, day) for bill in self.bills):
                return day
        return None

    def broken_on(self, last: date) -> date | None:
        """Since when the plan is broken at the end of the day `last`."""
        late = [due + timedelta(days=self.plan.late_days + 1) for due, _ in self.totals]
        since: date | None = None
        for day in sorted({day for day in (*late, *(on + _ONE_DAY for on in self.days), last) if day <= last}):
            if self._is_behind(day, day - _ONE_DAY):
                since = since or day
            elif self.plan.revives:
                since = None
        return None if self.plan.revives and not self._is_behind(last, last) else since

    def _is_behind(self, day: date, until: date) -> bool:
        """Whether on `day` an instalment is too late that was not covered by what came in up to `until`."""
        limit = day - timedelta(days=self.plan.late_days)
        due_fen = max((total for due, total in self.totals if due < limit), default=0)
        return due_fen > received_fen(self.bills, self.plan.signed_on, until)


def frozen_on(plans: Sequence[Plan], bills: Iterable[OpenBill], on: date) -> Frozen:
    """What a household's plans do to its bills on a day."""
    planned_bills = {bill.id: PlannedBill(bill.id, bill.amount_fen, bill.events) for bill in bills} if plans else {}
    return frozen_bills(plans, planned_bills, on)
