"""LAW of booking: what follows from entries for bills, figures, late fee and plans (B7, C1, C3, J1)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.billing.receivables.late_fee.open_bills import open_bills
from services.billing.receivables.late_fee.rules import LateFeePolicy, only_fee_is_left
from services.billing.receivables.ledger.rules import BILL_VOIDED, NOTHING, Bill, Effect, Entry, effect, figure_day
from services.billing.receivables.plans.rules import HouseholdPlans, frozen_on


@dataclass(frozen=True)
class OpenItems:
    """A household's bills by id with all their entries, and its plans; every bill of the plans is among them."""

    bills: Mapping[int, Bill] = field(default_factory=dict)
    entries: Mapping[int, Sequence[Entry]] = field(default_factory=dict)
    plans: HouseholdPlans = field(default_factory=HouseholdPlans)

    def after(self, entries: Sequence[Entry]) -> "OpenItems":
        """With what was booked; nothing is owed any more on bills that were voided by it."""
        additions: dict[int | None, list[Entry]] = defaultdict(list)
        for entry in entries:
            additions[entry.bill_id].append(entry)
        void = void_bills(entries)
        bills = {bill_id: bill for bill_id, bill in self.bills.items() if bill_id not in void}
        history = {bill_id: [*self.entries.get(bill_id, ()), *additions.get(bill_id, ())] for bill_id in bills}
        return OpenItems(bills, history, self.plans.without(void))


@dataclass(frozen=True, order=True)
class FigureKey:
    """The row of `rate_rollup` that a bill's change of one day belongs to."""

    estate_id: int
    building: str
    fee_item: str
    period: date
    due_date: date
    booked_on: date


def bills_of(entries: Iterable[Entry]) -> set[int]:
    """The bills that entries are on."""
    return {entry.bill_id for entry in entries if entry.bill_id is not None}


def void_bills(entries: Iterable[Entry]) -> set[int]:
    """The bills that entries void."""
    return bills_of(entry for entry in entries if entry.kind == BILL_VOIDED)


def effects(entries: Iterable[Entry]) -> dict[int, Effect]:
    """What entries do to each bill, by id; bills that stay as they were are left out."""
    sums: dict[int, Effect] = defaultdict(Effect)
    for entry in entries:
        if entry.bill_id is not None:
            sums[entry.bill_id] += effect(entry)
    return {bill_id: sums[bill_id] for bill_id in sorted(sums) if sums[bill_id] != NOTHING}


def figures(items: OpenItems, entries: Sequence[Entry]) -> dict[FigureKey, Effect]:
    """What entries add to the figures, by key in order; a voided bill is taken out of every day (J1, B5)."""
    reversals = [entry for bill_id in void_bills(entries) for entry in items.entries.get(bill_id, ())]
    sums: dict[FigureKey, Effect] = defaultdict(Effect)
    for entry, change in [*((e, effect(e)) for e in entries), *((e, -effect(e)) for e in reversals)]:
        if entry.bill_id is not None:
            sums[_key(items.bills[entry.bill_id], entry)] += change
    return {key: sums[key] for key in sorted(sums) if sums[key] != NOTHING}


def _key(bill: Bill, entry: Entry) -> FigureKey:
    return FigureKey(bill.estate_id, bill.building, bill.fee_item, bill.period, bill.due_date, figure_day(bill, entry))


def fee_left(before: OpenItems, after: OpenItems, among: Collection[int], policy: LateFeePolicy) -> dict[int, bool]:
    """For which bills it changes whether only late fee is left: of those `among`, and of those of plans (C1, C3).

    A payment on one bill of a plan may end or mend the plan, and with it the late fee of the others.
    """
    bill_ids = {*among, *before.plans.principal}
    bills = open_bills({bill_id: after.bills[bill_id] for bill_id in bill_ids & after.bills.keys()}, after.entries)
    frozen = frozen_on(list(after.plans.by_id.values()), bills, date.max)
    fee_only = {bill.id for bill in bills if only_fee_is_left(bill, policy, frozen.of(bill.id))}
    return {
        bill_id: bill_id in fee_only
        for bill_id in sorted(bill_ids)
        if (bill_id in fee_only) != before.bills[bill_id].fee_left
    }
