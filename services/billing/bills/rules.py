"""LAW of bills: which tariff versions count in a cycle, what a unit owes by rate, when it is due (B1, B3).

`tables.py` computes the same amount in SQL for thousands of units at once; a property test holds the two equal.
Metered and shared fees have laws of their own, in `metered/` and `shared/`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from math import lcm
from typing import Any

from services.billing.bills.cycles import Cycle, cycle_of, issued_in
from services.common.calendar import WorkingCalendar, add_months, month_length
from services.common.money import largest_remainder

# What a run prices by rate and area; metered and shared fees become lines.
RATE_METHODS = frozenset({"per_area", "fixed"})
FULL_PRICE = Decimal(1)
ANY_GRADE = "*"
USAGES = ("residential", "commercial", "office", "industrial", "parking")


@dataclass(frozen=True)
class TariffVersion:
    """One version of a price. `effective_to` is its last day (None: open end).

    `tiers`: (quantity a month above which a price holds, that price); `grade_factors`: grade of a unit → factor.
    """

    id: int
    fee_item: str
    usage: str
    method: str
    version: int
    unit_price: Decimal
    effective_from: date
    effective_to: date | None
    vacancy_ratio: Decimal | None
    published: bool
    tiers: tuple[tuple[Decimal, Decimal], ...] = ()
    grade_factors: Mapping[str, Decimal] | None = None


@dataclass(frozen=True)
class Part:
    """The days of one month on which one tariff version holds."""

    tariff_id: int
    version: int
    method: str
    unit_price: Decimal
    vacancy_ratio: Decimal | None
    days: int
    # the first of these days
    first: date
    # what a day counts in the rate's `month_days`: 1 in a cycle of one month
    scale: int = 1
    # grade of a unit → factor; None where the grade does not matter, or once `factor` is known
    grade_factors: Mapping[str, Decimal] | None = None
    factor: Decimal = FULL_PRICE

    def within(self, first: date, last: date) -> "Part | None":
        """The same price on those of its days that lie from `first` to `last`; None when none does."""
        start = max(self.first, first)
        days = (min(self.first + timedelta(days=self.days - 1), last) - start).days + 1
        return replace(self, first=start, days=days) if days > 0 else None

    def for_grade(self, grade: str | None) -> "Part | None":
        """The price of units of that grade; None where it has no factor for them."""
        if self.grade_factors is None:
            return self
        factor = self.grade_factors.get(grade or "", self.grade_factors.get(ANY_GRADE))
        return None if factor is None else replace(self, grade_factors=None, factor=factor)

    def weight(self, *, vacant: bool) -> Decimal:
        """price × factor × days × vacancy ratio, exact; the ratio is for vacant units, not for the developer's."""
        ratio = self.vacancy_ratio if vacant and self.vacancy_ratio is not None else FULL_PRICE
        return self.unit_price * self.factor * self.days * self.scale * ratio


@dataclass(frozen=True)
class Rate:
    """What every unit of one usage pays for one fee item in one cycle.

    `month_days`: what weights are divided by; the days of the month, or the least common multiple of several months'.
    """

    fee_item: str
    usage: str
    month_days: int
    parts: tuple[Part, ...]

    @property
    def tariff_id(self) -> int:
        """The version a bill names: the last one that holds in the cycle."""
        return self.parts[-1].tariff_id

    @property
    def grades(self) -> list[str]:
        """The grades that are named by any of the parts."""
        return sorted({grade for part in self.parts for grade in part.grade_factors or () if grade != ANY_GRADE})

    def weight(self, method: str, *, vacant: bool) -> Decimal:
        """The sum of the weights of the parts priced by `method`."""
        weights = (part.weight(vacant=vacant) for part in self.parts if part.method == method)
        return sum(weights, Decimal(0))

    def within(self, first: date, last: date) -> "Rate":
        """What counts from `first` to `last` only (A1)."""
        parts = (part.within(first, last) for part in self.parts)
        return replace(self, parts=tuple(part for part in parts if part))

    def for_grade(self, grade: str | None) -> "Rate | None":
        """What units of that grade pay (B1); None where any part has no factor for them: no price is made up."""
        parts = [part.for_grade(grade) for part in self.parts]
        found = tuple(part for part in parts if part)
        return replace(self, parts=found) if len(found) == len(parts) else None


