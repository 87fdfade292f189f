"""STORE of what units were by day, where that is not what they are today (A1, B3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.contracts.answers.portfolio import UnitStatus
from services.common.rows import rows_of


@dataclass(frozen=True)
class UnitStatusDays:
    """A unit is occupied, vacant or unsold from `first` to `last`, both inclusive."""

    unit_id: int
    status: UnitStatus
    first: date
    last: date


# Few units have any days at all: those that are today what they were all the time fall out.
_CHANGED_STATUS = text("""
WITH spell AS (
  SELECT s.unit_id, s.status, greatest(s.from_date, :first) AS first, least(coalesce(s.to_date, :last), :last) AS last,
         bool_or(s.status <> u.status) OVER (PARTITION BY s.unit_id) AS differs
  FROM unit_status s JOIN unit u ON u.id = s.unit_id
  WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id
    AND s.from_date <= :last AND (s.to_date IS NULL OR s.to_date >= :first)
)
SELECT unit_id, status, first, last FROM spell WHERE differs ORDER BY unit_id, first
""")


def changed_status(
    session: Session, estate_id: int, from_unit_id: int, to_unit_id: int, first: date, last: date
) -> Sequence[UnitStatusDays]:
    """The status day by day from `first` to `last`, by unit and day, of those units of a slice that were something else
    on any of these days than they are today."""
    key = {"estate_id": estate_id, "from_unit_id": from_unit_id, "to_unit_id": to_unit_id}
    return rows_of(UnitStatusDays, session.execute(_CHANGED_STATUS, key | {"first": first, "last": last}))
