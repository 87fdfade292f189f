"""STORY of metered fees: what each unit of a slice consumed since its last bill, as lines (B1)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from sqlalchemy.orm import Session

from services.billing.charging.metered import rules, tables
from services.billing.charging.metered.rules import Billed, Consumption, PricedVersion, Reading, Span, Trouble
from services.billing.charging.metered.tables import ClosedMeter
from services.billing.charging.slices.lines import Job, Lines
from services.billing.charging.slices.rules import Line
from services.billing.charging.slices.units import Known, PricedUnit
from services.billing.charging.tariffs.cycles import Cycle
from services.billing.charging.tariffs.rules import TariffAnomaly, TariffVersion
from services.common.contracts.answers.explanations import MeteredInputs, MeterSpan, TierPrice, VersionPrice
from services.common.domain.money import largest_remainder


@dataclass(frozen=True)
class Before:
    """What the newest bill of a unit and fee item billed."""

    quantity: Decimal
    months: int


@dataclass
class Meters:
    """Readings and billed spans of the slice, by unit; `items`: all metered fees of the estate."""

    items: Sequence[str]
    readings: dict[int, dict[str, list[Reading]]] = field(default_factory=lambda: defaultdict(dict))
    billed: dict[tuple[int, str], dict[str, list[Billed]]] = field(default_factory=lambda: defaultdict(dict))
    before: dict[tuple[int, str], Before] = field(default_factory=dict)

    def of(self, unit_id: int, fee_item: str) -> dict[str, list[Reading]]:
        """The meters of a unit that count for a fee, with their readings."""
        own = self.readings.get(unit_id, {})
        return {meter: found for meter, found in own.items() if rules.fee_item_of(meter, self.items) == fee_item}

    @property
    def since(self) -> date | None:
        """The earliest reading of all: payers are needed from there on."""
        return min((found[0].on for own in self.readings.values() for found in own.values()), default=None)


def load(session: Session, job: Job) -> Meters:
    """Readings from the opening ones on, and the spans that standing bills cover; nothing where nothing is metered."""
    prices = job.priced_by("metered")
    found = Meters(sorted({versions[0].fee_item for versions in prices}))
    if not any(job.wants(fee_item) for fee_item in found.items):
        return found
    usages = sorted({versions[0].usage for versions in prices})
    first, last = job.consumed.first, job.consumed.last
    since: list[ClosedMeter] = []
    for row in tables.billed_spans(session, job.piece, usages, found.items, first):
        one = Billed(row.period, row.from_on, Reading(row.to_on, row.to_reading))
        found.billed[row.unit_id, row.fee_item].setdefault(row.meter, []).append(one)
        if row.period < first:
            found.before[row.unit_id, row.fee_item] = Before(row.quantity, row.limit_months)
            since.append(ClosedMeter(row.unit_id, row.meter, row.to_on))
    for shown in tables.readings(session, job.piece, usages, first, last, since):
        found.readings[shown.unit_id].setdefault(shown.meter, []).append(Reading(shown.read_on, shown.reading))
    return found


def add(job: Job, units: Sequence[PricedUnit], meters: Meters, known: Known, lines: Lines) -> None:
    """Add the lines of all metered fees that are wanted."""
    for versions in job.priced_by("metered"):
        if job.wants(versions[0].fee_item):
            for unit in units:
                if unit.usage == versions[0].usage:
                    _add_unit(job, versions, unit, meters, known, lines)


def _add_unit(
    job: Job, versions: Sequence[TariffVersion], unit: PricedUnit, meters: Meters, known: Known, lines: Lines
) -> None:
    fee_item = versions[0].fee_item
    stretches = known.stretches(unit.id, fee_item, job.consumed)
    billed = meters.billed.get((unit.id, fee_item), {})
    if not stretches:
        return
    if any(one.period == stretches[-1].first for spans in billed.values() for one in spans):
        if job.piece.dry_run:
            told = "billed before, will be left as it is"
            lines.anomalies.append(TariffAnomaly(fee_item, "already_billed", told, unit.code))
        return
    stretch = stretches[-1]
    spans, wrong = _spans(unit.id, fee_item, meters, billed, stretch)
    lines.anomalies += [TariffAnomaly(fee_item, one.kind, one.detail, unit.code) for one in wrong]
    if not spans:
        return
    found = rules.consumption(spans, versions, stretch.first, stretch.last)
    if found.quantity and found.versions:
        _tell_unusual(job, fee_item, unit, found, meters, lines)
        _add_payers(found, fee_item, unit, known, stretch, lines)


def _spans(
    unit_id: int, fee_item: str, meters: Meters, billed: dict[str, list[Billed]], stretch: Cycle
) -> tuple[list[Span], list[Trouble]]:
    own = meters.of(unit_id, fee_item)
    if not own:
        return [], [Trouble("missing_reading", "no meter of this fee was ever read")]
    found = {
        meter: rules.span(meter, readings, billed.get(meter, ()), stretch.first, stretch.last)
        for meter, readings in own.items()
    }
    return rules.by_meter(found)


def _tell_unusual(job: Job, fee_item: str, unit: PricedUnit, found: Consumption, meters: Meters, lines: Lines) -> None:
    before = meters.before.get((unit.id, fee_item))
    if not job.piece.dry_run or before is None:
        return
    if rules.unusual(found, before.quantity, before.months, job.unusual_percent):
        told = f"{found.quantity:f} in {found.months} months; last time {before.quantity:f} in {before.months}"
        lines.anomalies.append(TariffAnomaly(fee_item, "unusual_consumption", told, unit.code))


def _add_payers(
    found: Consumption, fee_item: str, unit: PricedUnit, known: Known, stretch: Cycle, lines: Lines
) -> None:
    opened = min(one.opened.on for one in found.spans)
    payers = known.payers_of(unit, opened, stretch.last)
    weights = rules.payer_weights(found.spans, [days for _, days in payers])
    amounts = largest_remainder(found.amount_fen, weights)
    whole = sum(weights)
    for (household_id, _), weight, fen in zip(payers, weights, amounts, strict=True):
        part = Fraction(weight) / Fraction(whole)
        if part:
            inputs = _inputs(found, part, rules.rounding_fen(found.exact_yuan * part, fen))
            tariff_id = found.versions[-1].tariff_id
            lines.add(stretch, Line(unit.id, household_id, fee_item, tariff_id, fen, inputs, stretch.months))


def _inputs(found: Consumption, part: Fraction, rounding_fen: int) -> MeteredInputs:
    return MeteredInputs(
        method="metered",
        meters=[_meter_span(one) for one in found.spans],
        quantity=found.quantity,
        limit_months=found.months,
        days=found.days,
        versions=[_version_price(version) for version in found.versions],
        part=None if part == 1 else [part.numerator, part.denominator],
        rounding_fen=rounding_fen,
    )


def _meter_span(one: Span) -> MeterSpan:
    return MeterSpan(
        meter=one.meter,
        from_on=one.opened.on,
        from_reading=one.opened.value,
        to_on=one.closed.on,
        to_reading=one.closed.value,
    )


def _version_price(version: PricedVersion) -> VersionPrice:
    return VersionPrice(
        tariff_id=version.tariff_id,
        version=version.version,
        days=version.days,
        tiers=[TierPrice(quantity=tier.quantity, unit_price=tier.unit_price) for tier in version.tiers],
    )
