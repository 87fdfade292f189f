"""LAW of metered fees (B1): which consumption a bill is for, and what it costs.

A bill covers, for each meter of the unit, the span from an opening to a closing reading.

- Closing: the last reading on or before the cycle's last day. One from before the cycle closes nothing: the months
  without a reading bill nothing, and the next reading catches them up.
- Opening: the reading the last billed span of this meter ended with, as it was billed. A meter that was never billed
  opens with its last reading before the cycle, else with its first ever.
- A span that would reach into one that is billed already ends where that one begins, with the reading that one was
  billed from; where nothing is left, it is not billed. So bills of a meter hang together like links of a chain, and
  add up to what it shows: no unit is lost, and none is billed twice, in whatever order months are billed or billed
  again, and whatever a reading was corrected to in between. The next bill settles what a correction has changed.
- What was billed beyond what a meter shows after a correction is not billed again before the meter has passed it.
- A reading lower than the one before it, both as they stand now, stops the whole fee of the unit until a person has
  cleared it: the amount would be an invention. A replaced meter gets a new name, and opens with its own first reading.

Tiers are per month. Limits count once for each month after the opening reading's up to the cycle's last (an opening
reading within the cycle counts its own month too; at least one), so that months caught up keep their cheap tiers. Where
several versions hold during the span, each prices the whole and counts by its days: that is the same as cutting
quantity and limits by day. Exact fractions; rounded half up to the fen once a bill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor, lcm

from services.billing.charging.tariffs.rules import TariffVersion, days_held
from services.common.contracts.answers.bills import BillingAnomaly

SEPARATORS = "-_/:. #"


@dataclass(frozen=True)
class Reading:
    """What a meter showed at the end of a day."""

    on: date
    value: Decimal


@dataclass(frozen=True)
class CoveredSpan:
    """A span of a meter that a standing bill covers; its readings as they were billed."""

    period: date
    opening: Reading
    closing: Reading


@dataclass(frozen=True)
class Span:
    """The readings of one meter from the opening to the closing one."""

    meter: str
    readings: tuple[Reading, ...]

    @property
    def quantity(self) -> Decimal:
        """What was consumed."""
        return self.readings[-1].value - self.readings[0].value

    @property
    def opening(self) -> Reading:
        """Where it begins; that day's consumption is not in it."""
        return self.readings[0]

    @property
    def closing(self) -> Reading:
        """Where it ends; that day's consumption is in it."""
        return self.readings[-1]


@dataclass(frozen=True)
class Trouble:
    """Why a meter bills nothing."""

    kind: BillingAnomaly
    detail: str


def fee_item_of(meter: str, fee_items: Iterable[str]) -> str | None:
    """The metered fee a meter counts for: the one it is named after, `water` or `water-2`; the longest that fits.

    Where there is only one metered fee every meter counts for it.
    """
    names = list(fee_items)
    if len(names) == 1:
        return names[0]
    fitting = [name for name in names if meter == name or (meter.startswith(name) and meter[len(name)] in SEPARATORS)]
    return max(fitting, key=len, default=None)


def span(
    meter: str, readings: Sequence[Reading], covered_spans: Sequence[CoveredSpan], first: date, last: date
) -> Span | Trouble:
    """What a cycle from `first` to `last` bills of a meter; `readings` in the order of their days."""
    read = max((r for r in readings if r.on <= last), key=lambda r: r.on, default=None)
    if read is None or read.on < first:
        return Trouble("missing_reading", f"meter {meter} was not read")
    opening = _opening(readings, covered_spans, read, first)
    closing = _closing(covered_spans, opening, read)
    if closing.on < read.on and (closing.on <= opening.on or closing.on < first):
        return Trouble("already_metered", f"meter {meter}: a bill of a later month covers {read.on}")
    if opening.on >= closing.on:
        return Trouble("missing_reading", f"meter {meter} has no reading after {opening.on}")
    between = [r for r in readings if opening.on <= r.on <= closing.on]
    return _backward(meter, between) or _link(meter, opening, closing, between)


def _opening(
    readings: Sequence[Reading], covered_spans: Sequence[CoveredSpan], closing: Reading, first: date
) -> Reading:
    closings = [past.closing for past in covered_spans if past.closing.on <= closing.on]
    if closings:
        return max(closings, key=lambda reading: reading.on)
    before = [reading for reading in readings if reading.on < first]
    return before[-1] if before else readings[0]


def _closing(covered_spans: Sequence[CoveredSpan], opening: Reading, read: Reading) -> Reading:
    """The reading of the cycle, but not beyond where the next standing bill begins: by day, and by value."""
    later = [past.opening for past in covered_spans if past.closing.on > opening.on]
    following = min(later, key=lambda reading: reading.on, default=None)
    if following is None:
        return read
    return following if following.on <= read.on else Reading(read.on, min(read.value, following.value))


def _backward(meter: str, readings: Sequence[Reading]) -> Trouble | None:
    for earlier, later in pairwise(readings):
        if later.value < earlier.value:
            detail = f"meter {meter} went from {earlier.value:f} on {earlier.on} to {later.value:f} on {later.on}"
            return Trouble("backward_reading", detail)
    return None


