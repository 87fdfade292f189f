"""STORE of showing bills: named queries."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, select, text, tuple_
from sqlalchemy.orm import Session

from services.billing.tables import bill, estate, household, unit

OPEN_FEN = bill.c.amount_fen - bill.c.paid_fen - bill.c.waived_fen
TOUCHED = bill.c.paid_fen + bill.c.waived_fen
# The same law as rules.status, as conditions; a test holds them equal.
HAS_STATUS: dict[str, ColumnElement[bool]] = {
    "open": and_(bill.c.voided_at.is_(None), TOUCHED == 0),
    "partially_paid": and_(bill.c.voided_at.is_(None), TOUCHED > 0, OPEN_FEN > 0),
    "paid": and_(bill.c.voided_at.is_(None), OPEN_FEN == 0),
    "void": bill.c.voided_at.is_not(None),
}


def _bills() -> Select[Any]:
    names = (estate.c.code.label("estate"), unit.c.code.label("unit"))
    return select(bill, *names).join(unit, unit.c.id == bill.c.unit_id).join(estate, estate.c.id == bill.c.estate_id)


def bills_after(
    session: Session, household_id: int, status: str | None, after: Sequence[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Bills of a household, oldest due first."""
    query = _bills().where(bill.c.household_id == household_id)
    if status is not None:
        query = query.where(HAS_STATUS[status])
    if after is not None:
        query = query.where(tuple_(bill.c.due_date, bill.c.id) > after)
    return session.execute(query.order_by(bill.c.due_date, bill.c.id).limit(limit)).all()


def load_bill(session: Session, bill_id: int) -> Row[Any] | None:
    """One bill with the codes of its unit, estate and household."""
    query = _bills().add_columns(household.c.code.label("household"))
    return session.execute(
        query.join(household, household.c.id == bill.c.household_id).where(bill.c.id == bill_id)
    ).first()


AS_USED = text("""
SELECT rates FROM bill_run_slice
WHERE run_id = CAST(:run_id AS uuid) AND estate_id = :estate_id
  AND from_unit_id <= :unit_id AND (to_unit_id IS NULL OR to_unit_id > :unit_id)
""")


def rates_used(session: Session, row: Row[Any]) -> dict[str, Any]:
    """The rates and the policy of the slice that issued a bill."""
    parameters = {"run_id": str(row.run_id), "estate_id": row.estate_id, "unit_id": row.unit_id}
    used: dict[str, Any] = session.execute(AS_USED, parameters).scalar_one()
    return used
