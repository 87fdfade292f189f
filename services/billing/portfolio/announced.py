"""STORE of announcements: estates, residents and staff as other services are told of them (A3)."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.billing.portfolio.tables import Estate
from services.billing.tables import estate, staff
from services.common.contracts.answers.portfolio import Language
from services.common.rows import rows_of


@dataclass(frozen=True)
class Resident:
    """A household with the first of its units and how to reach its owner."""

    estate: str
    household: str
    unit: str
    building: str
    name: str
    phone: str
    email: str | None
    language: Language


@dataclass(frozen=True)
class Person:
    """A member of staff, with the code of their estate; `filed_buildings` as the last file had them."""

    code: str
    name: str
    role: str
    estate: str
    estate_id: int
    phone: str
    buildings: list[str]
    skills: list[str]
    filed_buildings: list[str]


# A household with several units appears with the first of them, one that has none left with the last it paid for.
# Two joins rather than one look-up per household: the planner would take the units' own order for that, and read all.
RESIDENTS = text("""
WITH home AS (
  SELECT DISTINCT ON (u.household_id) u.household_id, u.code, u.building FROM unit u
  WHERE u.household_id = ANY (:household_ids) ORDER BY u.household_id, u.id
), left_one AS (
  SELECT DISTINCT ON (p.household_id) p.household_id, u.code, u.building
  FROM unit_payer p JOIN unit u ON u.id = p.unit_id
  WHERE p.household_id = ANY (:household_ids) ORDER BY p.household_id, p.from_date DESC, u.id
)
SELECT e.code AS estate, h.code AS household, coalesce(a.code, b.code) AS unit,
       coalesce(a.building, b.building) AS building,
       h.owner_name AS name, h.owner_phone AS phone, h.email, h.language
FROM household h JOIN estate e ON e.id = h.estate_id
LEFT JOIN home a ON a.household_id = h.id LEFT JOIN left_one b ON b.household_id = h.id
WHERE h.id = ANY (:household_ids) AND (a.code IS NOT NULL OR b.code IS NOT NULL)
ORDER BY e.code, h.id
""")


def residents(session: Session, household_ids: Collection[int]) -> list[Resident]:
    """Households with their first unit and how to reach their owner, estate by estate."""
    return rows_of(Resident, session.execute(RESIDENTS, {"household_ids": list(household_ids)}))


def people(session: Session, codes: Collection[str]) -> list[Person]:
    """Staff by code."""
    query = select(staff, estate.c.code.label("estate")).join(estate).where(staff.c.code.in_(codes))
    return rows_of(Person, session.execute(query.order_by(staff.c.code)))


def estates_named(session: Session, codes: Collection[str]) -> list[Estate]:
    """Estates by code."""
    return rows_of(Estate, session.execute(select(estate).where(estate.c.code.in_(codes)).order_by(estate.c.code)))
