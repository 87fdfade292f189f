"""STORE of voids: credit notes, reissues, and what stands against a void (B5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Select,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.billing.holds.tables import stands
from services.billing.receivables.ledger.prepaid import Use
from services.billing.tables import estate, household, metadata
from services.common.narrowing import above, among, equals
from services.common.rows import row_of, rows_of

credit_note = Table(
    "credit_note",
    metadata,
    # the request id: the same call again finds its note
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    # from 1 without gaps, given under the estate's exclusive lock
    Column("number", Integer, nullable=False),
    Column("bill_id", BigInteger, nullable=False),
    Column("household_id", BigInteger, nullable=False),
    Column("unit_id", BigInteger, nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("period", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    # principal and late fee received that became credit
    Column("released_fen", BigInteger, nullable=False),
    Column("released_late_fee_fen", BigInteger, nullable=False),
    Column("waived_fen", BigInteger, nullable=False),
    Column("waived_late_fee_fen", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    # whether the same request billed it again
    Column("reissue", Boolean, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("voided_by", Text, nullable=False),
    Column("voided_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("estate_id", "number", name="credit_note_number_key"),
    UniqueConstraint("bill_id", name="credit_note_bill_id_key"),
    Index("credit_note_unit_id_idx", "unit_id", "fee_item", "period"),
    Index("credit_note_household_id_idx", "household_id"),
)

bill_reissue = Table(
    "bill_reissue",
    metadata,
    # the request id, and the id of the bill run over that one unit
    Column("id", Uuid, primary_key=True),
    # the void bill it was asked for
    Column("bill_id", BigInteger, nullable=False),
    # the bills made
    Column("bill_ids", ARRAY(BigInteger), nullable=False),
    Column("reissued_by", Text, nullable=False),
    Column("reissued_at", DateTime(timezone=True), nullable=False),
)

_BILL = text("""
SELECT b.*, COALESCE(b.first_issued_on, b.issued_on) AS originally_issued_on, h.code AS household, e.code AS estate
FROM bill b JOIN household h ON h.id = b.household_id JOIN estate e ON e.id = b.estate_id WHERE b.id = :id
""")
_PLAN = text(f"""
SELECT source_id FROM dunning_hold h
WHERE h.household_id = :household_id AND h.source_kind = 'plan' AND {stands("h")} LIMIT 1
""")
_MARK = text("UPDATE bill SET voided_at = :now WHERE id = :id")
_NUMBER = text("SELECT COALESCE(max(number), 0) + 1 FROM credit_note WHERE estate_id = :estate_id")
# By the key that says a month is billed once.
_STANDING = text("""
SELECT b.id, b.household_id, b.amount_fen, b.due_date, b.run_id, h.code AS household
FROM bill b JOIN household h ON h.id = b.household_id
WHERE b.unit_id = :unit_id AND b.fee_item = :fee_item AND b.period = :period
  AND b.voided_at IS NULL AND b.charge_id IS NULL
