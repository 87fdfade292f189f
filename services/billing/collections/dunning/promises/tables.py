"""STORE of promises to pay; what became of one is read from the ledger (D1, D3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, Index, Table, Text, Uuid, insert, text
from sqlalchemy.orm import Session

from services.billing.tables import metadata
from services.common.rows import row_of, rows_of

payment_promise = Table(
    "payment_promise",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    # the household's last step before it; null: there was none
    Column("action_id", BigInteger),
    Column("promised_on", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("note", Text),
    Column("made_on", Date, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    CheckConstraint("promised_on >= made_on", name="promised_on"),
    Index("payment_promise_household_id_idx", "household_id", "recorded_at"),
)

# Money of the household that counts from the day of the promise to the day promised, less what went back.
_PROMISES = text("""
SELECT p.*, a.step, COALESCE((
  SELECT sum(CASE WHEN starts_with(e.debit_account, 'cash_') THEN e.amount_fen ELSE -e.amount_fen END)
  FROM ledger_entry e
  WHERE e.household_id = p.household_id AND COALESCE(e.value_on, e.booked_on) BETWEEN p.made_on AND p.promised_on
    AND (starts_with(e.debit_account, 'cash_') OR starts_with(e.credit_account, 'cash_'))), 0)::bigint AS paid_fen
FROM payment_promise p LEFT JOIN dunning_action a ON a.id = p.action_id
WHERE p.household_id = :household_id ORDER BY p.recorded_at, p.id
""")
_RUNG = text("""
SELECT last.id AS action_id, (
  SELECT count(*) FROM payment_promise p
  WHERE p.household_id = :household_id AND p.action_id IS NOT DISTINCT FROM last.id) AS promises
FROM (SELECT max(id) AS id FROM dunning_action WHERE household_id = :household_id) last
""")


@dataclass(frozen=True)
class PromiseRecord:
    """A promise; `step`: the last one the household had been given before it."""

    id: UUID
    household_id: int
    promised_on: date
    amount_fen: int
    note: str | None
    made_on: date
    recorded_at: datetime
    recorded_by: str
    step: str | None
    paid_fen: int


@dataclass(frozen=True)
class LastRung:
    """A household's last step, if any, and how many promises were made since."""

    action_id: int | None
    promises: int


def promises(session: Session, household_id: int) -> list[PromiseRecord]:
    """All promises of a household, oldest first, each with what was paid."""
    return rows_of(PromiseRecord, session.execute(_PROMISES, {"household_id": household_id}))


def last_rung(session: Session, household_id: int) -> LastRung:
    """How far the household's ladder is."""
    return row_of(LastRung, session.execute(_RUNG, {"household_id": household_id}).one())


def add_promise(session: Session, row: Mapping[str, object]) -> None:
    """Keep a promise."""
    session.execute(insert(payment_promise).values(row))