@dataclass(frozen=True)
class Line:
    """One amount in fen that takes more than a rate and an area, and what it was made from (B1, A1).

    `inputs` are kept with the bill, so that it can be explained; a line of nothing becomes no bill.
    """

    unit_id: int
    household_id: int
    fee_item: str
    tariff_id: int
    amount_fen: int
    inputs: dict[str, Any]
    months: int = 1


@dataclass(frozen=True)
class Prices:
    """What a slice bills: `rates` for all its units but those `apart`, who get only `lines`, and lines for anybody.

    `months`: how many the bills by rate are for.
    """

    rates: Sequence[Rate]
    lines: Sequence[Line] = ()
    apart: Sequence[int] = ()
    months: int = 1


@dataclass(frozen=True)
class Stay:
    """Days, first and last inclusive, on which one household pays for a unit that is vacant, or is not."""

    first: date
    last: date
    vacant: bool


@dataclass(frozen=True)
class PayerShare:
    """What one payer owes of a unit's amount: the price on each of its stays, the sum in fen, and what rounding did.

    `rounding_fen`: the amount minus the payer's own exact sum rounded half up.
    """

    pieces: tuple[tuple[Stay, Rate], ...]
    amount_fen: int
    rounding_fen: int


def amount_fen(rate: Rate, area_m2: Decimal, *, vacant: bool) -> int:
    """The cycle's amount: every part exact, their sum over the days rounded once, half up to fen (B3)."""
    return _fen(price_days(rate, area_m2, vacant=vacant), rate.month_days)


