"""STORE of the closure programme, the statements: enrolment of an estate in one go, cases with their state, progress.

`CASES` reads each case's state from its bills and holds: recovered is the principal paid on them since they came in,
open what is left. A voided bill is neither. Who has credit for all of it is not enrolled, and a case of his is closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from services.billing.collections.closure.rules import ContactPolicy, Stage
from services.billing.collections.closure.tables import (
    closure_appointment,
    closure_bill,
    closure_case,
    closure_event,
    closure_programme,
)
from services.billing.holds.tables import stands
from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.receivables.ledger.sql import open_bill
from services.common.contracts.answers.closure import CaseStatus, MeetingOutcome, MeetingResult
from services.common.contracts.answers.portfolio import Cause
from services.common.locks import Lock, hold
from services.common.once import by_id
from services.common.rows import row_of, rows_of

# A case that was closed and gets another old bill starts again at the first stage.
_ENROL = text(f"""
WITH old AS (
  SELECT id, household_id, paid_fen, amount_fen - paid_fen - waived_fen AS open_fen FROM bill b
  WHERE estate_id = :estate_id AND {open_bill("b")} AND disputed_at IS NULL AND due_date < CAST(:as_of AS date) - :days
    AND NOT EXISTS (SELECT FROM closure_bill c WHERE c.bill_id = b.id)
    AND household_id <> ALL (CAST(:in_credit AS bigint[]))
), new AS (
  INSERT INTO closure_case (household_id, estate_id, programme_id, enrolled_on, stage, stage_since)
  SELECT DISTINCT household_id, :estate_id, CAST(:id AS uuid), CAST(:as_of AS date), :stage, CAST(:as_of AS date) FROM old
  ORDER BY household_id ON CONFLICT (household_id) DO NOTHING RETURNING id, household_id
), known AS (
  SELECT c.id, c.household_id, NOT EXISTS (
    SELECT FROM closure_bill k JOIN bill b ON b.id = k.bill_id WHERE k.case_id = c.id
      AND {open_bill("b")}) AS closed
  FROM closure_case c WHERE c.household_id IN (SELECT household_id FROM old)
), again AS (
  UPDATE closure_case c SET stage = :stage, stage_since = :as_of FROM known k WHERE c.id = k.id AND k.closed
  RETURNING c.id, c.household_id
), begun AS (
  SELECT id FROM new UNION ALL SELECT id FROM again
), told AS (
  INSERT INTO closure_event (case_id, happened_on, stage, recorded_by, recorded_at)
  SELECT id, :as_of, :stage, :by, :now FROM begun ORDER BY id
), added AS (
  INSERT INTO closure_bill (bill_id, case_id, paid_fen, open_fen, added_on)
  SELECT o.id, c.id, o.paid_fen, o.open_fen, :as_of
  FROM old o JOIN (SELECT id, household_id FROM new UNION ALL SELECT id, household_id FROM known) c USING (household_id)
  ORDER BY o.id RETURNING bill_id
)
SELECT (SELECT count(*) FROM begun) AS enrolled, (SELECT count(*) FROM added) AS bills
""")  # noqa: E501 - one column list, one line

_STATE = f"""
WITH {STEWARD}, state AS (
  SELECT c.*, h.code AS household, e.code AS estate, h.arrears_cause AS cause, h.credit_fen, first.building,
    w.staff_code AS steward, m.recovered_fen, m.open_fen, m.enrolled_fen,
    EXISTS (SELECT FROM dunning_hold h WHERE h.household_id = c.household_id AND h.source_kind = 'complaint'
            AND {stands("h")}) AS complaint,
    EXISTS (SELECT FROM dunning_hold h WHERE h.household_id = c.household_id AND h.source_kind = 'plan'
            AND {stands("h")}) AS plan
  FROM closure_case c
  JOIN household h ON h.id = c.household_id
  JOIN estate e ON e.id = c.estate_id
  JOIN LATERAL (
    SELECT COALESCE(sum(b.paid_fen - k.paid_fen) FILTER (WHERE b.voided_at IS NULL), 0)::bigint AS recovered_fen,
      sum(k.open_fen)::bigint AS enrolled_fen,
      COALESCE(sum(b.amount_fen - b.paid_fen - b.waived_fen) FILTER (WHERE b.voided_at IS NULL), 0)::bigint AS open_fen
    FROM closure_bill k JOIN bill b ON b.id = k.bill_id WHERE k.case_id = c.id) m ON true
  JOIN LATERAL (
    SELECT b.building FROM closure_bill k JOIN bill b ON b.id = k.bill_id WHERE k.case_id = c.id
    ORDER BY b.due_date, b.id LIMIT 1) first ON true
  LEFT JOIN steward w ON w.estate_id = c.estate_id AND w.building = first.building
  WHERE (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
    AND (CAST(:household AS text) IS NULL OR h.code = :household)
    AND (CAST(:stage AS text) IS NULL OR c.stage = :stage)
    AND c.id > :after
), known AS (
  SELECT *, CASE WHEN open_fen <= credit_fen THEN 'closed' WHEN complaint OR plan THEN 'paused'
                 ELSE 'active' END AS status
  FROM state
)
"""
_CASES = text(f"""{_STATE}
SELECT * FROM known
WHERE (CAST(:steward AS text) IS NULL OR steward = :steward) AND (CAST(:status AS text) IS NULL OR status = :status)
ORDER BY id LIMIT :limit
""")
_PROGRESS = text(f"""{_STATE}
SELECT estate, status, stage, count(*) AS cases, sum(recovered_fen)::bigint AS recovered_fen,
  sum(open_fen)::bigint AS open_fen, sum(enrolled_fen)::bigint AS enrolled_fen
FROM known GROUP BY estate, status, stage ORDER BY estate, status, stage
""")
_POLICY = text("""
SELECT overdue_days, opens, closes, cap_count, cap_days FROM closure_policy WHERE estate_id IN (:id, 0)
ORDER BY estate_id DESC LIMIT 1
""")
_STAGES = text("""
SELECT code, position, days, after_outcome FROM closure_stage
WHERE estate_id = (SELECT max(s.estate_id) FROM closure_stage s WHERE s.estate_id IN (:id, 0))
ORDER BY position, after_outcome NULLS FIRST
""")
_LOCK = text("""
SELECT c.id FROM closure_case c JOIN household h ON h.id = c.household_id WHERE h.code = :household FOR UPDATE OF c
""")
_HOUSEHOLD_OF = text("""
SELECT h.code FROM closure_appointment a JOIN closure_case c ON c.id = a.case_id
JOIN household h ON h.id = c.household_id WHERE a.id = :id
""")


@dataclass(frozen=True)
class CaseState:
    """A case with its state of today; a complaint or a performing plan pauses it."""

    id: int
    household_id: int
    estate_id: int
    household: str
    estate: str
    building: str
    steward: str | None
    cause: Cause
    enrolled_on: date
    stage: str
    stage_since: date
    status: CaseStatus
    enrolled_fen: int
    recovered_fen: int
    open_fen: int
    complaint: bool
    plan: bool


@dataclass(frozen=True)
class StageSums:
    """Cases of an estate in one status and stage, added up."""

    estate: str
    status: CaseStatus
    stage: str
    cases: int
    recovered_fen: int
    open_fen: int
    enrolled_fen: int


@dataclass(frozen=True)
class Enrolment:
    """What a run has enrolled."""

    enrolled: int
    bills: int


@dataclass(frozen=True)
class BillRecord:
    """A bill of a case, with what was open on the day it came in."""

    bill_id: int
    added_on: date
    open_fen: int


@dataclass(frozen=True)
class EventRecord:
    """What happened to a case; `outcome` None: enrolled, or enrolled again."""

    happened_on: date
    stage: str
    outcome: MeetingOutcome | None
    note: str | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class AppointmentRecord:
    """An appointment; `outcome` None until it took place or was cancelled."""

    id: UUID
    case_id: int
    at: datetime
    place: str
    who: str
    stage: str
    made_by: str
    outcome: MeetingResult | None
    note: str | None
    recorded_by: str | None
    recorded_at: datetime | None


def cases(session: Session, filters: Mapping[str, object]) -> list[CaseState]:
    """Cases with their state; what `wanted` does not name is not looked at."""
    names = ("estates", "household", "stage", "steward", "status")
    return rows_of(CaseState, session.execute(_CASES, {**dict.fromkeys(names), "after": 0, "limit": 1, **filters}))


def progress(session: Session, estates: Sequence[str] | None, as_of: date) -> list[StageSums]:
    """Sums per estate, status and stage."""
    key = {"household": None, "stage": None, "estates": estates, "as_of": as_of, "after": 0}
    return rows_of(StageSums, session.execute(_PROGRESS, key))


def enrol(session: Session, key: Mapping[str, object]) -> Enrolment:
    """Enrol what an estate's old arrears call for; how many cases began and how many bills were added, as kept."""
    enrolment = row_of(Enrolment, session.execute(_ENROL, key).one())
    session.execute(update(closure_programme).where(closure_programme.c.id == key["id"]).values(vars(enrolment)))
    return enrolment


def policy_of(session: Session, estate_id: int) -> tuple[int, ContactPolicy]:
    """(more days overdue than this enrol, contact policy) of an estate."""
    row = session.execute(_POLICY, {"id": estate_id}).one()
    return row.overdue_days, ContactPolicy(row.opens, row.closes, row.cap_count, row.cap_days)


def stages_of(session: Session, estate_id: int) -> list[Stage]:
    """The stages that apply on an estate, in order."""
    return [Stage(*row) for row in session.execute(_STAGES, {"id": estate_id})]


def lock_programme(session: Session, estate_id: int) -> None:
    """One enrolment at a time per estate, until the transaction ends; payments go on beside it."""
    hold(session, Lock.CLOSURE, estate_id)


def lock_case(session: Session, household: str) -> None:
    """Hold a household's case until the transaction ends."""
    session.execute(_LOCK, {"household": household})


def bills(session: Session, case_id: int) -> list[BillRecord]:
    """The bills of a case."""
    query = select(closure_bill).where(closure_bill.c.case_id == case_id)
    return rows_of(BillRecord, session.execute(query.order_by(closure_bill.c.bill_id)))


def events(session: Session, case_id: int) -> list[EventRecord]:
    """A case's history, oldest first."""
    query = select(closure_event).where(closure_event.c.case_id == case_id)
    return rows_of(EventRecord, session.execute(query.order_by(closure_event.c.id)))


def add_event(session: Session, row: Mapping[str, object]) -> None:
    """Add to a case's history."""
    session.execute(insert(closure_event).values(row))


def move_case(session: Session, case_id: int, stage: str, today: date) -> None:
    """The case is in that stage from today."""
    change = {"stage": stage, "stage_since": today}
    session.execute(update(closure_case).where(closure_case.c.id == case_id).values(change))


def appointments(session: Session, case_id: int) -> list[AppointmentRecord]:
    """The appointments of a case by their time."""
    query = select(closure_appointment).where(closure_appointment.c.case_id == case_id)
    by_time = query.order_by(closure_appointment.c.at, closure_appointment.c.id)
    return rows_of(AppointmentRecord, session.execute(by_time))


def appointment(session: Session, appointment_id: UUID) -> AppointmentRecord | None:
    """One appointment."""
    return row_of(AppointmentRecord, by_id(session, closure_appointment, appointment_id))


def add_appointment(session: Session, row: Mapping[str, object]) -> None:
    """Plan to meet the owner."""
    session.execute(insert(closure_appointment).values(row))


def settle_appointment(session: Session, appointment_id: UUID, outcome: Mapping[str, object]) -> None:
    """Record how a meeting went."""
    session.execute(update(closure_appointment).where(closure_appointment.c.id == appointment_id).values(outcome))


def household_of(session: Session, appointment_id: UUID) -> str | None:
    """The code of the household an appointment is with."""
    code: str | None = session.scalar(_HOUSEHOLD_OF, {"id": appointment_id})
    return code
