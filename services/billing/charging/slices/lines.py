"""STORY of lines: amounts that take more than a rate and an area, worked out by rules for their units (A1, B1, B3).

By rate, they are few beside the units that SQL prices: units that changed hands, that were then what they are not
today, whose owner moved in meanwhile, or some of whose months are billed already. Metered and shared fees are lines for
every unit. All go into the same statement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

from sqlalchemy.orm import Session

from services.billing.charging.slices import rules, units
from services.billing.charging.slices.rules import Line, PiecewiseInputs, RatePiece, Stay
from services.billing.charging.slices.tables import Slice
from services.billing.charging.slices.units import PricedUnit, UnitHistory
from services.billing.charging.tariffs import coverage
from services.billing.charging.tariffs import rules as tariff_rules
from services.billing.charging.tariffs.cycles import Cycle
from services.billing.charging.tariffs.rules import Rate, TariffAnomaly, TariffVersion, days_held
from services.billing.portfolio.payers import changed_hands
from services.billing.portfolio.status_days import changed_status
from services.common.contracts.answers.portfolio import Usage
from services.common.contracts.answers.tariffs import Method


@dataclass(frozen=True)
class Job:
    """What a slice is to bill: `cycle` by rate, `consumption_cycle` of metered and shared fees.

    `prices`: the published versions of each (fee item, usage), oldest first; `fee_items`: those asked for, or all.
    """

    piece: Slice
    cycle: Cycle
    consumption_cycle: Cycle
    prices: Sequence[Sequence[TariffVersion]]
    fee_items: frozenset[str] | None
    unusual_percent: int
    now: datetime

    def wants(self, fee_item: str) -> bool:
        """Whether the run was asked for it."""
        return self.fee_items is None or fee_item in self.fee_items

    def is_open(self, last: date) -> bool:
        """Whether the estate had opened by that day: nothing is billed for days before."""
        return self.piece.opened_on is None or self.piece.opened_on <= last

    @property
    def usages(self) -> list[Usage]:
        """The usages of units for which anything is billed in the cycle at all."""
        versions = (version for price in self.prices for version in price)
        rates = tariff_rules.rates(versions, self.cycle.first, self.cycle.months)
        others = [price[0].usage for method in ("metered", "shared") for price in self.priced_by(method)]
        return sorted({*(rate.usage for rate in rates), *others})

    def priced_by(self, method: Method) -> list[Sequence[TariffVersion]]:
        """The prices that use a method, and no other, in the months consumed."""
        first, last = self.consumption_cycle.first, self.consumption_cycle.last
        mixed_lines = coverage.mixed_lines(self.prices, self.consumption_cycle)
        prices = (price for price in self.prices if (price[0].fee_item, price[0].usage) not in mixed_lines)
        price_days = ((price, days_held(price, first, last)) for price in prices)
        return [price for price, days in price_days if any(version.method == method for version, _, _ in days)]


@dataclass
class Lines:
    """Lines by the first month of their bills, and what is wrong."""

    by_month: dict[date, list[Line]] = field(default_factory=dict)
    anomalies: list[TariffAnomaly] = field(default_factory=list)

    def add(self, stretch: Cycle, line: Line) -> None:
        """A line for a stretch of months."""
        self.by_month.setdefault(stretch.first, []).append(line)


def load_history(session: Session, job: Job, since: date) -> UnitHistory:
    """Who pays and what units are on which day from `since` on, and which months of the slice's units are billed."""
    piece, last = job.piece, max(job.cycle.last, job.consumption_cycle.last)
    units_of = (piece.estate_id, piece.from_unit_id, piece.to_unit_id)
    days = changed_hands(session, *units_of, since, last) if piece.changed_hands else []
    spells = changed_status(session, *units_of, since, last) if piece.changed_status else []
    payers = {unit_id: list(own) for unit_id, own in groupby(days, key=lambda payer: payer.unit_id)}
    statuses = {unit_id: list(own) for unit_id, own in groupby(spells, key=lambda spell: spell.unit_id)}
    first = min(job.cycle.first, job.consumption_cycle.first)
    span = Cycle(first, job.cycle.months * (1 if job.cycle == job.consumption_cycle else 2))
    return UnitHistory(payers, units.billed_months(session, piece, span), statuses)


def by_rate(session: Session, job: Job, rates: Sequence[Rate], history: UnitHistory, lines: Lines) -> list[int]:
    """Add the lines of units that no rate prices as it stands; returns the ids of these units."""
    items = {rate.fee_item for rate in rates}
    overlaps = {
        unit_id
        for (unit_id, fee_item), cycles in history.billed_cycles.items()
        if fee_item in items and any(cycle != job.cycle and cycle.overlaps(job.cycle) for cycle in cycles)
    }
    apart = overlaps | set(history.payers) | set(history.statuses)
    if any(part.vacancy_ratio is not None for rate in rates for part in rate.parts):
        apart |= set(units.moving_in(session, job.piece, job.cycle.first))
    for unit in units.units_by_id(session, sorted(apart)):
        for rate in rates:
            if rate.usage == unit.usage:
                _add_rate(job, rate, unit, history, lines)
    return sorted(apart)


def _add_rate(job: Job, rate: Rate, unit: PricedUnit, history: UnitHistory, lines: Lines) -> None:
    grade_rate = rate.for_grade(unit.grade)
    if grade_rate is None:
        detail = f"the tariff has no factor for grade {unit.grade or '(none)'}"
        lines.anomalies.append(TariffAnomaly(rate.fee_item, "no_grade_factor", detail, unit.code))
        return
    for stretch in history.stretches(unit.id, rate.fee_item, job.cycle):
        for line in _split(grade_rate.within(stretch.first, stretch.last), unit, history, stretch):
            lines.add(stretch, line)


def _split(rate: Rate, unit: PricedUnit, history: UnitHistory, stretch: Cycle) -> Iterator[Line]:
    payers = history.payers_of(unit, stretch.first, stretch.last)
    if not rate.parts:
        return
    days = [[stay for span in spans for stay in _stays(unit, history, *span)] for _, spans in payers]
    shares = rules.split_by_day(rate, unit.area_m2, days)
    for (household_id, _), share in zip(payers, shares, strict=True):
        pieces = [
            RatePiece(first_day=stay.first, last_day=stay.last, vacant=stay.vacant, rate=part)
            for stay, part in share.pieces
            if part.parts
        ]
        inputs = PiecewiseInputs(
            method="rate", grade=unit.grade, pieces=pieces, rounding_fen=share.rounding_fen
        )  # fmt: skip
        if pieces:
            vacant = all(piece["vacant"] for piece in pieces)
            yield Line(
                unit.id, household_id, rate.fee_item, rate.tariff_id, share.amount_fen, inputs, stretch.months, vacant
            )  # fmt: skip


def _stays(unit: PricedUnit, history: UnitHistory, first: date, last: date) -> list[Stay]:
    if history.is_developers(unit.id, first):
        return rules.stays(first, last, status="unsold", move_in=None)
    return [
        stay
        for status, span in history.statuses_of(unit, first, last)
        for stay in rules.stays(*span, status=status, move_in=unit.move_in_date)
    ]