def _link(meter: str, opening: Reading, closing: Reading, between: Sequence[Reading]) -> Span | Trouble:
    """A span between two links of the chain, with the readings in between that still lie between them."""
    if closing.value < opening.value:
        billed_up_to, value = opening.value.normalize(), closing.value.normalize()
        detail = f"meter {meter} was billed up to {billed_up_to:f}, it shows {value:f} on {closing.on}"
        return Trouble("billed_ahead", detail)
    inner = [r for r in between if opening.on < r.on < closing.on and opening.value <= r.value <= closing.value]
    return Span(meter, (opening, *inner, closing))


@dataclass(frozen=True)
class Tier:
    """What of a quantity costs one price."""

    quantity: Decimal
    unit_price: Decimal


def tiers(quantity: Decimal, version: TariffVersion, months: int) -> list[Tier]:
    """A quantity cut at the limits of `months` months; the parts add up to it."""
    limits = [above * months for above, _ in version.tiers]
    prices = [version.unit_price, *(price for _, price in version.tiers)]
    edges = [Decimal(0), *(min(limit, quantity) for limit in limits), quantity]
    parts = zip(pairwise(edges), prices, strict=True)
    return [Tier(upper - lower, price) for (lower, upper), price in parts if upper > lower]


@dataclass(frozen=True)
class PricedVersion:
    """One version's price of the whole quantity, and on how many days of the span it holds."""

    tariff_id: int
    version: int
    days: int
    tiers: tuple[Tier, ...]

    @property
    def cost(self) -> Decimal:
        """Yuan for the whole quantity, exact."""
        return sum((tier.quantity * tier.unit_price for tier in self.tiers), Decimal(0))


@dataclass(frozen=True)
class Consumption:
    """What a unit consumed of one fee item over the spans of its meters, and what that costs."""

    spans: tuple[Span, ...]
    quantity: Decimal
    months: int
    days: int
    versions: tuple[PricedVersion, ...]

    @property
    def exact_yuan(self) -> Fraction:
        """The amount before rounding."""
        return sum((Fraction(v.cost) * v.days / self.days for v in self.versions), Fraction(0))

    @property
    def amount_fen(self) -> int:
        """Half up to the fen, once."""
        return floor(self.exact_yuan * 100 + Fraction(1, 2))


def consumption(spans: Sequence[Span], versions: Sequence[TariffVersion], first: date, last: date) -> Consumption:
    """Several meters add up; `versions` are the published ones of the price, oldest first; the cycle is first–last."""
    quantity = sum((span.quantity for span in spans), Decimal(0))
    opening_day, closing_day = min(span.opening.on for span in spans), max(span.closing.on for span in spans)
    months = limit_months(opening_day, first, last)
    priced_versions = tuple(
        PricedVersion(version.id, version.version, days, tuple(tiers(quantity, version, months)))
        for version, _, days in days_held(versions, opening_day + timedelta(days=1), closing_day)
        if version.method == "metered"
    )
    return Consumption(tuple(spans), quantity, months, (closing_day - opening_day).days, priced_versions)


def limit_months(opening_day: date, first: date, last: date) -> int:
    """How many months' limits count for a span that opened on that day."""
    months = (last.year - opening_day.year) * 12 + last.month - opening_day.month
    return max(months + (opening_day >= first), 1)


def payer_weights(spans: Sequence[Span], payers: Sequence[Sequence[tuple[date, date]]]) -> list[Decimal]:
    """How much each payer consumed, as whole numbers in proportion: between two readings, by day (A1)."""
    weights = [
        sum((_quantity_within(span, first, last) for span in spans for first, last in days), Fraction(0))
        for days in payers
    ]
    common = lcm(*(weight.denominator for weight in weights))
    return [Decimal(int(weight * common)) for weight in weights]


def _quantity_within(span: Span, first: date, last: date) -> Fraction:
    quantity = Fraction(0)
    for start, end in pairwise(span.readings):
        days = (min(end.on, last) - max(start.on + timedelta(days=1), first)).days + 1
        if days > 0:
            quantity += Fraction(end.value - start.value) * days / (end.on - start.on).days
    return quantity


def rounding_fen(exact_yuan: Fraction, amount_fen: int) -> int:
    """What sharing among payers added to or took from the exact amount rounded half up."""
    return amount_fen - floor(exact_yuan * 100 + Fraction(1, 2))


def unusual(consumption: Consumption, before: Decimal, before_months: int, percent: int) -> bool:
    """Whether a month's consumption grew by more than `percent` since the last bill; nothing before is no measure."""
    return before > 0 and consumption.quantity * before_months * 100 > before * consumption.months * (100 + percent)


def by_meter(spans: Mapping[str, Span | Trouble]) -> tuple[list[Span], list[Trouble]]:
    """The spans to bill and what is wrong; one meter that runs backwards stops all of the unit's."""
    fine = [span for span in spans.values() if isinstance(span, Span)]
    troubles = [trouble for trouble in spans.values() if isinstance(trouble, Trouble)]
    backward = [trouble for trouble in troubles if trouble.kind == "backward_reading"]
    if backward:
        return [], backward
    return (fine, []) if fine else ([], troubles[:1])
