"""STORE of limitation: which estates were looked at on which day, and which warnings were given (D4)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.collections.legal.tables import limitation_warning
from services.billing.tables import estate

_NEXT = text("""
SELECT e.id FROM estate e LEFT JOIN limitation_check c ON c.estate_id = e.id
WHERE e.id > :after AND (c.checked_on IS NULL OR c.checked_on < :today) ORDER BY e.id LIMIT 1
""")
_CHECKED = text("""
INSERT INTO limitation_check AS o (estate_id, checked_on) VALUES (:estate_id, :today)
ON CONFLICT (estate_id) DO UPDATE SET checked_on = excluded.checked_on WHERE o.checked_on < excluded.checked_on
RETURNING estate_id
""")


def next_estate(session: Session, after: int, today: date) -> int | None:
    """The first estate beyond `after` that was not looked at today."""
    found: int | None = session.scalar(_NEXT, {"after": after, "today": today})
    return found


def mark_checked(session: Session, estate_id: int, today: date) -> bool:
    """The estate is looked at today; False when it was already."""
    return session.execute(_CHECKED, {"estate_id": estate_id, "today": today}).first() is not None


def add_warnings(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, date]]:
    """Keep the warnings that were not given yet; their (bill, threshold, expiry)."""
    key = (limitation_warning.c.bill_id, limitation_warning.c.threshold, limitation_warning.c.expires_on)
    written = insert(limitation_warning).values(rows).on_conflict_do_nothing().returning(*key)
    return [(row.bill_id, row.threshold, row.expires_on) for row in session.execute(written)]


def code_of(session: Session, estate_id: int) -> str:
    """The estate's code."""
    code: str = session.scalars(select(estate.c.code).where(estate.c.id == estate_id)).one()
    return code
