"""LAW of tariffs: versions, what each part of a month costs, and when two versions contradict each other (B1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from math import lcm
from typing import get_args

from services.billing.charging.tariffs.cycles import Cycle
from services.common.contracts.answers.bills import BillingAnomaly
from services.common.contracts.answers.portfolio import Usage
from services.common.contracts.answers.tariffs import Method
from services.common.domain.calendar import add_months, month_length

# What a run prices by rate and area; metered and shared fees become lines.
RATE_METHODS = frozenset({"per_area", "fixed"})
FULL_PRICE = Decimal(1)
ANY_GRADE = "*"
USAGES: tuple[Usage, ...] = get_args(Usage)


@dataclass(frozen=True)
class TariffVersion:
    """One version of a price. `effective_to` is its last day (None: open end).

    `tiers`: (quantity a month above which a price holds, that price); `grade_factors`: grade of a unit → factor.
    """

    id: int
    fee_item: str
    usage: Usage
    method: Method
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
    method: Method
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
    usage: Usage
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

    def weight(self, method: Method, *, vacant: bool) -> Decimal:
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
        graded_parts = tuple(part for part in parts if part)
        return replace(self, parts=graded_parts) if len(graded_parts) == len(parts) else None


def month_end(period: date) -> date:
    """The last day of the month that starts on `period`."""
    return add_months(period, 1) - timedelta(days=1)


def rates(versions: Iterable[TariffVersion], period: date, months: int = 1) -> list[Rate]:
    """The rates of a cycle from the published versions, in the order of fee item and usage (B1).

    A newer version ends an older one. Days without any version are not charged.
    """
    all_rates = (_rate(group, Cycle(period, months)) for group in by_price(versions))
    return [rate for rate in all_rates if rate.parts]


def since(all_rates: Sequence[Rate], opened_on: date | None, last: date) -> list[Rate]:
    """What of the rates of a cycle that ends on `last` counts from the day on which the estate opened (A1)."""
    if opened_on is None:
        return list(all_rates)
    open_rates = (rate.within(opened_on, last) for rate in all_rates)
    return [rate for rate in open_rates if rate.parts]


def days_in_force(version: TariffVersion, versions: Sequence[TariffVersion]) -> tuple[date, date]:
    """The first and last day on which a published version holds, among the published ones of its price; the last may
    be before the first."""
    last_days = [v.effective_from - timedelta(days=1) for v in versions if v.effective_from > version.effective_from]
    return version.effective_from, min([version.effective_to or date.max, *last_days])


def by_price(versions: Iterable[TariffVersion]) -> list[list[TariffVersion]]:
    """The published versions of each (fee item, usage), the oldest first."""
    published_versions = sorted((v for v in versions if v.published), key=_line_then_start)
    return [list(group) for _, group in groupby(published_versions, key=_line)]


def _rate(versions: Sequence[TariffVersion], cycle: Cycle) -> Rate:
    days = lcm(*(month_length(month) for month in cycle.starts))
    parts = tuple(
        Part(
            version.id, version.version, version.method, version.unit_price, version.vacancy_ratio, day_count, first,
            scale=days // month_length(month), grade_factors=version.grade_factors,
        )
        for month in cycle.starts
        for version, first, day_count in days_held(versions, month, month_end(month))
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
    kind: BillingAnomaly
    detail: str
    unit: str | None = None
