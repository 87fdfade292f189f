"""STORE of the portfolio: named queries over estates, units, households and stewardships (A1, A4)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.orm import Session

from services.billing.tables import estate, household, stewardship, unit
from services.common.access import Caller
from services.common.contracts.errors import Invalid, NotFound


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


def estates_after(session: Session, codes: frozenset[str] | None, after: str | None, limit: int) -> Sequence[Row[Any]]:
    """Estates by code, of those named (None: all)."""
    query = _among(select(estate), codes).order_by(estate.c.code).limit(limit)
    return session.execute(query if after is None else query.where(estate.c.code > after)).all()


def estate_counts(session: Session, estate_id: int) -> Row[Any]:
    """Buildings, units, households and floor area of one estate."""
    query = select(
        func.count(unit.c.building.distinct()).label("buildings"),
        func.count().label("units"),
        func.count(unit.c.household_id.distinct()).label("households"),
        func.coalesce(func.sum(unit.c.area_m2), 0).label("area_m2"),
    )
    return session.execute(query.where(unit.c.estate_id == estate_id)).one()


def buildings(session: Session, estate_id: int, on: date) -> Sequence[Row[Any]]:
    """Buildings of an estate with the steward who answers for each on that day (A4), if any."""
    held = (
        select(stewardship.c.building, stewardship.c.staff_code)
        .where(stewardship.c.estate_id == estate_id, stewardship.c.from_date <= on)
        .where((stewardship.c.to_date.is_(None)) | (stewardship.c.to_date >= on))
        .subquery()
    )
    query = (
        select(
            unit.c.building,
            func.count().label("units"),
            func.count(unit.c.household_id.distinct()).label("households"),
            func.sum(unit.c.area_m2).label("area_m2"),
            held.c.staff_code.label("steward"),
        )
        .outerjoin(held, held.c.building == unit.c.building)
        .where(unit.c.estate_id == estate_id)
        .group_by(unit.c.building, held.c.staff_code)
        .order_by(unit.c.building)
    )
    return session.execute(query).all()


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
