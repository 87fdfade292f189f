"""STORE of credit applied by hand to bills (B6)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Table,
    Text,
    Uuid,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from services.billing.receivables.ledger.sql import open_bill
from services.billing.tables import bill, metadata
from services.common.contracts.answers.credits import BillCredit
from services.common.rows import row_of

credit_application = Table(
    "credit_application",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    # as asked for, in order; empty: oldest due first
    Column("bill_ids", ARRAY(BigInteger), nullable=False),
    # what each bill got: [{bill_id, principal_fen, late_fee_fen}]
    Column("shares", JSONB, nullable=False),
    Column("credit_left_fen", BigInteger, nullable=False),
    Column("applied_by", Text, nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False),
)


# By id: the order in which households are locked.
_TO_SETTLE = text(f"""
SELECT h.code FROM household h WHERE h.id = ANY (:households) AND h.credit_fen > h.reserved_fen
  AND (EXISTS (SELECT FROM bill b WHERE b.estate_id = h.estate_id AND b.household_id = h.id AND {open_bill("b")})
       OR EXISTS (SELECT FROM late_fee_left f WHERE f.household_id = h.id))
ORDER BY h.id
""")


@dataclass(frozen=True)
class ApplicationRow:
    """Credit that was applied: the bills as asked for, what each bill got, and what was left."""

    id: UUID
    household_id: int
    bill_ids: list[int]
    shares: list[BillCredit]
    credit_left_fen: int


def application(session: Session, request_id: UUID) -> ApplicationRow | None:
    """An application by its request id."""
    query = select(credit_application).where(credit_application.c.id == request_id)
    return row_of(ApplicationRow, session.execute(query).one_or_none())


def add_application(session: Session, row: Mapping[str, object]) -> ApplicationRow:
    """Write an application."""
    query = insert(credit_application).values(row).returning(credit_application)
    return row_of(ApplicationRow, session.execute(query).one())


def own_bills(session: Session, household_id: int, bill_ids: Sequence[int]) -> dict[int, bool]:
    """Which of some bills are a household's, each with whether it is void."""
    query = select(bill.c.id, bill.c.voided_at).where(bill.c.id.in_(bill_ids), bill.c.household_id == household_id)
    return {row.id: row.voided_at is not None for row in session.execute(query)}


def households_to_settle(session: Session, household_ids: Collection[int]) -> list[str]:
    """Those of some households that have free credit and something to pay, by id."""
    return list(session.scalars(_TO_SETTLE, {"households": sorted(household_ids)}))
