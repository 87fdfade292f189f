"""LAW of bills: which tariff versions count in a month, what a unit owes, when it is due (B1, B3).

`tables.py` computes the same amount in SQL for thousands of units at once; a property test holds the two equal.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from services.common.calendar import WorkingCalendar, add_months, month_length
from services.common.money import largest_remainder

# Metered and shared fees are billed from readings, which a run does not do: it says so instead (B1).
BILLABLE_METHODS = frozenset({"per_area", "fixed"})
FULL_PRICE = Decimal(1)


@dataclass(frozen=True)
class TariffVersion:
    """One version of a price. `effective_to` is its last day (None: open end)."""

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


@dataclass(frozen=True)
class Part:
    """The days of a month on which one tariff version holds."""

    tariff_id: int
    version: int
    method: str
    unit_price: Decimal
    vacancy_ratio: Decimal | None
    days: int
    # the first of these days
    first: date

    def within(self, first: date, last: date) -> "Part | None":
        """The same price on those of its days that lie from `first` to `last`; None when none does."""
        start = max(self.first, first)
        days = (min(self.first + timedelta(days=self.days - 1), last) - start).days + 1
        return replace(self, first=start, days=days) if days > 0 else None

    def weight(self, *, vacant: bool) -> Decimal:
        """price × days × vacancy ratio, exact; the ratio is for vacant units, not for the developer's unsold ones."""
        ratio = self.vacancy_ratio if vacant and self.vacancy_ratio is not None else FULL_PRICE
        return self.unit_price * self.days * ratio


@dataclass(frozen=True)
class Rate:
    """What every unit of one usage pays for one fee item in one month."""

    fee_item: str
    usage: str
    month_days: int
    parts: tuple[Part, ...]

    @property
    def tariff_id(self) -> int:
        """The version a bill names: the last one that holds in the month."""
        return self.parts[-1].tariff_id

    def weight(self, method: str, *, vacant: bool) -> Decimal:
        """The sum of the weights of the parts priced by `method`."""
        weights = (part.weight(vacant=vacant) for part in self.parts if part.method == method)
        return sum(weights, Decimal(0))

    def within(self, first: date, last: date) -> "Rate":
        """What counts from `first` to `last` only (A1)."""
        parts = (part.within(first, last) for part in self.parts)
        return replace(self, parts=tuple(part for part in parts if part))

    def at_full_price(self) -> "Rate":
        """The same without the ratio for vacant units: a developer owes unsold units in full (A1)."""
        return replace(self, parts=tuple(replace(part, vacancy_ratio=None) for part in self.parts))


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


@dataclass(frozen=True)
class Prices:
    """What a slice bills: `rates` for all its units but those `apart`, who get only `lines`, and lines for anybody."""

    rates: Sequence[Rate]
    lines: Sequence[Line] = ()
    apart: Sequence[int] = ()


