"""STORE of showing bills: named queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, and_, select, text, tuple_
from sqlalchemy.orm import Session

from services.billing.charging.bills.views.rules import KeptRates
from services.billing.tables import bill, estate, household, unit
from services.common.contracts.answers.bills import BillStatus
from services.common.contracts.answers.explanations import MeteredInputs, SharedInputs
from services.common.rows import row_of, rows_of

OPEN_FEN = bill.c.amount_fen - bill.c.paid_fen - bill.c.waived_fen
CLEARED_FEN = bill.c.paid_fen + bill.c.waived_fen
# The same law as rules.status, as conditions; a test holds them equal.
HAS_STATUS: dict[BillStatus, ColumnElement[bool]] = {
    "open": and_(bill.c.voided_at.is_(None), CLEARED_FEN == 0),
    "partially_paid": and_(bill.c.voided_at.is_(None), CLEARED_FEN > 0, OPEN_FEN > 0),
    "paid": and_(bill.c.voided_at.is_(None), OPEN_FEN == 0),
    "void": bill.c.voided_at.is_not(None),
}


# What lines were made from, as it was kept with their bills.
METERED_INPUTS = TypeAdapter(MeteredInputs)
SHARED_INPUTS = TypeAdapter(SharedInputs)


@dataclass(frozen=True)
class BillRow:
    """A bill as people see it, with the codes of its unit, estate and household.

    An opening balance has no tariff, area and run; `inputs`: what a line was made from, if it was one.
    """

    id: int
    estate_id: int
    estate: str
    unit_id: int
    unit: str
    household: str
    fee_item: str
    period: date
    months: int
    amount_fen: int
    paid_fen: int
    waived_fen: int
    due_date: date
    issued_on: date
    voided_at: datetime | None
    tariff_id: int | None
    area_m2: Decimal | None
    vacant: bool | None
    run_id: UUID | None
    charge_id: UUID | None
    reissue_of: int | None
    inputs: dict[str, Any] | None


def _bills() -> Select[Any]:
    names = (estate.c.code.label("estate"), unit.c.code.label("unit"), household.c.code.label("household"))
    query = select(bill, *names).join(unit, unit.c.id == bill.c.unit_id).join(estate, estate.c.id == bill.c.estate_id)
    return query.join(household, household.c.id == bill.c.household_id)


def bills_after(
    session: Session, household_id: int, status: BillStatus | None, after: Sequence[date | int] | None, limit: int
) -> list[BillRow]:
    """Bills of a household, oldest due first."""
    query = _bills().where(bill.c.household_id == household_id)
    if status is not None:
        query = query.where(HAS_STATUS[status])
    if after is not None:
        query = query.where(tuple_(bill.c.due_date, bill.c.id) > after)
    return rows_of(BillRow, session.execute(query.order_by(bill.c.due_date, bill.c.id).limit(limit)))


def load_bill(session: Session, bill_id: int) -> BillRow | None:
    """One bill."""
    return row_of(BillRow, session.execute(_bills().where(bill.c.id == bill_id)).first())


AS_USED = text("""
SELECT rates FROM bill_run_slice
WHERE run_id = CAST(:run_id AS uuid) AND estate_id = :estate_id
  AND from_unit_id <= :unit_id AND (to_unit_id IS NULL OR to_unit_id > :unit_id)
""")


def rates_used(session: Session, row: BillRow) -> KeptRates:
    """The rates and the policy of the slice that issued a bill; before there were notice days, its day was all."""
    parameters = {"run_id": str(row.run_id), "estate_id": row.estate_id, "unit_id": row.unit_id}
    rates: KeptRates = session.execute(AS_USED, parameters).scalar_one()
    rates["policy"].setdefault("notice_days", 0)
    return rates
