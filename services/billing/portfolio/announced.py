"""STORE of announcements: estates, residents and staff as other services are told of them (A3)."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from services.billing.tables import estate, staff

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


def residents(session: Session, household_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Households with their first unit and how to reach their owner, estate by estate."""
    return session.execute(RESIDENTS, {"household_ids": list(household_ids)}).all()


def people(session: Session, codes: Collection[str]) -> Sequence[Row[Any]]:
    """Staff with the code of their estate."""
    query = select(staff, estate.c.code.label("estate")).join(estate).where(staff.c.code.in_(codes))
    return session.execute(query.order_by(staff.c.code)).all()


def estates_named(session: Session, codes: Collection[str]) -> Sequence[Row[Any]]:
    """Estates by code."""
    return session.execute(select(estate).where(estate.c.code.in_(codes)).order_by(estate.c.code)).all()
