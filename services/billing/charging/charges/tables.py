"""STORE of one-off services: the charge as it was asked for, and its bill (B1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Select,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.billing.tables import bill, estate, household, metadata, unit
from services.common.rows import row_of

charge = Table(
    "charge",
    metadata,
    # the request id; the bill's charge_id
    Column("id", Uuid, primary_key=True),
    Column("bill_id", BigInteger, nullable=False),
    Column("household_id", BigInteger, nullable=False),
    Column("unit_id", BigInteger, nullable=False),
    # word for word, so that a repeat is told from another request
    Column("asked", JSONB, nullable=False),
    Column("description", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("bill_id", name="charge_bill_id_key"),
)


@dataclass(frozen=True)
class ChargeRow:
    """A charge as it was asked for, and its bill."""

    id: UUID
    bill_id: int
    asked: dict[str, object]
    description: str


@dataclass(frozen=True)
class Home:
    """A unit with the household that pays for it today."""

    id: int
    code: str
    estate_id: int
    estate: str
    household_id: int
    household: str
    building: str


def load_charge(session: Session, charge_id: UUID) -> ChargeRow | None:
    """What an earlier call of the same id asked for and made."""
    return row_of(ChargeRow, session.execute(select(charge).where(charge.c.id == charge_id)).first())


def _homes() -> Select[Any]:
    names = (estate.c.code.label("estate"), household.c.code.label("household"))
    query = select(unit.c.id, unit.c.code, unit.c.estate_id, unit.c.household_id, unit.c.building, *names)
    return query.join(estate, estate.c.id == unit.c.estate_id).join(household, household.c.id == unit.c.household_id)


def unit_named(session: Session, estate_code: str, code: str) -> Home | None:
    """A unit with the household that pays for it today."""
    query = _homes().where(estate.c.code == estate_code, unit.c.code == code)
    return row_of(Home, session.execute(query).first())


def first_unit_of(session: Session, household_code: str) -> Home | None:
    """The unit that came first to a household."""
    query = _homes().where(household.c.code == household_code).order_by(unit.c.id)
    return row_of(Home, session.execute(query).first())


def insert_bill(session: Session, row: Mapping[str, object]) -> int:
    """Write the bill; its id."""
    return int(session.scalars(insert(bill).values(**row).returning(bill.c.id)).one())


def insert_charge(session: Session, row: Mapping[str, object]) -> None:
    """Remember the charge."""
    session.execute(insert(charge).values(**row))
