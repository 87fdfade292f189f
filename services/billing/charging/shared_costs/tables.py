"""STORE of shared costs: what was recorded, and how each cost was shared, once and for all (B1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from services.billing.charging.shared_costs.rules import Cost, Share, SharingUnit
from services.billing.charging.slices.tables import END_OF_UNITS, Slice
from services.billing.charging.tariffs.rules import month_end
from services.billing.portfolio.status_days import changed_status
from services.billing.tables import metadata, unit
from services.common.contracts.answers.portfolio import Usage
from services.common.domain.calendar import month_length
from services.common.rows import row_of, rows_of

shared_cost = Table(
    "shared_cost",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("period", Date, nullable=False),
    # '': the whole estate
    Column("building", Text, nullable=False, server_default=""),
    Column("amount_fen", BigInteger, nullable=False),
    # where it was given as a quantity: that, and the price at which it became an amount
    Column("quantity", Numeric(14, 4)),
    Column("unit_price", Numeric(12, 4)),
    Column("note", Text),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    # a later record took its place before anything was billed of it
    Column("replaced_at", DateTime(timezone=True)),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    Index(
        "shared_cost_once_key",
        "estate_id",
        "period",
        "fee_item",
        "building",
        unique=True,
        postgresql_where=text("replaced_at IS NULL"),
    ),
)

shared_allocation = Table(
    "shared_allocation",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("period", Date, nullable=False),
    # '': the whole estate
    Column("building", Text, nullable=False),
    # '': a recorded cost; else the usage whose tariff is the cost
    Column("usage", Text, nullable=False),
    Column("cost_fen", BigInteger, nullable=False),
    Column("total_weight", Numeric, nullable=False),
    Column("allocated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("estate_id", "period", "fee_item", "building", "usage", name="shared_allocation_once_key"),
)

shared_share = Table(
    "shared_share",
    metadata,
    Column("allocation_id", BigInteger, ForeignKey("shared_allocation.id", ondelete="CASCADE"), primary_key=True),
    Column("unit_id", BigInteger, primary_key=True, autoincrement=False),
    # floor area, less where the tariff has a vacancy ratio
    Column("weight", Numeric, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class CostRow:
    """A cost of a month as it was recorded."""

    id: UUID
    estate_id: int
    fee_item: str
    period: date
    building: str
    amount_fen: int
    quantity: Decimal | None
    unit_price: Decimal | None
    note: str | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Allocation:
    """How a cost was shared, once and for all."""

    id: int
    fee_item: str
    period: date
    building: str
    usage: str
    cost_fen: int
    total_weight: Decimal


STANDING = text("""
SELECT EXISTS (
  SELECT FROM unit u JOIN bill b ON b.unit_id = u.id
  WHERE u.estate_id = :estate_id AND b.fee_item = :fee_item AND b.voided_at IS NULL AND b.charge_id IS NULL
    AND b.period > :year_before AND b.period <= :period
    AND b.period + make_interval(months => b.months) > :period
    AND (:building = '' OR b.building = :building))
