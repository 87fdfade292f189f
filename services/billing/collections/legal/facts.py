"""STORE of what the suit gate is asked about: one household's oldest claim, demands and holds (D4)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.collections.legal.rules import DEMANDS, LAWYERS_LETTER, Demand
from services.billing.holds.tables import stands
from services.billing.receivables.ledger.sql import open_bill

_OLDEST = text(f"""
SELECT min(due_date) FROM bill
WHERE estate_id = :estate_id AND household_id = :id AND {open_bill("bill")} AND disputed_at IS NULL
""")
_DEMANDS = text("""
SELECT stated_on, delivered_on, deadline FROM delivery_fact
WHERE household_id = :id AND outcome = 'delivered' AND template = ANY (:templates)
""")
_HOLDS = text(f"""
SELECT h.source_kind, (h.since AT TIME ZONE 'Asia/Shanghai')::date AS since FROM dunning_hold h
WHERE h.household_id = :id AND h.source_kind IN ('complaint', 'plan') AND {stands("h")}
""")


def oldest_due(session: Session, estate_id: int, household_id: int) -> date | None:
    """When the oldest open bill that nobody disputes was due."""
    due: date | None = session.scalar(_OLDEST, {"id": household_id, "estate_id": estate_id})
    return due


def demands(session: Session, household_id: int) -> list[Demand]:
    """Demands that are proven delivered."""
    key = {"id": household_id, "templates": [*DEMANDS, LAWYERS_LETTER]}
    return [Demand(*row) for row in session.execute(_DEMANDS, key)]


def holds_since(session: Session, household_id: int) -> dict[str, Sequence[date]]:
    """Since which days complaints and plans hold escalation now."""
    since: dict[str, list[date]] = {"complaint": [], "plan": []}
    for row in session.execute(_HOLDS, {"id": household_id}):
        since[row.source_kind].append(row.since)
    return {**since}
