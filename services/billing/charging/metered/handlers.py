"""STORY of metered fees: what each unit of a slice consumed since its last bill, as lines (B1)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from sqlalchemy.orm import Session

from services.billing.charging.metered import rules, tables
from services.billing.charging.metered.rules import Consumption, CoveredSpan, PricedVersion, Reading, Span, Trouble
from services.billing.charging.metered.tables import ClosedMeter
from services.billing.charging.slices.lines import Job, Lines
from services.billing.charging.slices.rules import Line
from services.billing.charging.slices.units import PricedUnit, UnitHistory
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
    """Readings and covered spans of the slice, by unit; `items`: all metered fees of the estate."""

    items: Sequence[str]
    readings: dict[int, dict[str, list[Reading]]] = field(default_factory=lambda: defaultdict(dict))
    covered_spans: dict[tuple[int, str], dict[str, list[CoveredSpan]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    before: dict[tuple[int, str], Before] = field(default_factory=dict)

    def of(self, unit_id: int, fee_item: str) -> dict[str, list[Reading]]:
        """The meters of a unit that count for a fee, with their readings."""
        own = self.readings.get(unit_id, {})
        return {meter: readings for meter, readings in own.items() if rules.fee_item_of(meter, self.items) == fee_item}

    @property
    def since(self) -> date | None:
        """The earliest reading of all: payers are needed from there on."""
        return min((readings[0].on for own in self.readings.values() for readings in own.values()), default=None)


def load(session: Session, job: Job) -> Meters:
    """Readings from the opening ones on, and the spans that standing bills cover; nothing where nothing is metered."""
    prices = job.priced_by("metered")
    meters = Meters(sorted({versions[0].fee_item for versions in prices}))
    if not any(job.wants(fee_item) for fee_item in meters.items):
        return meters
    usages = sorted({versions[0].usage for versions in prices})
    first, last = job.consumption_cycle.first, job.consumption_cycle.last
    since: list[ClosedMeter] = []
    for row in tables.billed_spans(session, job.piece, usages, meters.items, first):
        span = CoveredSpan(row.period, Reading(row.from_on, row.from_reading), Reading(row.to_on, row.to_reading))
        meters.covered_spans[row.unit_id, row.fee_item].setdefault(row.meter, []).append(span)
        if row.period < first:
            meters.before[row.unit_id, row.fee_item] = Before(row.quantity, row.limit_months)
            since.append(ClosedMeter(row.unit_id, row.meter, row.to_on))
    for reading in tables.readings(session, job.piece, usages, first, last, since):
        meters.readings[reading.unit_id].setdefault(reading.meter, []).append(Reading(reading.read_on, reading.reading))
    return meters


def add(job: Job, units: Sequence[PricedUnit], meters: Meters, history: UnitHistory, lines: Lines) -> None:
    """Add the lines of all metered fees that are wanted."""
    for versions in job.priced_by("metered"):
        if job.wants(versions[0].fee_item):
            for unit in units:
                if unit.usage == versions[0].usage:
                    _add_unit(job, versions, unit, meters, history, lines)


def _add_unit(
    job: Job, versions: Sequence[TariffVersion], unit: PricedUnit, meters: Meters, history: UnitHistory, lines: Lines
) -> None:
    fee_item = versions[0].fee_item
    stretches = history.stretches(unit.id, fee_item, job.consumption_cycle)
    covered_spans = meters.covered_spans.get((unit.id, fee_item), {})
    if not stretches:
        return
    if any(past.period == stretches[-1].first for spans in covered_spans.values() for past in spans):
        if job.piece.dry_run:
            detail = "billed before, will be left as it is"
            lines.anomalies.append(TariffAnomaly(fee_item, "already_billed", detail, unit.code))
        return
    stretch = stretches[-1]
    spans, troubles = _spans(unit.id, fee_item, meters, covered_spans, stretch)
    lines.anomalies += [TariffAnomaly(fee_item, trouble.kind, trouble.detail, unit.code) for trouble in troubles]
    if not spans:
        return
    consumption = rules.consumption(spans, versions, stretch.first, stretch.last)
    if consumption.quantity and consumption.versions:
        _tell_unusual(job, fee_item, unit, consumption, meters, lines)
        _add_payers(consumption, fee_item, unit, history, stretch, lines)


def _spans(
    unit_id: int, fee_item: str, meters: Meters, covered_spans: dict[str, list[CoveredSpan]], stretch: Cycle
) -> tuple[list[Span], list[Trouble]]:
    own = meters.of(unit_id, fee_item)
    if not own:
        return [], [Trouble("missing_reading", "no meter of this fee was ever read")]
    span_by_meter = {
        meter: rules.span(meter, readings, covered_spans.get(meter, ()), stretch.first, stretch.last)
        for meter, readings in own.items()
    }
    return rules.by_meter(span_by_meter)


def _tell_unusual(
    job: Job, fee_item: str, unit: PricedUnit, consumption: Consumption, meters: Meters, lines: Lines
) -> None:
    before = meters.before.get((unit.id, fee_item))
    if not job.piece.dry_run or before is None:
        return
    if rules.unusual(consumption, before.quantity, before.months, job.unusual_percent):
        detail = (
            f"{consumption.quantity:f} in {consumption.months} months; last time {before.quantity:f} in {before.months}"
        )
        lines.anomalies.append(TariffAnomaly(fee_item, "unusual_consumption", detail, unit.code))


def _add_payers(
    consumption: Consumption, fee_item: str, unit: PricedUnit, history: UnitHistory, stretch: Cycle, lines: Lines
) -> None:
    opening_day = min(span.opening.on for span in consumption.spans)
    payers = history.payers_of(unit, opening_day, stretch.last)
    weights = rules.payer_weights(consumption.spans, [days for _, days in payers])
    amounts = largest_remainder(consumption.amount_fen, weights)
    whole = sum(weights)
    for (household_id, _), weight, fen in zip(payers, weights, amounts, strict=True):
        part = Fraction(weight) / Fraction(whole)
        if part:
            inputs = _inputs(consumption, part, rules.rounding_fen(consumption.exact_yuan * part, fen))
            tariff_id = consumption.versions[-1].tariff_id
            lines.add(stretch, Line(unit.id, household_id, fee_item, tariff_id, fen, inputs, stretch.months))


def _inputs(consumption: Consumption, part: Fraction, rounding_fen: int) -> MeteredInputs:
    return MeteredInputs(
        method="metered",
        meters=[_meter_span(span) for span in consumption.spans],
        quantity=consumption.quantity,
        limit_months=consumption.months,
        days=consumption.days,
        versions=[_version_price(version) for version in consumption.versions],
        part=None if part == 1 else [part.numerator, part.denominator],
        rounding_fen=rounding_fen,
    )


def _meter_span(span: Span) -> MeterSpan:
    return MeterSpan(
        meter=span.meter,
        from_on=span.opening.on,
        from_reading=span.opening.value,
        to_on=span.closing.on,
        to_reading=span.closing.value,
    )


def _version_price(version: PricedVersion) -> VersionPrice:
    return VersionPrice(
        tariff_id=version.tariff_id,
        version=version.version,
        days=version.days,
        tiers=[TierPrice(quantity=tier.quantity, unit_price=tier.unit_price) for tier in version.tiers],
    )