ORDER BY b.id
""")
_PREDECESSORS = text("""
SELECT DISTINCT ON (household_id) household_id, bill_id FROM credit_note
WHERE unit_id = :unit_id AND fee_item = :fee_item AND period = :period ORDER BY household_id, number DESC
""")
# What the void of a bill gave other bills, as far as those stand and nobody took it back meanwhile.
_GIVEN_ELSEWHERE = text("""
WITH use AS (
  SELECT l.bill_id, COALESCE(l.value_on, l.booked_on) AS counts_on,
         CASE l.debit_account WHEN 'customer_credit' THEN l.credit_account ELSE l.debit_account END AS account,
         CASE l.debit_account WHEN 'customer_credit' THEN l.amount_fen ELSE -l.amount_fen END AS fen,
         l.source IN (SELECT id::text FROM credit_note WHERE bill_id = :bill_id) AS is_of_void
  FROM ledger_entry l JOIN bill b ON b.id = l.bill_id
  WHERE l.household_id = :household_id AND l.kind IN ('credit_applied', 'credit_applied_late_fee')
    AND b.voided_at IS NULL
)
SELECT bill_id, account, counts_on, LEAST(sum(fen), sum(fen) FILTER (WHERE is_of_void))::bigint AS fen
FROM use GROUP BY bill_id, account, counts_on HAVING bool_or(is_of_void) ORDER BY bill_id, account, counts_on
""")
_REPLACES = text("UPDATE bill SET reissue_of = :of, first_issued_on = :first_issued_on WHERE id = :id")
_SLICE = text("""
INSERT INTO bill_run_slice (run_id, estate_id, from_unit_id, to_unit_id)
VALUES (:run_id, :estate_id, :unit_id, :unit_id + 1) RETURNING id
""")


@dataclass(frozen=True)
class BillToVoid:
    """A bill with the codes of its household and estate."""

    id: int
    estate_id: int
    estate: str
    household_id: int
    household: str
    unit_id: int
    building: str
    fee_item: str
    period: date
    months: int
    due_date: date
    # or the first of the bills it replaced
    originally_issued_on: date
    amount_fen: int
    charge_id: UUID | None
    run_id: UUID | None
    voided_at: datetime | None


@dataclass(frozen=True)
class NoteRow:
    """A credit note with the codes of household and estate."""

    id: UUID
    number: int
    bill_id: int
    estate: str
    household: str
    fee_item: str
    period: date
    amount_fen: int
    released_fen: int
    released_late_fee_fen: int
    waived_fen: int
    waived_late_fee_fen: int
    reason: str
    reissue: bool
    booked_on: date
    voided_by: str
    voided_at: datetime


@dataclass(frozen=True)
class ReissueRow:
    """A reissue: the void bill it was asked for, and the bills it made."""

    id: UUID
    bill_id: int
    bill_ids: list[int]


@dataclass(frozen=True)
class StandingBill:
    """A bill of a unit, fee item and month that is not void."""

    id: int
    household_id: int
    household: str
    amount_fen: int
    due_date: date
    run_id: UUID | None


def bill(session: Session, bill_id: int) -> BillToVoid | None:
    """A bill."""
    return row_of(BillToVoid, session.execute(_BILL, {"id": bill_id}).one_or_none())


def performing_plan(session: Session, household_id: int) -> UUID | None:
    """The plan that stands for a household, by its hold; the bills under it must stay as they are (C3)."""
    plan: UUID | None = session.scalar(_PLAN, {"household_id": household_id})
    return plan


def mark_void(session: Session, bill_id: int, now: datetime) -> None:
    """The only thing a void changes on a bill."""
    session.execute(_MARK, {"id": bill_id, "now": now})


def next_number(session: Session, estate_id: int) -> int:
    """The next credit note of an estate; the caller holds the estate alone."""
    return int(session.scalar(_NUMBER, {"estate_id": estate_id}) or 1)


def add_note(session: Session, row: Mapping[str, object]) -> None:
    """Write a credit note."""
    session.execute(insert(credit_note).values(row))


def _notes() -> Select[Any]:
    query = select(credit_note, household.c.code.label("household"), estate.c.code.label("estate"))
    query = query.join(household, household.c.id == credit_note.c.household_id)
    return query.join(estate, estate.c.id == credit_note.c.estate_id)


def note(session: Session, note_id: UUID) -> NoteRow | None:
    """A credit note by its request id."""
    return row_of(NoteRow, session.execute(_notes().where(credit_note.c.id == note_id)).one_or_none())


def notes(session: Session, ids: Sequence[UUID]) -> dict[UUID, NoteRow]:
    """Credit notes by their request ids."""
    rows = session.execute(_notes().where(credit_note.c.id.in_(ids)))
    return {row.id: row for row in rows_of(NoteRow, rows)}


def note_of(session: Session, bill_id: int) -> NoteRow | None:
    """The credit note of a bill."""
    return row_of(NoteRow, session.execute(_notes().where(credit_note.c.bill_id == bill_id)).one_or_none())


def notes_after(
    session: Session,
    estates: frozenset[str] | None,
    household_code: str | None,
    after: tuple[str, int] | None,
    limit: int,
) -> list[NoteRow]:
    """Credit notes by estate and number."""
    key = (estate.c.code, credit_note.c.number)
    mine = (among(estate.c.code, estates), equals(household.c.code, household_code), above(key, after))
    return rows_of(NoteRow, session.execute(_notes().where(*mine).order_by(*key).limit(limit)))


# --- reissue -------------------------------------------------------------------------------------------------------


def standing_bills(session: Session, unit_id: int, fee_item: str, period: date) -> list[StandingBill]:
    """Bills of a unit, fee item and month that are not void, one-off charges apart."""
    key = {"unit_id": unit_id, "fee_item": fee_item, "period": period}
    return rows_of(StandingBill, session.execute(_STANDING, key))


def predecessors(session: Session, unit_id: int, fee_item: str, period: date) -> dict[int, int]:
    """Per household its last void bill of a unit, fee item and month."""
    rows = session.execute(_PREDECESSORS, {"unit_id": unit_id, "fee_item": fee_item, "period": period})
    return {row.household_id: row.bill_id for row in rows}


def given_elsewhere(session: Session, household_id: int, bill_id: int) -> dict[Use, int]:
    """What the void of a bill gave other bills of its household and they still have, in fen."""
    rows = session.execute(_GIVEN_ELSEWHERE, {"household_id": household_id, "bill_id": bill_id})
    return {Use(row.bill_id, row.account, row.counts_on): row.fen for row in rows if row.fen > 0}


def add_slice(session: Session, run_id: UUID, estate_id: int, unit_id: int) -> int:
    """One unit as a slice of a run."""
    return int(session.scalar(_SLICE, {"run_id": run_id, "estate_id": estate_id, "unit_id": unit_id}) or 0)


def replace(session: Session, bill_id: int, of: int, first_issued_on: date) -> None:
    """Say of a new bill which void one it replaces, and when the first of them was issued."""
    session.execute(_REPLACES, {"id": bill_id, "of": of, "first_issued_on": first_issued_on})


def add_reissue(session: Session, row: Mapping[str, object]) -> None:
    """Write a reissue."""
    session.execute(insert(bill_reissue).values(row))


def reissue(session: Session, request_id: UUID) -> ReissueRow | None:
    """A reissue by its request id."""
    query = select(bill_reissue).where(bill_reissue.c.id == request_id)
    return row_of(ReissueRow, session.execute(query).one_or_none())
