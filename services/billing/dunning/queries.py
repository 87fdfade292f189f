"""STORE of dunning, reading side: cases, arrears and sweeps by name (D1, D3, D5)."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from services.billing.dunning.holds import STANDS
from services.billing.dunning.ladder_sql import COVERED, RUNGS, WITHOUT
from services.billing.dunning.rules import HoldFact, Standing, Step, Taken
from services.billing.dunning.tables import dunning_contact, dunning_sweep
from services.billing.figures.tables import STEWARD
from services.billing.ledger.tables import OPEN

_LADDER = text(f"""
WITH place AS (SELECT CAST(:estate_id AS int) AS estate_id), cause AS (SELECT CAST(:cause AS text) AS cause), {RUNGS}
SELECT code, position, earliest_day, latest_day, requires, gap_days, kind, template FROM rung ORDER BY position
""")
_OLDEST = text(f"""
SELECT o.*, {COVERED} AS covered_until FROM (
  SELECT id AS bill_id, household_id, estate_id, due_date FROM bill
  WHERE household_id = :id AND {OPEN} AND disputed_at IS NULL ORDER BY due_date, id LIMIT 1) o
""")
_TAKEN = text(f"""
SELECT a.step, a.bill_id, a.as_of, a.deadline, {WITHOUT} AS without
FROM dunning_action a CROSS JOIN (SELECT CAST(:bill_id AS bigint) AS bill_id) o WHERE a.household_id = :id ORDER BY a.id
""")
_ACTIONS = text("""
SELECT bill_id, step, position, as_of, due_date, overdue_days, overdue_fen, late_fee_fen, deadline
FROM dunning_action WHERE household_id = :id ORDER BY id
""")
_HOLDS = text("""
SELECT h.source_kind, h.source_id, h.reason, h.ended, f.at, f.holds
FROM dunning_hold h JOIN dunning_hold_fact f USING (source_kind, source_id)
WHERE h.household_id = :id ORDER BY f.at, h.source_kind, h.source_id
""")
_CASES = text(f"""
SELECT * FROM (
  SELECT DISTINCT ON (a.household_id) a.household_id, o.code AS household, e.code AS estate, b.building, a.step,
    a.as_of, a.due_date, a.overdue_fen, o.arrears_cause AS cause,
    EXISTS (SELECT FROM dunning_hold h WHERE h.household_id = a.household_id AND {STANDS}) AS held
  FROM dunning_action a
  JOIN bill b ON b.id = a.bill_id AND {OPEN}
  JOIN household o ON o.id = a.household_id
  JOIN estate e ON e.id = a.estate_id
  WHERE a.household_id > :after AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
  ORDER BY a.household_id, a.as_of DESC, a.position DESC
) latest WHERE CAST(:step AS text) IS NULL OR step = :step ORDER BY household_id LIMIT :limit
""")
_ARREARS = text(f"""
WITH {STEWARD}, overdue AS (
  SELECT b.household_id, b.building, b.due_date, b.id, w.staff_code, :as_of - b.due_date AS days,
         b.amount_fen - b.paid_fen - b.waived_fen AS fen
  FROM bill b
  JOIN household h ON h.id = b.household_id
  JOIN estate e ON e.id = b.estate_id
  LEFT JOIN steward w ON w.estate_id = b.estate_id AND w.building = b.building
  WHERE {OPEN} AND b.due_date < :as_of AND b.household_id > :after
    AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
    AND (CAST(:building AS text) IS NULL OR b.building = :building)
    AND (CAST(:steward AS text) IS NULL OR w.staff_code = :steward)
    AND (CAST(:cause AS text) IS NULL OR h.arrears_cause = :cause)
), household_overdue AS (
  SELECT household_id, sum(fen)::bigint AS overdue_fen, count(*) AS bills, min(due_date) AS oldest_due_date,
    max(days) AS overdue_days, (array_agg(building ORDER BY due_date, id))[1] AS building,
    (array_agg(staff_code ORDER BY due_date, id))[1] AS steward,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 1 AND 15), 0)::bigint AS b1,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 16 AND 30), 0)::bigint AS b2,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS b3,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 61 AND 365), 0)::bigint AS b4,
    COALESCE(sum(fen) FILTER (WHERE days > 365), 0)::bigint AS b5
  FROM overdue GROUP BY household_id
  HAVING max(days) >= :low AND (CAST(:high AS int) IS NULL OR max(days) <= :high)
  ORDER BY household_id LIMIT :limit
)
SELECT o.*, h.code AS household, e.code AS estate, h.arrears_cause AS cause
FROM household_overdue o JOIN household h ON h.id = o.household_id JOIN estate e ON e.id = h.estate_id
ORDER BY o.household_id
""")
_LAST_SWEPT = text("""
SELECT w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
WHERE s.estate_id = :estate_id AND s.finished_at IS NOT NULL ORDER BY s.finished_at DESC, s.id DESC LIMIT 1
""")
_SWEEP_PROGRESS = text("""
SELECT count(s.id) AS estates_total, count(s.finished_at) AS estates_done, COALESCE(sum(s.actions), 0) AS actions,
       COALESCE(sum(s.held), 0) AS held, max(s.finished_at) AS finished_at, array_agg(e.code) AS estates
