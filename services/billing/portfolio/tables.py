"""STORE of the portfolio: named queries over estates, units, households and stewardships (A1, A4)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.figures.tables import STEWARD
from services.billing.tables import estate, household, unit, unit_payer
from services.common.access import Caller
from services.common.contracts.errors import Conflict, Invalid, NotFound


def estates_in_scope(session: Session, caller: Caller, codes: Sequence[str] | None) -> dict[str, int]:
    """Ids of the named estates, or of all in the caller's scope; Invalid (unknown), Forbidden."""
    query = select(estate.c.code, estate.c.id).order_by(estate.c.code)
    wanted = caller.estate_filter() if codes is None else codes
    found = {row.code: row.id for row in session.execute(_among(query, wanted))}
    for code in codes or []:
        caller.require_estate(code)
    unknown = [code for code in codes or [] if code not in found]
    if unknown:
        raise Invalid("Some estates are unknown.", [{"loc": "estates", "msg": f"unknown estate {c}"} for c in unknown])
    return found


def _among(query: Select[Any], codes: Sequence[str] | frozenset[str] | None) -> Select[Any]:
    return query if codes is None else query.where(estate.c.code.in_(codes))


def find_estate(session: Session, caller: Caller, code: str) -> Row[Any]:
    """An estate in the caller's scope; Forbidden outside of it, NotFound."""
    caller.require_estate(code)
    row = session.execute(select(estate).where(estate.c.code == code)).first()
    if row is None:
        raise NotFound(f"There is no estate {code}.")
    return row


def find_household(session: Session, caller: Caller, code: str) -> Row[Any]:
    """A household the caller may see, with its `estate` code; NotFound, Forbidden."""
    query = select(household, estate.c.code.label("estate")).join(estate).where(household.c.code == code)
    row = session.execute(query).first()
    if row is None:
        caller.require_household(code, "")
        raise NotFound(f"There is no household {code}.")
    caller.require_household(code, row.estate)
    return row


def find_unit(session: Session, estate_id: int, code: str) -> Row[Any]:
    """A unit of an estate with the code of its `household`; NotFound."""
    query = select(unit, household.c.code.label("household")).join(household, household.c.id == unit.c.household_id)
    row = session.execute(query.where(unit.c.estate_id == estate_id, unit.c.code == code)).first()
    if row is None:
        raise NotFound("There is no such unit on this estate.")
    return row


def lock_household(session: Session, household_id: int) -> None:
    """Two who change a household's file follow one another."""
    session.execute(select(household.c.id).where(household.c.id == household_id).with_for_update())


def household_named(session: Session, code: str) -> Row[Any] | None:
    """A household by its code, wherever it is."""
    return session.execute(select(household).where(household.c.code == code)).first()


def add_household(session: Session, estate_id: int, code: str, name: str, phone: str) -> int:
    """A household that is new; Conflict when another transaction has just made one of this code."""
    row = {"estate_id": estate_id, "code": code, "owner_name": name, "owner_phone": phone}
    made = session.scalar(insert(household).values(row).on_conflict_do_nothing().returning(household.c.id))
    if made is None:
        raise Conflict("This household was made just now by somebody else; ask again.")
    return int(made)


def try_lock_estate(session: Session, estate_id: int) -> bool:
    """The estate's exclusive lock until the transaction ends, if nobody else holds any."""
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:id)"), {"id": estate_id}))


_ESTATES_DUE = text("""
SELECT u.estate_id FROM unit_payer p JOIN unit u ON u.id = p.unit_id WHERE p.pending AND p.from_date <= :today
UNION SELECT estate_id FROM stewardship WHERE pending AND from_date <= :today ORDER BY 1
""")


def estates_due(session: Session, today: date) -> list[int]:
    """Estates on which somebody takes over by `today` and it was not seen to yet."""
    return list(session.scalars(_ESTATES_DUE, {"today": today}))


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
