"""STORE of what the portfolio shows: estates and regions with their sums, buildings, units (A1, A4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.portfolio.tables import UNITS, Estate, Unit, among
from services.billing.tables import estate, unit, unit_payer
from services.common.contracts.answers.portfolio import PayerRole
from services.common.rows import row_of, rows_of


@dataclass(frozen=True)
class UnitSums:
    """Homes, added up."""

    units: int = 0
    households: int = 0
    area_m2: Decimal = Decimal(0)
    occupied: int = 0
    vacant: int = 0
    unsold: int = 0


@dataclass(frozen=True)
class EstateSums(UnitSums):
    """What is below an estate; zeros for an empty one."""

    buildings: int = 0


@dataclass(frozen=True)
class RegionSums(EstateSums):
    """What is below a region, or below the group."""

    region: str = ""
    estates: int = 0


@dataclass(frozen=True)
class Building(UnitSums):
    """A building with its steward of a day."""

    building: str = ""
    steward: str | None = None


@dataclass(frozen=True)
class UnitDays:
    """Days on which a household pays for a unit, by the unit's code."""

    code: str
    role: PayerRole
    from_date: date
    to_date: date | None


def estates_after(
    session: Session, codes: frozenset[str] | None, region: str | None, after: str | None, limit: int
) -> list[Estate]:
    """Estates by code, of those named (None: all) and of a region (None: of every)."""
    query = among(select(estate), codes).order_by(estate.c.code).limit(limit)
    if region is not None:
        query = query.where(estate.c.region == region)
    return rows_of(Estate, session.execute(query if after is None else query.where(estate.c.code > after)))


def _sums(where: str = "") -> str:
    """SQL of what is below an estate, in two steps: homes first, so that a household of several units counts once."""
    return f"""
SELECT u.estate_id, count(DISTINCT u.building) AS buildings, count(*) AS units,
       count(DISTINCT u.household_id) AS households, sum(u.area_m2) AS area_m2,
       count(*) FILTER (WHERE u.status = 'occupied') AS occupied, count(*) FILTER (WHERE u.status = 'vacant') AS vacant,
       count(*) FILTER (WHERE u.status = 'unsold') AS unsold
FROM unit u {where} GROUP BY u.estate_id
"""


_ESTATE_SUMS = text(_sums("WHERE u.estate_id = ANY (:ids)"))

_REGION_SUMS = text(f"""
WITH sums AS ({_sums()})
SELECT e.region, count(*) AS estates, coalesce(sum(s.buildings), 0)::bigint AS buildings,
       coalesce(sum(s.units), 0)::bigint AS units, coalesce(sum(s.households), 0)::bigint AS households,
       coalesce(sum(s.area_m2), 0) AS area_m2, coalesce(sum(s.occupied), 0)::bigint AS occupied,
       coalesce(sum(s.vacant), 0)::bigint AS vacant, coalesce(sum(s.unsold), 0)::bigint AS unsold
FROM estate e LEFT JOIN sums s ON s.estate_id = e.id
WHERE CAST(:codes AS text[]) IS NULL OR e.code = ANY (:codes)
GROUP BY e.region ORDER BY e.region
""")


def estate_sums(session: Session, ids: Sequence[int]) -> dict[int, EstateSums]:
    """Estate → what is below it: buildings, units by status, households, floor area; nothing for an empty one."""
    return {row.estate_id: row_of(EstateSums, row) for row in session.execute(_ESTATE_SUMS, {"ids": list(ids)})}


def region_sums(session: Session, codes: frozenset[str] | None) -> list[RegionSums]:
    """Regions with what is below them, over the estates named (None: all)."""
    return rows_of(RegionSums, session.execute(_REGION_SUMS, {"codes": None if codes is None else sorted(codes)}))


_BUILDINGS = text(f"""
WITH {STEWARD}
SELECT u.building, count(*) AS units, count(DISTINCT u.household_id) AS households, sum(u.area_m2) AS area_m2,
       count(*) FILTER (WHERE u.status = 'occupied') AS occupied, count(*) FILTER (WHERE u.status = 'vacant') AS vacant,
       count(*) FILTER (WHERE u.status = 'unsold') AS unsold, w.staff_code AS steward
FROM unit u LEFT JOIN steward w ON w.estate_id = u.estate_id AND w.building = u.building
WHERE u.estate_id = :estate_id GROUP BY u.building, w.staff_code ORDER BY u.building
""")


def buildings(session: Session, estate_id: int, on: date) -> list[Building]:
    """Buildings of an estate with what is below them and who answers for each on that day, as figures see it (A4)."""
    return rows_of(Building, session.execute(_BUILDINGS, {"estate_id": estate_id, "as_of": on}))


def units_after(
    session: Session, estate_id: int, building: str | None, after: Sequence[str] | None, limit: int
) -> list[Unit]:
    """Units of an estate by building and code."""
    query = UNITS.where(unit.c.estate_id == estate_id).order_by(unit.c.building, unit.c.code).limit(limit)
    if building is not None:
        query = query.where(unit.c.building == building)
    if after is not None:
        query = query.where(tuple_(unit.c.building, unit.c.code) > tuple(after))
    return rows_of(Unit, session.execute(query))


def units_of(session: Session, household_id: int) -> list[Unit]:
    """Units of a household in the order in which they came to it."""
    return rows_of(Unit, session.execute(UNITS.where(unit.c.household_id == household_id).order_by(unit.c.id)))


def days_of(session: Session, household_id: int) -> list[UnitDays]:
    """Days on which a household pays for units that ever changed hands, by unit and day."""
    query = select(unit_payer, unit.c.code).join(unit, unit.c.id == unit_payer.c.unit_id)
    query = query.where(unit_payer.c.household_id == household_id)
    return rows_of(UnitDays, session.execute(query.order_by(unit.c.code, unit_payer.c.from_date)))