def _fen(exact: Decimal, days: int) -> int:
    # floor((2x + d) / 2d) is half up of x / d without a division that could round on its own.
    return int((exact * 200 + days) // (2 * days))


def price_days(rate: Rate, area_m2: Decimal, *, vacant: bool) -> Decimal:
    """Yuan a month × days, exact: the amount before it is divided by `month_days` and rounded."""
    return area_m2 * rate.weight("per_area", vacant=vacant) + rate.weight("fixed", vacant=vacant)


def stays(first: date, last: date, *, status: str, move_in: date | None) -> list[Stay]:
    """The days from `first` to `last`, before and from the day on which the owner moved in (B3).

    Before it a unit counts as vacant. One that is vacant now counts as vacant throughout, an unsold one never: it is
    the developer's at the full price.
    """
    if status != "occupied" or move_in is None or move_in <= first:
        return [Stay(first, last, status == "vacant")]
    if move_in > last:
        return [Stay(first, last, vacant=True)]
    return [Stay(first, move_in - timedelta(days=1), vacant=True), Stay(move_in, last, vacant=False)]


def split_by_day(rate: Rate, area_m2: Decimal, payers: Sequence[Sequence[Stay]]) -> list[PayerShare]:
    """An amount cut by the days of its payers; what each pays (A1, B3).

    The parts add up to the amount for all these days together, to the fen: what rounding leaves goes to the largest
    remainders.
    """
    pieces = [tuple((stay, rate.within(stay.first, stay.last)) for stay in payer) for payer in payers]
    exact = [_price_of_stays(payer, area_m2) for payer in pieces]
    parts = largest_remainder(_fen(sum(exact, Decimal(0)), rate.month_days), exact)
    own = [_fen(one, rate.month_days) for one in exact]
    return [PayerShare(p, fen, fen - mine) for p, fen, mine in zip(pieces, parts, own, strict=True)]


def _price_of_stays(pieces: Sequence[tuple[Stay, Rate]], area_m2: Decimal) -> Decimal:
    return sum((price_days(rate, area_m2, vacant=stay.vacant) for stay, rate in pieces), Decimal(0))


def month_end(period: date) -> date:
    """The last day of the month that starts on `period`."""
    return add_months(period, 1) - timedelta(days=1)


def rates(versions: Iterable[TariffVersion], period: date, months: int = 1) -> list[Rate]:
    """The rates of a cycle from the published versions, in the order of fee item and usage (B1).

    A newer version ends an older one. Days without any version are not charged.
    """
    found = (_rate(group, Cycle(period, months)) for group in by_price(versions))
    return [rate for rate in found if rate.parts]


def by_price(versions: Iterable[TariffVersion]) -> list[list[TariffVersion]]:
    """The published versions of each (fee item, usage), the oldest first."""
    published = sorted((v for v in versions if v.published), key=_line_then_start)
    return [list(group) for _, group in groupby(published, key=_line)]


def _rate(versions: Sequence[TariffVersion], cycle: Cycle) -> Rate:
    days = lcm(*(month_length(month) for month in cycle.starts))
    parts = tuple(
        Part(
            version.id, version.version, version.method, version.unit_price, version.vacancy_ratio, held, first,
            scale=days // month_length(month), grade_factors=version.grade_factors,
        )
        for month in cycle.starts
        for version, first, held in days_held(versions, month, month_end(month))
        if version.method in RATE_METHODS
    )  # fmt: skip
    return Rate(versions[0].fee_item, versions[0].usage, days, parts)


def days_held(versions: Sequence[TariffVersion], begin: date, end: date) -> list[tuple[TariffVersion, date, int]]:
    """Each version with the first and the number of the days on which it holds; those with none are left out.

    `versions` are the published ones of one price, the oldest first.
    """
    spans = []
    for i, version in enumerate(versions):
        ends = [end]
        if version.effective_to is not None:
            ends.append(version.effective_to)
        if i + 1 < len(versions):
            ends.append(versions[i + 1].effective_from - timedelta(days=1))
        first = max(version.effective_from, begin)
        spans.append((version, first, (min(ends) - first).days + 1))
    return [span for span in spans if span[2] > 0]


def _line(version: TariffVersion) -> tuple[str, str]:
    return version.fee_item, version.usage


def _line_then_start(version: TariffVersion) -> tuple[str, str, date]:
    return version.fee_item, version.usage, version.effective_from


@dataclass(frozen=True)
class TariffAnomaly:
    """Something about a price that a person should look at; `unit` None: it concerns the whole estate."""

    fee_item: str | None
    kind: str
    detail: str
    unit: str | None = None


@dataclass(frozen=True)
class BillingPolicy:
    """When bills of an estate are due (B3); shipped: monthly, in arrears, 15th of the next month, not rolled."""

    cycle: str
    timing: str
    due_day: int
    month_offset: int
    roll_to_working_day: bool

    def issued_in(self, month: date) -> Cycle | None:
        """The cycle that a run for that month issues; None: it issues nothing."""
        return issued_in(self.cycle, self.timing, month)

    def consumed_by(self, cycle: Cycle) -> Cycle:
        """The months whose consumption is billed along: nobody can meter in advance, so it is the cycle before."""
        return cycle if self.timing == "arrears" else cycle.before


def due_date(policy: BillingPolicy, period: date, calendar: WorkingCalendar) -> date:
    """The due date of the cycle in which a month lies: in arrears `month_offset` months after its last month, in
    advance as many before its first.

    A due day the month lacks is its last day; a day off is rolled to the next working day only where policy says so.
    """
    cycle = cycle_of(policy.cycle, period)
    from_month = cycle.starts[-1] if policy.timing == "arrears" else cycle.first
    months = policy.month_offset if policy.timing == "arrears" else -policy.month_offset
    due = add_months(from_month, months, policy.due_day)
    return calendar.next_working_day(due) if policy.roll_to_working_day else due


def run_status(slices: int, done: int, parked: int) -> str:
    """pending, running from the first slice that is done, done with the last; failed while a slice is parked."""
    if done == slices:
        return "done"
    if parked:
        return "failed"
    return "running" if done else "pending"


def together(slices: Iterable[tuple[int, int]], most: int) -> list[list[int]]:
    """Slices that are asked for in one message, in their order, from (id, units).

    They have about `most` units: a slice goes with those before it as long as half of it fits beside them.
    """
    groups: list[list[int]] = []
    room = 0
    for slice_id, units in slices:
        if not groups or units > 2 * room:
            groups.append([])
            room = most
        groups[-1].append(slice_id)
        room = max(room - units, 0)
    return groups
