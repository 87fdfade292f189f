"""STORY of shared costs: share each cost over the whole estate once, and bill a slice's units their part (B1)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import rules, tables
from services.billing.charging.shared_costs.rules import ALL, Cost, Part, Share, SharedPrice
from services.billing.charging.shared_costs.tables import Allocation, CostRow
from services.billing.charging.slices.lines import Job, Lines
from services.billing.charging.slices.rules import Line
from services.billing.charging.slices.units import PricedUnit, UnitHistory
from services.billing.charging.tariffs.cycles import Cycle
from services.billing.charging.tariffs.rules import TariffAnomaly, TariffVersion, month_end
from services.common.contracts.answers.explanations import CostShare, SharedInputs
from services.common.domain.calendar import format_period
from services.common.domain.money import yuan


@dataclass(frozen=True)
class UnitShare:
    """A unit's share of one cost."""

    cost: Cost
    total_weight: Decimal
    share: Share


@dataclass(frozen=True)
class CostBook:
    """What the estate's books say of the months: costs, and those that were shared already (key → allocation)."""

    costs: Sequence[CostRow]
    allocations: dict[tuple[str, date, str, str], Allocation]

    def of(self, fee_item: str, month: date) -> list[Cost]:
        """The recorded costs of a fee item and month."""
        return [
            Cost(fee_item, month, row.building, ALL, row.amount_fen)
            for row in self.costs
            if (row.fee_item, row.period) == (fee_item, month)
        ]


def add(session: Session, job: Job, units: Sequence[PricedUnit], history: UnitHistory, lines: Lines) -> None:
    """Add the lines of all shared fees that are wanted."""
    prices_by_item: dict[str, list[Sequence[TariffVersion]]] = defaultdict(list)
    for versions in job.priced_by("shared"):
        if job.wants(versions[0].fee_item):
            prices_by_item[versions[0].fee_item].append(versions)
    if prices_by_item:
        cost_book = _load_cost_book(session, job)
        for fee_item, prices in prices_by_item.items():
            _add_item(session, job, fee_item, prices, units, history, cost_book, lines)


def tell_unpriced(session: Session, job: Job, lines: Lines) -> None:
    """Recorded costs of fees that have no price in their month, so that nobody will ever bear them."""
    prices = {(v.fee_item, month) for v, month in _shared_versions(job)}
    for row in tables.costs_recorded(session, job.piece.estate_id, job.consumption_cycle.starts):
        if job.wants(row.fee_item) and (row.fee_item, row.period) not in prices:
            lines.anomalies.append(_nobody_bears(row.fee_item, row.period, row.building, row.amount_fen))


def _shared_versions(job: Job) -> Iterable[tuple[TariffVersion, date]]:
    for month in job.consumption_cycle.starts:
        month_prices = (rules.shared_price(versions, month) for versions in job.prices)
        yield from ((price.newest, month) for price in month_prices if price)


def _nobody_bears(fee_item: str, month: date, building: str, fen: int) -> TariffAnomaly:
    where = f" in building {building}" if building else ""
    detail = f"a cost nobody bears: {yuan(fen)} yuan of {format_period(month)}{where}"
    return TariffAnomaly(fee_item, "cost_nobody_bears", detail)


def _load_cost_book(session: Session, job: Job) -> CostBook:
    estate_id, months = job.piece.estate_id, job.consumption_cycle.starts
    allocations = tables.allocations(session, estate_id, months)
    keys = {(row.fee_item, row.period, row.building, row.usage): row for row in allocations}
    return CostBook(tables.costs_recorded(session, estate_id, months), keys)


def _add_item(
    session: Session,
    job: Job,
    fee_item: str,
    prices: Sequence[Sequence[TariffVersion]],
    units: Sequence[PricedUnit],
    history: UnitHistory,
    cost_book: CostBook,
    lines: Lines,
) -> None:
    """All months of the cycle or none: a month whose cost is missing would never be billed afterwards."""
    shares: dict[int, list[UnitShare]] = defaultdict(list)
    newest: dict[str, int] = {}
    for month in (month for month in job.consumption_cycle.starts if job.is_open(month_end(month))):
        month_prices = [price for price in (rules.shared_price(versions, month) for versions in prices) if price]
        if not month_prices:
            continue
        costs = rules.costs(fee_item, month, month_prices, cost_book.of(fee_item, month))
        _tell(job, fee_item, month, costs, lines)
        if not costs:
            return
        newest |= {price.usage: price.newest.id for price in month_prices}
        for cost in costs:
            for unit_share in _shares(session, job, cost, month_prices, cost_book, lines):
                shares[unit_share.share.unit_id].append(unit_share)
    for unit in units:
        if unit.id in shares:
            tariff_id = newest.get(unit.usage, max(newest.values()))
            for stretch in history.stretches(unit.id, fee_item, job.consumption_cycle):
                _add_unit(fee_item, tariff_id, unit, shares[unit.id], history, stretch, lines)


