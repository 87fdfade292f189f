"""STORE of figures: queries over rollups and open bills (J1, D5). No figure scans paid bills or the ledger."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Index, Row, text
from sqlalchemy.orm import Session

from services.billing.dunning.holds import STANDS
from services.billing.ledger.tables import OPEN
from services.billing.tables import rate_rollup

Index("rate_rollup_period_idx", rate_rollup.c.period, rate_rollup.c.estate_id)
Index("rate_rollup_due_date_idx", rate_rollup.c.due_date, rate_rollup.c.estate_id)

# Who answers for each building on `:as_of` (A4): the one in office; before the first came, the first.
STEWARD = """steward AS (
  SELECT DISTINCT ON (estate_id, building) estate_id, building, staff_code FROM stewardship
  WHERE to_date IS NULL OR to_date >= :as_of ORDER BY estate_id, building, from_date
)"""

KEYS = {
    "group": "'group'",
    "region": "e.region",
    "estate": "e.code",
    "building": "r.building",
    "steward": "w.staff_code",
    "fee_item": "r.fee_item",
}
# Which bills count, by what they have in a rollup row; a bill issued late counts from the end of its month at the
# latest, and always on its due date.
WINDOWS = {
    "period": "r.period = :first",
    "due_in": "r.due_date >= :first AND r.due_date < :next",
    "issued": "LEAST(r.booked_on, r.due_date, (r.period + INTERVAL '1 month')::date) <= :as_of",
}

_RATES = """
WITH scope AS (
  SELECT id, code, region FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)
), {steward}
SELECT {key} AS key, {place} sum(r.billed_fen) FILTER (WHERE {billed})::bigint AS billed_fen,
       sum(r.collected_fen) FILTER (WHERE r.booked_on <= :as_of)::bigint AS collected_fen,
       sum(r.waived_fen) FILTER (WHERE r.booked_on <= :as_of)::bigint AS waived_fen,
       sum(r.billed_count) FILTER (WHERE {billed})::bigint AS billed_count
FROM rate_rollup r JOIN scope e ON e.id = r.estate_id
LEFT JOIN steward w ON w.estate_id = r.estate_id AND w.building = r.building
WHERE {window}
  AND (CAST(:building AS text) IS NULL OR r.building = :building)
  AND (CAST(:steward AS text) IS NULL OR w.staff_code = :steward)
  AND (CAST(:fee_item AS text) IS NULL OR r.fee_item = :fee_item)
GROUP BY {numbers} ORDER BY {numbers}
"""

# Per estate, all three windows in one pass. Open at the month's start: billed less what was booked before the month.
ESTATE_RATES = text("""
SELECT e.code AS estate,
  COALESCE(sum(r.billed_fen) FILTER (WHERE r.due_date BETWEEN :first AND :last), 0)::bigint AS current_billed,
  COALESCE(sum(r.collected_fen) FILTER (WHERE r.due_date BETWEEN :first AND :last AND r.booked_on <= :today), 0)::bigint
    AS current_collected,
  COALESCE(sum(r.billed_fen) FILTER (WHERE r.due_date <= :today), 0)::bigint AS cumulative_billed,
  COALESCE(sum(r.collected_fen) FILTER (WHERE r.due_date <= :today AND r.booked_on <= :today), 0)::bigint
    AS cumulative_collected,
  COALESCE(sum(r.billed_fen) FILTER (WHERE r.due_date < :first), 0)::bigint
    - COALESCE(sum(r.collected_fen + r.waived_fen) FILTER (WHERE r.due_date < :first AND r.booked_on < :first),
               0)::bigint AS recovery_open,
  COALESCE(sum(r.collected_fen) FILTER (WHERE r.due_date < :first AND r.booked_on BETWEEN :first AND :today), 0)::bigint
    AS recovery_collected
FROM estate e LEFT JOIN rate_rollup r ON r.estate_id = e.id
WHERE CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates)
GROUP BY e.code ORDER BY e.code
""")

# Open principal per estate and age; `low` is the bucket's first day, null while not due.
RECEIVABLE = text(f"""
SELECT e.code AS estate, width_bucket(:today - b.due_date, ARRAY[1, 16, 31, 61, 366]) AS bucket,
       sum(b.amount_fen - b.paid_fen - b.waived_fen)::bigint AS fen
FROM bill b JOIN estate e ON e.id = b.estate_id
WHERE {OPEN} AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
GROUP BY e.code, bucket ORDER BY e.code, bucket
""")

HOUSEHOLDS = text(f"""
WITH scope AS (SELECT id FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates))
SELECT (SELECT count(*) FROM household h JOIN scope ON scope.id = h.estate_id) AS households,
       (SELECT count(DISTINCT b.household_id) FROM bill b JOIN scope ON scope.id = b.estate_id
        WHERE {OPEN} AND b.due_date < :today) AS overdue_households,
       (SELECT count(DISTINCT h.household_id) FROM dunning_hold h JOIN household o ON o.id = h.household_id
        JOIN scope ON scope.id = o.estate_id WHERE {STANDS}) AS held_households
""")


def collection_rates(session: Session, group_by: str, window: str, cut: dict[str, Any]) -> Sequence[Row[Any]]:
    """Sums per key of a grouping over a window; keys are null where a building has no steward."""
    building = group_by == "building"
    key = KEYS[group_by]
    query = _RATES.format(
        steward=STEWARD,
        key=key,
        place="e.code AS estate," if building else "",
        billed=WINDOWS["issued"] if window == "issued" else "true",
        window="true" if window == "issued" else WINDOWS[window],
        numbers="1, 2" if building else "1",
    )
    return session.execute(text(query), cut).all()


def estate_rates(
    session: Session, estates: Sequence[str] | None, first: date, last: date, today: date
) -> Sequence[Row[Any]]:
    """Current, cumulative and recovery sums per estate (J1)."""
    cut = {"estates": estates, "first": first, "last": last, "today": today}
    return session.execute(ESTATE_RATES, cut).all()


def receivable(session: Session, estates: Sequence[str] | None, today: date) -> Sequence[Row[Any]]:
    """Open principal per estate and bucket number, 0 for what is not due yet."""
    return session.execute(RECEIVABLE, {"estates": estates, "today": today}).all()


def households(session: Session, estates: Sequence[str] | None, today: date) -> Row[Any]:
    """How many households there are, are overdue, and are held."""
    return session.execute(HOUSEHOLDS, {"estates": estates, "today": today}).one()
