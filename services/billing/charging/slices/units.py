"""STORE of what lines need to know of a slice: who pays for units, what they are by day, what was billed (A1, B3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.billing.charging.slices.tables import Slice
from services.billing.charging.tariffs.cycles import Cycle
from services.billing.portfolio.payers import PayerDays
from services.billing.portfolio.status_days import UnitStatusDays
from services.billing.tables import unit
from services.common.contracts.answers.portfolio import UnitStatus, Usage
from services.common.domain.calendar import add_months
from services.common.prepared import Prepared
from services.common.rows import rows_of

Span = tuple[date, date]

# The partial index is empty where everybody is billed by the month.
_BILLED_LONGER = text("""
SELECT unit_id, fee_item, period, months FROM bill
WHERE months > 1 AND estate_id = :estate_id AND unit_id >= :from_unit_id AND unit_id < :to_unit_id
  AND period > :year_before AND period <= :last AND voided_at IS NULL AND charge_id IS NULL
""")
_BILLED_WITHIN = text("""
SELECT b.unit_id, b.fee_item, b.period, b.months FROM unit u JOIN bill b ON b.unit_id = u.id
WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id
  AND b.months = 1 AND b.period >= :first AND b.period <= :last AND b.voided_at IS NULL AND b.charge_id IS NULL
""")
_MOVING_IN = Prepared(
    "moving_in",
    """
SELECT id FROM unit
WHERE estate_id = :estate_id AND id >= :from_unit_id AND id < :to_unit_id
  AND status = 'occupied' AND move_in_date > :first
""",
    {"estate_id": "int", "from_unit_id": "bigint", "to_unit_id": "bigint", "first": "date"},
)

BilledCycles = dict[tuple[int, str], list[Cycle]]


@dataclass(frozen=True)
class PricedUnit:
    """A unit as a price needs it, with the household that pays for it now."""

    id: int
    code: str
    household_id: int
    usage: Usage
    area_m2: Decimal
    status: UnitStatus
    grade: str | None
    move_in_date: date | None


@dataclass(frozen=True)
class UnitHistory:
    """`payers`: days of units that changed hands; `billed_cycles`: months of a (unit, fee item) that bills cover.

    `statuses`: days of units that were something else on any of them than they are today.
    """

    payers: dict[int, list[PayerDays]]
    billed_cycles: BilledCycles
    statuses: dict[int, list[UnitStatusDays]]

    def stretches(self, unit_id: int, fee_item: str, cycle: Cycle) -> list[Cycle]:
        """The months of a cycle to bill: all of it, or what is left where other bills cover some of its months.

        A bill for just this cycle is left to the statement that issues, which looks for it anyway.
        """
        others = [other for other in self.billed_cycles.get((unit_id, fee_item), ()) if other != cycle]
        return cycle.without(others) if others else [cycle]

    def is_developers(self, unit_id: int, day: date) -> bool:
        """Whether a day of a unit that changed hands is the developer's, who owes the full price (A1)."""
        return any(days.role == "developer" and days.first <= day <= days.last for days in self.payers.get(unit_id, ()))

    def statuses_of(self, unit: PricedUnit, first: date, last: date) -> list[tuple[UnitStatus, Span]]:
        """What a unit was from `first` to `last`, with the days."""
        spells = self.statuses.get(unit.id, [UnitStatusDays(unit.id, unit.status, first, last)])
        days = [(spell.status, (max(spell.first, first), min(spell.last, last))) for spell in spells]
        return [(status, span) for status, span in days if span[0] <= span[1]]

    def payers_of(self, unit: PricedUnit, first: date, last: date) -> list[tuple[int, list[Span]]]:
        """Who pays for a unit from `first` to `last`, each household once with its days."""
        spans_by_household: dict[int, list[Span]] = {}
        for days in self.payers.get(unit.id, ()):
            span = (max(days.first, first), min(days.last, last))
            if span[0] <= span[1]:
                spans_by_household.setdefault(days.household_id, []).append(span)
        return list(spans_by_household.items()) or [(unit.household_id, [(first, last)])]


def billed_months(session: Session, piece: Slice, span: Cycle) -> BilledCycles:
    """Bills that cover months of `span`: those for several months, and, where it has several itself, those for one."""
    key = _of(piece) | {"first": span.first, "last": span.last, "year_before": add_months(span.first, -12)}
    rows = list(session.execute(_BILLED_LONGER, key)) if piece.billed_longer else []
    if span.months > 1:
        rows += session.execute(_BILLED_WITHIN, key)
    billed_cycles: BilledCycles = {}
    for row in rows:
        cycle = Cycle(row.period, row.months)
        if cycle.last >= span.first:
            billed_cycles.setdefault((row.unit_id, row.fee_item), []).append(cycle)
    return billed_cycles


def moving_in(session: Session, piece: Slice, first: date) -> list[int]:
    """Units whose owner moved in after `first`: a part of the cycle counts as vacant (B3)."""
    if not piece.moved_in:
        return []
    return [row.id for row in _MOVING_IN.execute(session, _of(piece) | {"first": first})]


def units_by_id(session: Session, ids: Sequence[int]) -> list[PricedUnit]:
    """Units by id."""
    if not ids:
        return []
    return rows_of(PricedUnit, session.execute(select(unit).where(unit.c.id.in_(ids)).order_by(unit.c.id)))


def units_of(session: Session, piece: Slice) -> list[PricedUnit]:
    """All units of a slice, by id."""
    query = select(unit).where(
        unit.c.estate_id == piece.estate_id, unit.c.id >= piece.from_unit_id, unit.c.id < piece.to_unit_id
    )
    return rows_of(PricedUnit, session.execute(query.order_by(unit.c.id)))


def _of(piece: Slice) -> dict[str, int]:
    return {"estate_id": piece.estate_id, "from_unit_id": piece.from_unit_id, "to_unit_id": piece.to_unit_id}