def _tell(job: Job, fee_item: str, month: date, costs: Sequence[Cost], lines: Lines) -> None:
    """Say once for the estate that no cost was recorded: always when nothing is billed, else in a dry run."""
    from_tariff = bool(costs) and all(cost.usage != ALL for cost in costs)
    if not job.piece.first or (costs and not (from_tariff and job.piece.dry_run)):
        return
    gap = f"no cost recorded for {format_period(month)}"
    amount = yuan(sum(cost.amount_fen for cost in costs))
    detail = f"{gap}: the tariff's price, {amount} yuan, is shared" if costs else f"{gap}, and the tariff has no price"
    lines.anomalies.append(TariffAnomaly(fee_item, "no_shared_cost", detail))


def _shares(
    session: Session, job: Job, cost: Cost, prices: Sequence[SharedPrice], cost_book: CostBook, lines: Lines
) -> Iterable[UnitShare]:
    """The slice's shares of a cost: as they were shared before, or shared now and, unless it is a dry run, kept."""
    piece = job.piece
    standing = cost_book.allocations.get((cost.fee_item, cost.period, cost.building, cost.usage))
    if standing is not None:
        cost = replace(cost, amount_fen=standing.cost_fen)
        shares = tables.shares_of(session, piece, [standing.id])
        return [UnitShare(cost, standing.total_weight, share) for share in shares]
    usages = [price.usage for price in prices]
    shares = rules.shares(cost, tables.sharing_units(session, piece.estate_id, usages, cost.period), prices)
    if not shares and piece.first:
        lines.anomalies.append(_nobody_bears(cost.fee_item, cost.period, cost.building, cost.amount_fen))
    if shares and not piece.dry_run:
        tables.keep(session, piece.estate_id, cost, shares, job.now)
    total = sum((share.weight for share in shares), Decimal(0))
    return [UnitShare(cost, total, s) for s in shares if piece.from_unit_id <= s.unit_id < piece.to_unit_id]


def _add_unit(
    fee_item: str,
    tariff_id: int,
    unit: PricedUnit,
    shares: Sequence[UnitShare],
    history: UnitHistory,
    stretch: Cycle,
    lines: Lines,
) -> None:
    parts: dict[int, list[Part]] = defaultdict(list)
    for unit_share in shares:
        if unit_share.cost.period in stretch.starts:
            for household_id, part in _parts(unit_share, unit, history):
                parts[household_id].append(part)
    for household_id, own in parts.items():
        shares_of_payer = [_cost_share(part) for part in own]
        inputs = SharedInputs(method="shared", shares=shares_of_payer, rounding_fen=rules.rounding_fen(own))
        amount = sum(part.amount_fen for part in own)
        lines.add(stretch, Line(unit.id, household_id, fee_item, tariff_id, amount, inputs, stretch.months))


def _parts(unit_share: UnitShare, unit: PricedUnit, history: UnitHistory) -> Iterable[tuple[int, Part]]:
    cost, share = unit_share.cost, unit_share.share
    month = Cycle(cost.period, 1)
    payers = history.payers_of(unit, month.first, month.last)
    days = [sum((last - first).days + 1 for first, last in spans) for _, spans in payers]
    amounts = rules.by_days(share.amount_fen, days)
    for (household_id, _), own, fen in zip(payers, days, amounts, strict=True):
        yield household_id, Part(cost, share.weight, unit_share.total_weight, share.amount_fen, own, sum(days), fen)


def _cost_share(part: Part) -> CostShare:
    return CostShare(
        period=part.cost.period,
        building=part.cost.building or None,
        usage=part.cost.usage or None,
        recorded=part.cost.usage == ALL,
        cost_fen=part.cost.amount_fen,
        weight=part.weight,
        total_weight=part.total_weight,
        share_fen=part.share_fen,
        days=part.days,
        of_days=part.of_days,
        amount_fen=part.amount_fen,
    )
