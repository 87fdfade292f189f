"""STORE of dunning, reading side: cases, arrears and sweeps by name (D1, D3, D5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.claims_sql import claim_of, households_in_credit
from services.billing.collections.dunning.ladder_sql import REACH, RUNGS, covered_until, left_out
from services.billing.collections.dunning.rules import Claim, Standing, Step, Taken
from services.billing.collections.dunning.tables import ContactRecord, dunning_contact, dunning_sweep
from services.billing.holds.rules import HoldFact
from services.billing.holds.tables import stands_on
from services.billing.receivables.ledger.sql import fee_left, open_bill
from services.common.contracts.answers.dunning import HoldReason, HoldSourceKind, StepKind, Template
from services.common.contracts.answers.portfolio import Cause
from services.common.once import by_id
from services.common.rows import row_of, rows_of


def _is_task(action: str) -> str:
    """SQL: the step of the action is a task for somebody."""
    return f"""(EXISTS (SELECT FROM dunning_step s
          WHERE s.code = {action}.step AND s.kind = 'task' AND s.estate_id IN ({action}.estate_id, 0))
  OR EXISTS (SELECT FROM dunning_track t WHERE t.code = {action}.step AND t.kind = 'task'))"""


def is_answered_by(action: str) -> str:
    """SQL: a talk about the step of the action was recorded after it was set."""
    return f"""EXISTS (SELECT FROM dunning_contact c JOIN dunning_sweep_slice s ON s.id = {action}.slice_id
  WHERE c.household_id = {action}.household_id AND c.step = {action}.step AND c.contacted_at >= s.finished_at)"""


_LADDER = text(f"""
WITH place AS (SELECT CAST(:estate_id AS int) AS estate_id), cause AS (SELECT CAST(:cause AS text) AS cause), {RUNGS}
SELECT code, position, earliest_day, latest_day, requires, gap_days, kind, template FROM rung ORDER BY position
""")
_CODES = text("""
SELECT code FROM dunning_step WHERE estate_id = (
  SELECT max(s.estate_id) FROM dunning_step s WHERE s.estate_id IN (:estate_id, 0))
UNION SELECT code FROM dunning_track WHERE code IS NOT NULL
""")
_OLDEST = text(f"""
SELECT o.*, {covered_until("o")} AS covered_until FROM (
  SELECT id AS bill_id, household_id, estate_id, due_date FROM bill CROSS JOIN LATERAL (
    SELECT CASE WHEN NOT ({open_bill("bill")}) THEN 2 WHEN due_date <= CAST(:as_of AS date) - {REACH} THEN 1 ELSE 3 END
  ) AS sight (rank)
  WHERE household_id = :id AND disputed_at IS NULL AND voided_at IS NULL
    AND ({open_bill("bill")} OR {fee_left("bill")} AND due_date < :as_of)
  ORDER BY rank, due_date, id LIMIT 1) o
""")
_STEPS_TAKEN = text(f"""
SELECT a.step, a.bill_id, a.as_of, a.deadline, {left_out("a", "o")} AS without
FROM dunning_action a CROSS JOIN (SELECT CAST(:bill_id AS bigint) AS bill_id) o WHERE a.household_id = :id ORDER BY a.id
""")
_ACTIONS = text(f"""
SELECT a.bill_id, a.step, a.as_of, a.due_date, a.overdue_days, a.overdue_fen, a.late_fee_fen, a.deadline,
       {is_answered_by("a")} AS answered
FROM dunning_action a WHERE a.household_id = :id ORDER BY a.id
""")
_HOLDS = text("""
SELECT h.source_kind, h.source_id, h.reason, h.ended, h.until, f.at, f.holds
FROM dunning_hold h JOIN dunning_hold_fact f USING (source_kind, source_id)
WHERE h.household_id = :id ORDER BY f.at, h.source_kind, h.source_id
""")
# A step speaks of all bills that were overdue when it was taken, a reminder of those that fell due with its own.
_SPEAKS_OF = "greatest(a.as_of - 1, a.due_date)"
# Households with a step that speaks of a bill which is still owed, however many others of them are paid (D1).
_CASES = text(f"""
SELECT * FROM (
  SELECT DISTINCT ON (a.household_id) a.household_id, o.code AS household, e.code AS estate, b.building, a.step,
    a.as_of, b.due_date, a.overdue_fen, o.arrears_cause AS cause, o.credit_fen,
    EXISTS (SELECT FROM dunning_hold h WHERE h.household_id = a.household_id AND {stands_on("h", ":as_of")}) AS held,
    CASE WHEN {_is_task("a")} THEN {is_answered_by("a")} END AS answered
  FROM dunning_action a
  JOIN LATERAL (
    SELECT b.building, b.due_date FROM bill b
    WHERE b.household_id = a.household_id AND b.due_date <= {_SPEAKS_OF} AND b.voided_at IS NULL
      AND ({open_bill("b")} OR {fee_left("b")})
    ORDER BY NOT ({open_bill("b")}), b.due_date, b.id LIMIT 1) b ON true
  JOIN household o ON o.id = a.household_id
  JOIN estate e ON e.id = a.estate_id
  WHERE a.household_id > :after AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
    AND (NOT :unanswered
         OR (CAST(:step AS text) IS NULL OR a.step = :step) AND {_is_task("a")} AND NOT {is_answered_by("a")})
  ORDER BY a.household_id, a.as_of DESC, a.position DESC
) latest WHERE CAST(:step AS text) IS NULL OR step = :step ORDER BY household_id LIMIT :limit
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


@dataclass(frozen=True)
class LaidRung:
    """A rung of the ladder, the track of a cause laid over it."""

    code: str
    position: int
    earliest_day: int
    latest_day: int | None
    requires: list[str]
    gap_days: int
    kind: StepKind
    template: Template


