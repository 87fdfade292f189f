"""STORE of what the portfolio shows: estates and regions with their sums, buildings, units (A1, A4)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.orm import Session

from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.portfolio.tables import _among
from services.billing.tables import estate, household, unit, unit_payer


def estates_after(
    session: Session, codes: frozenset[str] | None, region: str | None, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Estates by code, of those named (None: all) and of a region (None: of every)."""
    query = _among(select(estate), codes).order_by(estate.c.code).limit(limit)
    if region is not None:
        query = query.where(estate.c.region == region)
    return session.execute(query if after is None else query.where(estate.c.code > after)).all()


# What is below an estate, in two steps: homes first, so that a household of several units counts once.
_SUMS = """
SELECT u.estate_id, count(DISTINCT u.building) AS buildings, count(*) AS units,
       count(DISTINCT u.household_id) AS households, sum(u.area_m2) AS area_m2,
       count(*) FILTER (WHERE u.status = 'occupied') AS occupied, count(*) FILTER (WHERE u.status = 'vacant') AS vacant,
       count(*) FILTER (WHERE u.status = 'unsold') AS unsold
FROM unit u {where} GROUP BY u.estate_id
"""

_ESTATE_SUMS = text(_SUMS.format(where="WHERE u.estate_id = ANY (:ids)"))

_REGION_SUMS = text(f"""
WITH sums AS ({_SUMS.format(where="")})
SELECT e.region, count(*) AS estates, coalesce(sum(s.buildings), 0)::bigint AS buildings,
       coalesce(sum(s.units), 0)::bigint AS units, coalesce(sum(s.households), 0)::bigint AS households,
       coalesce(sum(s.area_m2), 0) AS area_m2, coalesce(sum(s.occupied), 0)::bigint AS occupied,
       coalesce(sum(s.vacant), 0)::bigint AS vacant, coalesce(sum(s.unsold), 0)::bigint AS unsold
FROM estate e LEFT JOIN sums s ON s.estate_id = e.id
WHERE CAST(:codes AS text[]) IS NULL OR e.code = ANY (:codes)
GROUP BY e.region ORDER BY e.region
""")


def estate_sums(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Estate → what is below it: buildings, units by status, households, floor area; nothing for an empty one."""
    return {row.estate_id: row for row in session.execute(_ESTATE_SUMS, {"ids": list(ids)})}


def region_sums(session: Session, codes: frozenset[str] | None) -> Sequence[Row[Any]]:
    """Regions with what is below them, over the estates named (None: all)."""
    return session.execute(_REGION_SUMS, {"codes": None if codes is None else sorted(codes)}).all()


_BUILDINGS = text(f"""
WITH {STEWARD}
SELECT u.building, count(*) AS units, count(DISTINCT u.household_id) AS households, sum(u.area_m2) AS area_m2,
       count(*) FILTER (WHERE u.status = 'occupied') AS occupied, count(*) FILTER (WHERE u.status = 'vacant') AS vacant,
       count(*) FILTER (WHERE u.status = 'unsold') AS unsold, w.staff_code AS steward
FROM unit u LEFT JOIN steward w ON w.estate_id = u.estate_id AND w.building = u.building
WHERE u.estate_id = :estate_id GROUP BY u.building, w.staff_code ORDER BY u.building
""")


def buildings(session: Session, estate_id: int, on: date) -> Sequence[Row[Any]]:
    """Buildings of an estate with what is below them and who answers for each on that day, as figures see it (A4)."""
    return session.execute(_BUILDINGS, {"estate_id": estate_id, "as_of": on}).all()


def units_after(
    session: Session, estate_id: int, building: str | None, after: Sequence[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Units of an estate by building and code, with the code of their household."""
    query = select(unit, household.c.code.label("household")).join(household, household.c.id == unit.c.household_id)
    query = query.where(unit.c.estate_id == estate_id).order_by(unit.c.building, unit.c.code).limit(limit)
    if building is not None:
        query = query.where(unit.c.building == building)
    if after is not None:
        query = query.where(tuple_(unit.c.building, unit.c.code) > tuple(after))
    return session.execute(query).all()


def units_of(session: Session, household_id: int) -> Sequence[Row[Any]]:
    """Units of a household in the order in which they came to it."""
    return session.execute(select(unit).where(unit.c.household_id == household_id).order_by(unit.c.id)).all()


def days_of(session: Session, household_id: int) -> Sequence[Row[Any]]:
    """Days on which a household pays for units that ever changed hands, by unit and day."""
    query = select(unit_payer, unit.c.code).join(unit, unit.c.id == unit_payer.c.unit_id)
    query = query.where(unit_payer.c.household_id == household_id)
    return session.execute(query.order_by(unit.c.code, unit_payer.c.from_date)).all()