def amount_fen(rate: Rate, area_m2: Decimal, *, vacant: bool) -> int:
    """The month's amount: every part exact, their sum over the days of the month rounded once, half up to fen (B3)."""
    # floor((2x + d) / 2d) is half up of x / d without a division that could round on its own.
    return int((price_days(rate, area_m2, vacant=vacant) * 200 + rate.month_days) // (2 * rate.month_days))


def price_days(rate: Rate, area_m2: Decimal, *, vacant: bool) -> Decimal:
    """Yuan a month × days, exact: the month's amount before it is divided by the days of the month and rounded."""
    return area_m2 * rate.weight("per_area", vacant=vacant) + rate.weight("fixed", vacant=vacant)


def split_by_day(
    rate: Rate, area_m2: Decimal, spans: Sequence[tuple[date, date]], *, vacant: bool, unsold: Collection[int] = ()
) -> list[tuple[Rate, int]]:
    """The month's amount cut by the days of its payers, first and last inclusive; what each pays, in fen (A1).

    `unsold` are the positions of those spans that a developer owes, at the full price whatever the unit is today.
    The parts add up to the amount for all these days together, to the fen: what rounding leaves goes to the largest
    remainders.
    """
    cut = (rate.within(first, last) for first, last in spans)
    rates = [one.at_full_price() if place in unsold else one for place, one in enumerate(cut)]
    exact = [price_days(one, area_m2, vacant=vacant) for one in rates]
    whole = int((sum(exact, Decimal(0)) * 200 + rate.month_days) // (2 * rate.month_days))
    return list(zip(rates, largest_remainder(whole, exact), strict=True))


def month_end(period: date) -> date:
    """The last day of the month that starts on `period`."""
    return add_months(period, 1) - timedelta(days=1)


def rates(versions: Iterable[TariffVersion], period: date) -> list[Rate]:
    """The rates of a month from the published versions, in the order of fee item and usage (B1).

    A newer version ends an older one. Days without any version are not charged.
    """
    published = sorted((v for v in versions if v.published), key=_line_then_start)
    found = (_rate(list(group), period) for _, group in groupby(published, key=_line))
    return [rate for rate in found if rate.parts]


def _rate(versions: Sequence[TariffVersion], period: date) -> Rate:
    parts = tuple(
        Part(version.id, version.version, version.method, version.unit_price, version.vacancy_ratio, days, first)
        for version, first, days in _days_in_month(versions, period)
        if version.method in BILLABLE_METHODS
    )
    return Rate(versions[0].fee_item, versions[0].usage, month_length(period), parts)


def _days_in_month(versions: Sequence[TariffVersion], period: date) -> list[tuple[TariffVersion, date, int]]:
    """Each version with the first and the number of the days on which it holds; those with none are left out."""
    spans = []
    for i, version in enumerate(versions):
        ends = [month_end(period)]
        if version.effective_to is not None:
            ends.append(version.effective_to)
        if i + 1 < len(versions):
            ends.append(versions[i + 1].effective_from - timedelta(days=1))
        first = max(version.effective_from, period)
        spans.append((version, first, (min(ends) - first).days + 1))
    return [span for span in spans if span[2] > 0]


def _line(version: TariffVersion) -> tuple[str, str]:
    return version.fee_item, version.usage


def _line_then_start(version: TariffVersion) -> tuple[str, str, date]:
    return version.fee_item, version.usage, version.effective_from


@dataclass(frozen=True)
class TariffAnomaly:
    """A price that should count in the month but cannot: why no bill comes of it."""

    fee_item: str | None
    kind: str
    detail: str


def tariff_anomalies(versions: Sequence[TariffVersion], period: date) -> list[TariffAnomaly]:
    """What is wrong with the tariffs of one estate for a month: none, not published, or not billable by a run."""
    held = [v for v in versions if v.effective_from <= month_end(period) and (v.effective_to or period) >= period]
    lines = {_line(version) for version in held if version.published}
    waiting = [v for v in held if not v.published and _line(v) not in lines]
    anomalies = [TariffAnomaly(v.fee_item, "unpublished_tariff", _price_of(v)) for v in waiting]
    for version in _unbillable(versions, period):
        detail = f"{_price_of(version)}: {version.method} fees are billed from readings, not by this run"
        anomalies.append(TariffAnomaly(version.fee_item, "method_not_billed", detail))
    if not lines:
        anomalies.insert(0, TariffAnomaly(None, "no_published_tariff", "no published tariff is in effect"))
    return anomalies


def _unbillable(versions: Sequence[TariffVersion], period: date) -> list[TariffVersion]:
    published = sorted((v for v in versions if v.published), key=_line_then_start)
    days = [found for _, group in groupby(published, key=_line) for found in _days_in_month(list(group), period)]
    return [version for version, _, _ in days if version.method not in BILLABLE_METHODS]


def _price_of(version: TariffVersion) -> str:
    return f"{version.fee_item} for {version.usage}, version {version.version}"


@dataclass(frozen=True)
class BillingPolicy:
    """When bills of an estate are due (B3); shipped: monthly, in arrears, 15th of the next month, not rolled."""

    cycle: str
    timing: str
    due_day: int
    month_offset: int
    roll_to_working_day: bool


def due_date(policy: BillingPolicy, period: date, calendar: WorkingCalendar) -> date:
    """The due date of a period: in arrears `month_offset` months after it, in advance as many before.

    A due day the month lacks is its last day; a day off is rolled to the next working day only where policy says so.
    """
    months = policy.month_offset if policy.timing == "arrears" else -policy.month_offset
    due = add_months(period, months, policy.due_day)
    return calendar.next_working_day(due) if policy.roll_to_working_day else due


def run_status(slices: int, done: int, parked: int) -> str:
    """pending, running from the first slice that is done, done with the last; failed while a slice is parked."""
    if done == slices:
        return "done"
    if parked:
        return "failed"
    return "running" if done else "pending"
