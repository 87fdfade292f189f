"""STORE of statuses: what was recorded, and the days that follow from it (A1, B3)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
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
    Table,
    Text,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.statuses.rules import Source, StatusChange, StatusDays
from services.billing.tables import metadata, unit_status
from services.common.contracts.answers.portfolio import UnitStatus
from services.common.rows import rows_of

# Append-only but for being undone. The status from before the first change is a row too (source `before`), so that
# `unit_status` can always be worked out again.
unit_status_change = Table(
    "unit_status_change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("from_date", Date, nullable=False),
    Column("source", Text, nullable=False),
    # the transfer it came with, and is undone with
    Column("transfer_id", Uuid),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("undone_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('occupied', 'vacant', 'unsold')", name="status"),
    CheckConstraint("source IN ('before', 'request', 'import', 'transfer')", name="source"),
    Index("unit_status_change_unit_id_idx", "unit_id", "id"),
    Index("unit_status_change_transfer_id_idx", "transfer_id", postgresql_where=text("transfer_id IS NOT NULL")),
)


@dataclass(frozen=True)
class NewStatus:
    """A status to be recorded."""

    unit_id: int
    status: UnitStatus
    from_date: date
    source: Source
    transfer_id: UUID | None = None


_BEFORE = text("""
INSERT INTO unit_status_change (unit_id, status, from_date, source, recorded_by, recorded_at)
SELECT u.id, u.status, :beginning, 'before', :by, :now FROM unit u
WHERE u.id = ANY (:ids) AND NOT EXISTS (SELECT FROM unit_status_change c WHERE c.unit_id = u.id) ORDER BY u.id
""")


def add(session: Session, changes: Sequence[NewStatus], by: str, now: datetime) -> None:
    """Record statuses, and before the first of a unit the one it had until then."""
    ids = [change.unit_id for change in changes]
    session.execute(_BEFORE, {"ids": ids, "beginning": BEGINNING, "by": by, "now": now})
    stamp = {"recorded_by": by, "recorded_at": now}
    session.execute(insert(unit_status_change), [asdict(change) | stamp for change in changes])


def undo(session: Session, transfer_id: UUID, now: datetime) -> None:
    """The status that came with a transfer never was."""
    mine = unit_status_change.c.transfer_id == transfer_id
    session.execute(update(unit_status_change).where(mine).values(undone_at=now))


def standing(session: Session, unit_ids: Collection[int]) -> Mapping[int, list[StatusChange]]:
    """Unit → its changes that were not undone, in the order they were recorded; nothing for those that have none."""
    changes: dict[int, list[StatusChange]] = defaultdict(list)
    stand = (unit_status_change.c.unit_id.in_(unit_ids), unit_status_change.c.undone_at.is_(None))
    for row in session.execute(select(unit_status_change).where(*stand).order_by(unit_status_change.c.id)):
        changes[row.unit_id].append(StatusChange(row.status, row.from_date, row.source))
    return changes


def write_days(session: Session, days: Mapping[int, Sequence[StatusDays]], today: date) -> None:
    """Replace the days of these units; one whose status never changed has none."""
    session.execute(delete(unit_status).where(unit_status.c.unit_id.in_(days)))
    rows = [
        {
            "unit_id": unit_id,
            "status": spell.status,
            "from_date": spell.first,
            "to_date": spell.last,
            "pending": spell.first > today,
        }
        for unit_id, spells in days.items()
        for spell in spells
    ]
    session.execute(insert(unit_status), rows)


_FOLLOW = text("""
UPDATE unit u SET status = s.status FROM unit_status s
WHERE u.id = ANY (:ids) AND s.unit_id = u.id AND u.status <> s.status
  AND s.from_date <= :today AND (s.to_date IS NULL OR s.to_date >= :today)
""")
_SEEN_TO = text("UPDATE unit_status SET pending = false WHERE unit_id = ANY (:ids) AND pending AND from_date <= :today")
_DUE_UNITS = text("""
SELECT DISTINCT u.id FROM unit_status s JOIN unit u ON u.id = s.unit_id
WHERE s.pending AND s.from_date <= :today AND u.estate_id = :estate_id ORDER BY u.id
""")


def take_effect(session: Session, unit_ids: Collection[int], today: date) -> None:
    """Let units have the status of the day."""
    for statement in (_FOLLOW, _SEEN_TO):
        session.execute(statement, {"ids": list(unit_ids), "today": today})


def due_units(session: Session, estate_id: int, today: date) -> list[int]:
    """Units of an estate that have another status by now."""
    return list(session.scalars(_DUE_UNITS, {"estate_id": estate_id, "today": today}))


def days_of(session: Session, unit_id: int) -> list[StatusDays]:
    """The days of a unit whose status ever changed, by day."""
    columns = (unit_status.c.status, unit_status.c.from_date.label("first"), unit_status.c.to_date.label("last"))
    query = select(*columns).where(unit_status.c.unit_id == unit_id).order_by(unit_status.c.from_date)
    return rows_of(StatusDays, session.execute(query))
