"""STORE of statements: the bills that a household owes on a day, or owed on it (B6)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.receivables.ledger.sql import fee_left, moved_after, on_statement
from services.common.rows import rows_of

STATEMENT_BILLS = text(f"""
SELECT b.id, b.fee_item, b.period, b.due_date, b.amount_fen, u.code AS unit
FROM bill b JOIN unit u ON u.id = b.unit_id
WHERE b.household_id = :household_id AND b.voided_at IS NULL AND {on_statement("b", ":as_of")}
  AND (b.amount_fen > b.paid_fen + b.waived_fen OR {fee_left("b")} OR {moved_after("b", ":as_of")})
ORDER BY b.due_date, b.id
""")


OPEN_BILLS = text(f"""
SELECT b.id FROM bill b
WHERE b.household_id = :household_id AND b.voided_at IS NULL
  AND (b.amount_fen > b.paid_fen + b.waived_fen OR {fee_left("b")})
ORDER BY b.due_date, b.id
""")


@dataclass(frozen=True)
class OwedBill:
    """A bill as a statement needs it, with the code of its unit."""

    id: int
    unit: str
    fee_item: str
    period: date
    due_date: date
    amount_fen: int


def owed_bills(session: Session, household_id: int, as_of: date) -> list[OwedBill]:
    """What may be open at the end of a day, oldest due first; the entries say how much of it is."""
    return rows_of(OwedBill, session.execute(STATEMENT_BILLS, {"household_id": household_id, "as_of": as_of}))


def open_bills(session: Session, household_id: int) -> list[int]:
    """The bills on which principal or late fee is left now, by id, oldest due first."""
    return list(session.scalars(OPEN_BILLS, {"household_id": household_id}))