""")


def has_standing_bill(session: Session, cost: CostRow, year_before: date) -> bool:
    """Whether a standing bill is for the month of a cost and could have a part of it."""
    return bool(session.scalar(STANDING, _key(cost) | {"year_before": year_before}))


def _key(cost: CostRow) -> dict[str, int | str | date]:
    return {name: getattr(cost, name) for name in ("estate_id", "fee_item", "period", "building")}


def load_cost(session: Session, cost_id: UUID) -> CostRow | None:
    """One record."""
    return row_of(CostRow, session.execute(select(shared_cost).where(shared_cost.c.id == cost_id)).first())


def replace_cost(session: Session, cost: CostRow) -> CostRow:
    """Write a record in place of the one that stood; nothing was billed of that, so how it was shared is forgotten."""
    standing = update(shared_cost).where(
        shared_cost.c.replaced_at.is_(None),
        *(shared_cost.c[name] == value for name, value in _key(cost).items()),
    )
    session.execute(standing.values(replaced_at=cost.recorded_at))
    session.execute(FORGET, _key(cost))
    return row_of(CostRow, session.execute(insert(shared_cost).values(vars(cost)).returning(shared_cost)).one())


# Another building's shares stay; those of the whole estate go only when nothing of them is billed, or the record of one
# building would have been refused.
FORGET = text("""
DELETE FROM shared_allocation
WHERE estate_id = :estate_id AND period = :period AND fee_item = :fee_item AND building = :building AND usage = ''
""")


def costs_recorded(session: Session, estate_id: int, periods: Sequence[date] | None) -> list[CostRow]:
    """The costs that stand, of some months or of all."""
    query = select(shared_cost).where(shared_cost.c.estate_id == estate_id, shared_cost.c.replaced_at.is_(None))
    if periods is not None:
        query = query.where(shared_cost.c.period.in_(periods))
    order = (shared_cost.c.period.desc(), shared_cost.c.fee_item, shared_cost.c.building)
    return rows_of(CostRow, session.execute(query.order_by(*order)))


def allocations(session: Session, estate_id: int, periods: Sequence[date]) -> list[Allocation]:
    """How costs of these months were shared so far."""
    query = select(shared_allocation).where(
        shared_allocation.c.estate_id == estate_id, shared_allocation.c.period.in_(periods)
    )
    return rows_of(Allocation, session.execute(query))


def sharing_units(session: Session, estate_id: int, usages: Sequence[Usage], month: date) -> list[SharingUnit]:
    """All units of an estate that bear the costs of a month, first come first."""
    names = (unit.c.id, unit.c.building, unit.c.usage, unit.c.area_m2, (unit.c.status == "vacant").label("vacant"))
    query = select(*names).where(unit.c.estate_id == estate_id, unit.c.usage.in_(usages)).order_by(unit.c.id)
    parts = _vacant_parts(session, estate_id, month)
    return [
        SharingUnit(row.id, row.building, row.usage, row.area_m2, parts.get(row.id, Fraction(row.vacant)))
        for row in session.execute(query)
    ]


def _vacant_parts(session: Session, estate_id: int, month: date) -> dict[int, Fraction]:
    """Unit → the part of a month on which it was vacant, where that is not simply what it is today."""
    parts: dict[int, Fraction] = {}
    for spell in changed_status(session, estate_id, 0, END_OF_UNITS, month, month_end(month)):
        days = (spell.last - spell.first).days + 1 if spell.status == "vacant" else 0
        parts[spell.unit_id] = parts.get(spell.unit_id, Fraction(0)) + Fraction(days, month_length(month))
    return parts


KEEP_SHARES = text("""
INSERT INTO shared_share (allocation_id, unit_id, weight, amount_fen)
SELECT :id, s.* FROM unnest(CAST(:units AS bigint[]), CAST(:weights AS numeric[]), CAST(:amounts AS bigint[])) AS s
""")


def keep(session: Session, estate_id: int, cost: Cost, shares: Sequence[Share], now: datetime) -> int:
    """Write how a cost is shared; returns the id of the allocation."""
    row = {"estate_id": estate_id, "fee_item": cost.fee_item, "period": cost.period, "building": cost.building}
    row |= {"usage": cost.usage, "cost_fen": cost.amount_fen, "allocated_at": now}
    row["total_weight"] = sum(share.weight for share in shares)
    allocation_id: int = session.scalars(insert(shared_allocation).values(row).returning(shared_allocation.c.id)).one()
    columns = {
        "units": [share.unit_id for share in shares],
        "weights": [str(share.weight) for share in shares],
        "amounts": [share.amount_fen for share in shares],
    }
    session.execute(KEEP_SHARES, {"id": allocation_id} | columns)
    return allocation_id


def shares_of(session: Session, piece: Slice, allocation_ids: Sequence[int]) -> list[Share]:
    """The shares of the units of a slice."""
    query = select(shared_share).where(
        shared_share.c.allocation_id.in_(allocation_ids),
        shared_share.c.unit_id >= piece.from_unit_id,
        shared_share.c.unit_id < piece.to_unit_id,
    )
    return rows_of(Share, session.execute(query.order_by(shared_share.c.unit_id, shared_share.c.allocation_id)))