FROM dunning_sweep_slice s JOIN estate e ON e.id = s.estate_id WHERE s.sweep_id = :sweep_id
""")


def ladder(session: Session, estate_id: int, cause: str = "unknown") -> dict[str, Row[Any]]:
    """The rungs that apply on an estate on the track of a cause, by code, in order."""
    return {row.code: row for row in session.execute(_LADDER, {"estate_id": estate_id, "cause": cause})}


def steps(rows: dict[str, Row[Any]]) -> list[Step]:
    """Rungs as the rules want them."""
    return [
        Step(row.code, row.position, row.earliest_day, row.latest_day, tuple(row.requires), row.gap_days)
        for row in rows.values()
    ]


def standing(session: Session, household_id: int) -> Standing | None:
    """The bill a household's ladder goes by, and what counts for it; None without an open, undisputed bill."""
    found = session.execute(_OLDEST, {"id": household_id}).one_or_none()
    if found is None:
        return None
    rows = session.execute(_TAKEN, {"id": household_id, "bill_id": found.bill_id})
    taken = [Taken(row.step, row.bill_id, row.as_of, row.deadline, row.without) for row in rows]
    return Standing(found.bill_id, found.due_date, taken, found.covered_until)


def last_swept(session: Session, estate_id: int) -> date | None:
    """The day an estate's newest sweep was for."""
    day: date | None = session.scalar(_LAST_SWEPT, {"estate_id": estate_id})
    return day


def actions(session: Session, household_id: int) -> Sequence[Row[Any]]:
    """Every step ever taken for a household."""
    return session.execute(_ACTIONS, {"id": household_id}).all()


def hold_facts(session: Session, household_id: int) -> dict[tuple[str, UUID], tuple[str, bool, list[HoldFact]]]:
    """Per source: the reason, whether it is over for good, and what is known of it."""
    found: dict[tuple[str, UUID], tuple[str, bool, list[HoldFact]]] = {}
    for row in session.execute(_HOLDS, {"id": household_id}):
        source = found.setdefault((row.source_kind, row.source_id), (row.reason, row.ended, []))
        source[2].append(HoldFact(row.at, row.holds))
    return found


def contacts(session: Session, household_id: int) -> Sequence[Row[Any]]:
    """Talks with a household, oldest first."""
    query = select(dunning_contact).where(dunning_contact.c.household_id == household_id)
    return session.execute(query.order_by(dunning_contact.c.contacted_at, dunning_contact.c.id)).all()


def contact(session: Session, contact_id: UUID) -> Row[Any] | None:
    """One talk."""
    return session.execute(select(dunning_contact).where(dunning_contact.c.id == contact_id)).one_or_none()


def cases(
    session: Session, estates: Sequence[str] | None, step: str | None, after: int, limit: int
) -> Sequence[Row[Any]]:
    """Households with an unpaid bill on the ladder, with their last step."""
    cut = {"estates": estates, "step": step, "after": after, "limit": limit}
    return session.execute(_CASES, cut).all()


def arrears(
    session: Session, cut: dict[str, Any], days: tuple[int, int | None], after: int, limit: int, as_of: date
) -> Sequence[Row[Any]]:
    """Overdue households by id, their oldest bill's age between `days`."""
    more = {"low": days[0], "high": days[1], "after": after, "limit": limit, "as_of": as_of}
    return session.execute(_ARREARS, cut | more).all()


def sweep(session: Session, sweep_id: UUID) -> Row[Any] | None:
    """A sweep as it was asked for."""
    return session.execute(select(dunning_sweep).where(dunning_sweep.c.id == sweep_id)).one_or_none()


def sweep_progress(session: Session, sweep_id: UUID) -> Row[Any]:
    """A sweep's sums over its slices."""
    return session.execute(_SWEEP_PROGRESS, {"sweep_id": sweep_id}).one()
