"""STORE of payers: who pays for a unit by day, as its owner, its tenant or the developer who has not sold it (A1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class PayerDays:
    """A household pays for a unit from `first` to `last`, both inclusive."""

    unit_id: int
    household_id: int
    first: date
    last: date
    # owner, tenant, or the developer of an unsold unit
    role: str = "owner"


# Units are found by the index of the current payer; most estates have few that ever changed hands.
_CHANGED_HANDS = text("""
SELECT p.unit_id, p.household_id, p.role, greatest(p.from_date, :first) AS first,
       least(coalesce(p.to_date, :last), :last) AS last
FROM unit_payer p JOIN unit u ON u.id = p.unit_id
WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id
  AND p.from_date <= :last AND (p.to_date IS NULL OR p.to_date >= :first)
ORDER BY p.unit_id, p.from_date
""")


def changed_hands(
    session: Session, estate_id: int, from_unit_id: int, to_unit_id: int, first: date, last: date
) -> Sequence[PayerDays]:
    """Who pays for the units of a slice that ever changed hands, day by day from `first` to `last`, by unit and day."""
    key = {"estate_id": estate_id, "from_unit_id": from_unit_id, "to_unit_id": to_unit_id}
    rows = session.execute(_CHANGED_HANDS, key | {"first": first, "last": last})
    return [PayerDays(row.unit_id, row.household_id, row.first, row.last, row.role) for row in rows]