@dataclass(frozen=True)
class Action:
    """A step that was taken for a household; `answered`: a talk about it was recorded afterwards."""

    bill_id: int
    step: str
    as_of: date
    due_date: date
    overdue_days: int
    overdue_fen: int
    late_fee_fen: int
    deadline: date | None
    answered: bool


@dataclass
class HoldSource:
    """What is known of one source of holds."""

    reason: HoldReason
    ended: bool
    until: date | None
    facts: list[HoldFact]


@dataclass(frozen=True)
class LastStep:
    """A household with an unpaid bill on the ladder, and the last step taken for it; `answered` None: no task."""

    household_id: int
    household: str
    estate: str
    building: str
    step: str
    as_of: date
    due_date: date
    overdue_fen: int
    cause: Cause
    held: bool
    answered: bool | None
    credit_fen: int


@dataclass(frozen=True)
class SweepRecord:
    """A sweep as it was asked for; `estates` None: all in the scope of who asked."""

    id: UUID
    as_of: date
    estates: list[str] | None
    requested_by: str
    created_at: datetime


@dataclass(frozen=True)
class SweepProgress:
    """A sweep's sums over its slices; `estates` None: it has none."""

    estates_total: int
    estates_done: int
    actions: int
    held: int
    finished_at: datetime | None
    estates: list[str] | None


def ladder(session: Session, estate_id: int, cause: str = "unknown") -> dict[str, LaidRung]:
    """The rungs that apply on an estate on the track of a cause, by code, in order."""
    rungs = rows_of(LaidRung, session.execute(_LADDER, {"estate_id": estate_id, "cause": cause}))
    return {rung.code: rung for rung in rungs}


def steps(rungs: Mapping[str, LaidRung]) -> list[Step]:
    """Rungs as the rules want them."""
    return [
        Step(rung.code, rung.position, rung.earliest_day, rung.latest_day, tuple(rung.requires), rung.gap_days)
        for rung in rungs.values()
    ]


def standing(session: Session, household_id: int, as_of: date) -> Standing | None:
    """The bill a household's ladder goes by on a day, and what counts for it; None without an undisputed claim."""
    oldest = session.execute(_OLDEST, {"id": household_id, "as_of": as_of}).one_or_none()
    if oldest is None:
        return None
    rows = session.execute(_STEPS_TAKEN, {"id": household_id, "bill_id": oldest.bill_id})
    steps_taken = [Taken(row.step, row.bill_id, row.as_of, row.deadline, row.without) for row in rows]
    claim_fen = _claim(session, household_id, oldest.due_date, as_of).fen
    return Standing(oldest.bill_id, oldest.due_date, claim_fen, steps_taken, oldest.covered_until)


def _claim(session: Session, household_id: int, due: date, as_of: date) -> Claim:
    """Before the due date: what falls due with the bill, and no late fee."""
    if due < as_of:
        return claim_of(session, household_id, as_of)
    return replace(claim_of(session, household_id, as_of, until=due), late_fee_fen=0)


def last_swept(session: Session, estate_id: int) -> date | None:
    """The day an estate's newest sweep was for."""
    day: date | None = session.scalar(_LAST_SWEPT, {"estate_id": estate_id})
    return day


def actions(session: Session, household_id: int) -> list[Action]:
    """Every step ever taken for a household."""
    return rows_of(Action, session.execute(_ACTIONS, {"id": household_id}))


def hold_facts(session: Session, household_id: int) -> dict[tuple[HoldSourceKind, UUID], HoldSource]:
    """Everything that ever held a household, by kind and id."""
    sources: dict[tuple[HoldSourceKind, UUID], HoldSource] = {}
    for row in session.execute(_HOLDS, {"id": household_id}):
        new = HoldSource(row.reason, row.ended, row.until, [])
        sources.setdefault((row.source_kind, row.source_id), new).facts.append(HoldFact(row.at, row.holds))
    return sources


def codes(session: Session, estate_id: int) -> frozenset[str]:
    """Every step that may be taken on an estate, on the track of whichever cause."""
    return frozenset(session.scalars(_CODES, {"estate_id": estate_id}))


def contacts(session: Session, household_id: int) -> list[ContactRecord]:
    """Talks with a household, oldest first."""
    query = select(dunning_contact).where(dunning_contact.c.household_id == household_id)
    by_time = query.order_by(dunning_contact.c.contacted_at, dunning_contact.c.id)
    return rows_of(ContactRecord, session.execute(by_time))


def cases(session: Session, cut: Mapping[str, object], as_of: date, after: int, limit: int) -> list[LastStep]:
    """Households that still owe what a step spoke of, with their last step; whose credit covers it is passed over."""
    owing: list[LastStep] = []
    while len(owing) < limit:
        rows = rows_of(LastStep, session.execute(_CASES, {**cut, "as_of": as_of, "after": after, "limit": limit}))
        in_credit = households_in_credit(session, [row.household_id for row in rows if row.credit_fen], as_of)
        owing += [row for row in rows if row.household_id not in in_credit]
        if len(rows) < limit:
            break
        after = rows[-1].household_id
    return owing[:limit]


def sweep(session: Session, sweep_id: UUID) -> SweepRecord | None:
    """A sweep as it was asked for."""
    return row_of(SweepRecord, by_id(session, dunning_sweep, sweep_id))


def sweep_progress(session: Session, sweep_id: UUID) -> SweepProgress:
    """A sweep's sums over its slices."""
    return row_of(SweepProgress, session.execute(_SWEEP_PROGRESS, {"sweep_id": sweep_id}).one())
