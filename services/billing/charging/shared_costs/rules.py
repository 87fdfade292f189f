"""LAW of shared costs (B1): what is shared in a month, by whom, and how much of it each unit bears.

- What: the actual costs recorded for the fee item and month, of the estate or of single buildings. Where none was
  recorded, the tariff's price is the cost of the month, of each usage by itself, by day where it changes.
- By whom: every unit of the usages that have the tariff in that month, of the estate or of the building, vacant and
  unsold ones too. By floor area; where the tariff has a vacancy ratio a vacant unit's area counts by it, on the days of
  the month on which it was vacant.
- How much: the shares add up to the cost to the fen (largest remainders, ties to the unit that came first).

A cost is shared once: the shares are kept with the first slice that bills any of them, and stay as they are whatever
becomes of areas, units or tariffs while other slices wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor

from services.billing.charging.tariffs.rules import FULL_PRICE, TariffVersion, days_held, month_end
from services.common.contracts.answers.portfolio import Usage
from services.common.domain.calendar import month_length
from services.common.domain.money import largest_remainder

ALL = ""
WEIGHT = Decimal("0.000001")


@dataclass(frozen=True)
class Cost:
    """A cost of one month. `building` and `usage` may be ALL; a usage means that it comes from the tariff."""

    fee_item: str
    period: date
    building: str
    usage: str
    amount_fen: int


@dataclass(frozen=True)
class SharingUnit:
    """A unit as a cost meets it."""

    id: int
    building: str
    usage: str
    area_m2: Decimal
    # on which part of the month
    vacant: Fraction


@dataclass(frozen=True)
class SharedPrice:
    """The versions of one price that hold in a month, with their days."""

    usage: Usage
    versions: tuple[tuple[TariffVersion, int], ...]

    @property
    def newest(self) -> TariffVersion:
        """The last one that holds in the month: it names the bill, its vacancy ratio counts."""
        return self.versions[-1][0]


def shared_price(versions: Sequence[TariffVersion], month: date) -> SharedPrice | None:
    """The price of a month from the published versions of it, oldest first; None where none is shared."""
    month_versions = tuple((v, n) for v, _, n in days_held(versions, month, month_end(month)) if v.method == "shared")
    return SharedPrice(versions[0].usage, month_versions) if month_versions else None


def costs(fee_item: str, month: date, prices: Sequence[SharedPrice], recorded_costs: Sequence[Cost]) -> list[Cost]:
    """What is shared in a month: what was recorded, else each usage's price; without either nothing."""
    if recorded_costs:
        return list(recorded_costs)
    price_costs = [Cost(fee_item, month, ALL, price.usage, _price_fen(price, month)) for price in prices]
    return [cost for cost in price_costs if cost.amount_fen]


def _price_fen(price: SharedPrice, month: date) -> int:
    exact = sum((version.unit_price * days for version, days in price.versions), Decimal(0))
    days = month_length(month)
    return int((exact * 200 + days) // (2 * days))


@dataclass(frozen=True)
class Share:
    """A unit's part of a cost."""

    unit_id: int
    weight: Decimal
    amount_fen: int


def shares(cost: Cost, units: Sequence[SharingUnit], prices: Sequence[SharedPrice]) -> list[Share]:
    """A cost over the units that bear it, to the fen; nothing where there is no such unit, or none with an area."""
    ratios: dict[str, Decimal | None] = {price.usage: price.newest.vacancy_ratio for price in prices}
    bearing = [unit for unit in units if _bears(unit, cost, ratios)]
    weights = [_weight(unit, ratios[unit.usage]) for unit in bearing]
    if not any(weights):
        return []
    parts = largest_remainder(cost.amount_fen, weights)
    return [Share(u.id, weight, fen) for u, weight, fen in zip(bearing, weights, parts, strict=True)]


def _bears(unit: SharingUnit, cost: Cost, ratios: Mapping[str, Decimal | None]) -> bool:
    in_usage = unit.usage == cost.usage if cost.usage != ALL else unit.usage in ratios
    return in_usage and cost.building in (ALL, unit.building)


def _weight(unit: SharingUnit, ratio: Decimal | None) -> Decimal:
    if ratio is None or not unit.vacant:
        return unit.area_m2
    if unit.vacant == 1:
        return unit.area_m2 * ratio
    part = 1 - unit.vacant * Fraction(FULL_PRICE - ratio)
    return (unit.area_m2 * part.numerator / part.denominator).quantize(WEIGHT)


def by_days(amount_fen: int, days: Sequence[int]) -> list[int]:
    """A unit's share cut by the days of its payers; the parts add up to it (A1)."""
    return largest_remainder(amount_fen, [Decimal(n) for n in days])


@dataclass(frozen=True)
class Part:
    """What one payer bears of a unit's share: all of it, or by `days` of the `of_days` of the month."""

    cost: Cost
    weight: Decimal
    total_weight: Decimal
    share_fen: int
    days: int
    of_days: int
    amount_fen: int

    @property
    def exact_fen(self) -> Fraction:
        """Before rounding: of the cost by weight, or, where several pay, of the unit's share by day."""
        if self.days == self.of_days:
            return Fraction(self.cost.amount_fen) * Fraction(self.weight) / Fraction(self.total_weight)
        return Fraction(self.share_fen * self.days, self.of_days)


def rounding_fen(parts: Sequence[Part]) -> int:
    """What the largest remainders added to or took from the exact sum rounded half up."""
    exact = sum((part.exact_fen for part in parts), Fraction(0))
    return sum(part.amount_fen for part in parts) - floor(exact + Fraction(1, 2))
