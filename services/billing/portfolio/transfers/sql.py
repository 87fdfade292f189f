"""SQL of transfers that take effect: units and their co-owners follow what was recorded (A1)."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# What takes effect: for each unit its payer of the day, and of the transfers in force those that are so for the first
# time. One that another has overtaken meanwhile changes nothing any more.
_FORCE = """
force AS (
  SELECT DISTINCT ON (unit_id) * FROM unit_transfer
  WHERE unit_id = ANY (:unit_ids) AND undone_at IS NULL AND from_date <= :today ORDER BY unit_id, from_date DESC
), fresh AS (SELECT * FROM force WHERE took_effect_at IS NULL AND source <> 'before')
"""
_MOVE = text("""
WITH due AS (
  SELECT u.id, u.household_id AS before, p.household_id AS after FROM unit u JOIN unit_payer p ON p.unit_id = u.id
  WHERE u.id = ANY (:unit_ids) AND p.from_date <= :today AND (p.to_date IS NULL OR p.to_date >= :today)
    AND p.household_id <> u.household_id
)
UPDATE unit u SET household_id = due.after FROM due WHERE u.id = due.id RETURNING due.before, due.after
""")
_EFFECTS = (
    text(f"""
WITH {_FORCE} UPDATE unit_owner o SET removed_at = :now, removed_by = f.recorded_by, removed_with = f.id
FROM fresh f WHERE o.unit_id = f.unit_id AND o.removed_at IS NULL AND f.role <> 'tenant'
"""),
    text("""
UPDATE unit_transfer SET took_effect_at = :now
WHERE unit_id = ANY (:unit_ids) AND took_effect_at IS NULL AND undone_at IS NULL AND from_date <= :today
"""),
    text("UPDATE unit_payer SET pending = false WHERE unit_id = ANY (:unit_ids) AND pending AND from_date <= :today"),
)
# A transfer that never was gives back what it changed, unless that was changed again since.
_GIVE_BACK = text("""
UPDATE unit_owner o SET removed_at = NULL, removed_by = NULL, removed_with = NULL WHERE o.removed_with = :id
AND NOT EXISTS (SELECT FROM unit_owner n WHERE n.unit_id = o.unit_id AND n.removed_at IS NULL)
""")


def take_effect(session: Session, unit_ids: Collection[int], today: date, now: datetime) -> set[int]:
    """Let what is due by `today` take effect on these units; the households that lost or won a unit."""
    parameters = {"unit_ids": list(unit_ids), "today": today}
    moves = session.execute(_MOVE, parameters).all()
    for statement in _EFFECTS:
        session.execute(statement, parameters | {"now": now})
    return {household_id for row in moves for household_id in row}


def give_back(session: Session, transfer_id: UUID) -> None:
    """Co-owners as they were before a transfer took effect."""
    session.execute(_GIVE_BACK, {"id": transfer_id})
