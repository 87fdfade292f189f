"""STORE of stewardship: terms of a building, and the list of buildings each steward answers for today (A4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from services.billing.portfolio.stewards.rules import Term
from services.billing.tables import staff, stewardship, unit
from services.common.rows import rows_of


@dataclass(frozen=True)
class NamedTerm:
    """A term with its building and the steward's name; None: that person is on no list of staff."""

    building: str
    staff_code: str
    name: str | None
    from_date: date
    to_date: date | None


def in_office(term: str, day: str) -> str:
    """SQL: a row of stewardship named `term` answers for its building on `day`; before the first came, the first.

    Between two stewards nobody does.
    """
    return f"""({term}.to_date IS NULL OR {term}.to_date >= {day}) AND ({term}.from_date <= {day} OR NOT EXISTS (
        SELECT FROM stewardship earlier WHERE earlier.estate_id = {term}.estate_id
          AND earlier.building = {term}.building AND earlier.from_date < {term}.from_date))"""


def has_building(session: Session, estate_id: int, building: str) -> bool:
    """Whether the estate has units in such a building."""
    query = select(unit.c.id).where(unit.c.estate_id == estate_id, unit.c.building == building)
    return session.execute(query.limit(1)).first() is not None


def is_steward(session: Session, code: str, estate_id: int) -> bool:
    """Whether somebody is a steward of the estate."""
    query = select(staff.c.id).where(staff.c.code == code, staff.c.estate_id == estate_id, staff.c.role == "steward")
    return session.execute(query).first() is not None


def is_staff(session: Session, code: str, estate_id: int) -> bool:
    """Whether somebody works on the estate."""
    query = select(staff.c.id).where(staff.c.code == code, staff.c.estate_id == estate_id)
    return session.execute(query).first() is not None


def terms(session: Session, estate_id: int, building: str) -> list[Term]:
    """Who answered, answers and will answer for a building, by day."""
    query = select(stewardship).where(stewardship.c.estate_id == estate_id, stewardship.c.building == building)
    rows = session.execute(query.order_by(stewardship.c.from_date))
    return [Term(r.staff_code, r.from_date, r.to_date, r.set_by, r.set_at) for r in rows]


def write_terms(session: Session, estate_id: int, building: str, terms: Sequence[Term], today: date) -> None:
    """Replace the terms of a building."""
    whose = {"estate_id": estate_id, "building": building}
    session.execute(delete(stewardship).where(stewardship.c.estate_id == estate_id, stewardship.c.building == building))
    rows = [
        {
            **whose,
            "staff_code": t.staff,
            "from_date": t.first,
            "to_date": t.last,
            "set_by": t.set_by,
            "set_at": t.set_at,
        }
        | {"pending": t.first > today}
        for t in terms
    ]
    if rows:
        session.execute(insert(stewardship), rows)


def held_by(session: Session, code: str, today: date) -> set[tuple[int, str]]:
    """(estate_id, building) a person answers for today, on whatever estate."""
    lasting = stewardship.c.to_date.is_(None) | (stewardship.c.to_date >= today)
    query = select(stewardship.c.estate_id, stewardship.c.building)
    query = query.where(stewardship.c.staff_code == code, stewardship.c.from_date <= today, lasting)
    return {(row.estate_id, row.building) for row in session.execute(query)}


def estates_held(session: Session, codes: Collection[str], today: date) -> set[int]:
    """The estates of these people, and those on which any of them answers for a building today."""
    lasting = stewardship.c.to_date.is_(None) | (stewardship.c.to_date >= today)
    estate_ids = select(stewardship.c.estate_id).where(
        stewardship.c.staff_code.in_(codes), stewardship.c.from_date <= today
    )
    query = select(staff.c.estate_id).where(staff.c.code.in_(codes))
    return set(session.scalars(query.union(estate_ids.where(lasting))))


def of_estate(session: Session, estate_id: int) -> list[NamedTerm]:
    """All terms of an estate, by building and day."""
    query = select(stewardship, staff.c.name).outerjoin(staff, staff.c.code == stewardship.c.staff_code)
    query = query.where(stewardship.c.estate_id == estate_id)
    return rows_of(NamedTerm, session.execute(query.order_by(stewardship.c.building, stewardship.c.from_date)))


# The buildings somebody is in office for today, in the order the person's list had them; new ones after those.
_LISTS = text("""
WITH held AS (
  SELECT s.id, s.buildings, ARRAY(
    SELECT w.building FROM stewardship w
    WHERE w.staff_code = s.code AND w.estate_id = s.estate_id AND w.from_date <= :today
      AND (w.to_date IS NULL OR w.to_date >= :today)
    ORDER BY array_position(s.buildings, w.building) NULLS LAST, w.building) AS now
  FROM staff s WHERE s.code = ANY (:codes) AND s.role = 'steward'
)
UPDATE staff s SET buildings = held.now FROM held WHERE s.id = held.id AND held.buildings <> held.now RETURNING s.code
""")
_STRIKE = text("""
UPDATE staff SET filed_buildings = ARRAY(SELECT b FROM unnest(filed_buildings) WITH ORDINALITY f(b, n)
                                         WHERE b <> ALL (:buildings) ORDER BY n)
WHERE code = ANY (:codes) AND estate_id = :estate_id AND filed_buildings && CAST(:buildings AS text[])
""")


def follow(session: Session, codes: Collection[str], today: date) -> set[str]:
    """Bring the lists of these stewards up to the day; those whose list changed."""
    return set(session.scalars(_LISTS, {"codes": sorted(codes), "today": today}))


def strike(session: Session, codes: Collection[str], estate_id: int, buildings: Collection[str]) -> None:
    """A file gives these buildings to somebody else: what files said of these people holds for them no more."""
    parameters = {"codes": sorted(codes), "estate_id": estate_id, "buildings": sorted(buildings)}
    session.execute(_STRIKE, parameters)


_DUE = text("""
WITH due AS (
  UPDATE stewardship SET pending = false WHERE pending AND from_date <= :today AND estate_id = :estate_id
  RETURNING building
)
SELECT DISTINCT staff_code FROM stewardship
WHERE estate_id = :estate_id AND building IN (SELECT building FROM due)
""")


def due(session: Session, estate_id: int, today: date) -> set[str]:
    """Everybody who ever answered for a building of the estate on which somebody takes over by today; seen to now."""
    return set(session.scalars(_DUE, {"estate_id": estate_id, "today": today}))


# Who answers for each building on `:as_of` (A4): the one in office; before the first came, the first; in a gap nobody.
STEWARD = f"""steward AS (
  SELECT estate_id, building, staff_code FROM stewardship s WHERE {in_office("s", ":as_of")}
)"""
