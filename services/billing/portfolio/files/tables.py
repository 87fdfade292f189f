"""STORE of owner files: what people keep beside the register, who changed it, what was served (A1, A2)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
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
    Uuid,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import Session

from services.billing.portfolio.files.rules import EMPTY, CoOwner, FileFields, Service, Value
from services.billing.tables import metadata
from services.common.contracts.answers.files import FileField, FileValue
from services.common.rows import row_of, rows_of

household_file = Table(
    "household_file",
    metadata,
    Column("household_id", BigInteger, ForeignKey("household.id"), primary_key=True, autoincrement=False),
    # set by a person; it stands above what a units file says. null: as the file says
    Column("segment", Text),
    Column("other_phones", ARRAY(Text), nullable=False, server_default="{}"),
    Column("preferred_channel", Text),
    Column("preferred_time", Text),
    # legacy dispute (遗留问题): who has to answer for it, since when; null: there is none
    Column("dispute_liable", Text),
    Column("dispute_since", Date),
    Column("dispute_note", Text),
    CheckConstraint("(dispute_liable IS NULL) = (dispute_since IS NULL)", name="dispute"),
    CheckConstraint("dispute_liable IN ('developer', 'owner', 'company')", name="dispute_liable"),
)

# Append-only: who changed what of a file when.
household_change = Table(
    "household_change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("field", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Index("household_change_household_id_idx", "household_id", "id"),
)

# Complaints and work orders as other services tell of them; any order of arrival leads to the same row.
service_event = Table(
    "service_event",
    metadata,
    Column("source_kind", Text, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("category", Text),
    # last time; null while only its closing was heard of
    Column("opened_at", DateTime(timezone=True)),
    Column("closed_at", DateTime(timezone=True)),
    Column("reopened", Integer, nullable=False, server_default="0"),
    CheckConstraint("source_kind IN ('complaint', 'work_order')", name="source_kind"),
    Index("service_event_household_id_idx", "household_id"),
)

# Co-owners are people, not payers. Rows are never deleted: who owned a part stays known.
unit_owner = Table(
    "unit_owner",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text),
    Column("share", Numeric(7, 6)),
    Column("added_at", DateTime(timezone=True), nullable=False),
    Column("added_by", Text, nullable=False),
    Column("removed_at", DateTime(timezone=True)),
    Column("removed_by", Text),
    # the transfer that ended it
    Column("removed_with", Uuid),
    CheckConstraint("share > 0 AND share <= 1", name="share"),
    Index("unit_owner_unit_id_idx", "unit_id"),
)


@dataclass(frozen=True)
class Change:
    """One change of a household's file."""

    field: FileField
    before: FileValue
    after: FileValue
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True)
class PartOwner:
    """Somebody who owns or owned a part of a unit."""

    id: int
    name: str
    phone: str | None
    share: Decimal | None
    added_at: datetime
    removed_at: datetime | None


class UnknownHousehold(LookupError):
    """An event names a household billing does not have; it is repeated, then parked, never dropped."""


def file_of(session: Session, household_id: int) -> FileFields:
    """What people keep of a household."""
    row = session.execute(select(household_file).where(household_file.c.household_id == household_id)).first()
    return row_of(FileFields, row) or EMPTY


def keep_file(session: Session, household_id: int, values: Mapping[str, Value]) -> None:
    """Change what is kept of a household."""
    statement = insert(household_file).values(household_id=household_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["household_id"], set_=dict(values)))


def add_changes(session: Session, household_id: int, changes: Sequence[Change]) -> None:
    """Remember who changed what."""
    if changes:
        session.execute(insert(household_change), [asdict(each) | {"household_id": household_id} for each in changes])


def changes(session: Session, household_id: int, limit: int) -> list[Change]:
    """The newest changes of a file."""
    query = select(household_change).where(household_change.c.household_id == household_id)
    return rows_of(Change, session.execute(query.order_by(household_change.c.id.desc()).limit(limit)))


_SERVICE_EVENTS = text("""
INSERT INTO service_event AS e (source_kind, source_id, household_id, category, opened_at, closed_at, reopened)
SELECT :kind, :source_id, h.id, :category, CAST(:opened_at AS timestamptz), CAST(:closed_at AS timestamptz), :reopened
FROM household h WHERE h.code = :household
ON CONFLICT (source_kind, source_id) DO UPDATE SET category = COALESCE(e.category, excluded.category),
  opened_at = GREATEST(e.opened_at, excluded.opened_at), closed_at = GREATEST(e.closed_at, excluded.closed_at),
  reopened = e.reopened + excluded.reopened
RETURNING household_id
""")


def served(
    session: Session,
    kind: str,
    source_id: UUID,
    household: str,
    *,
    category: str | None = None,
    opened_at: datetime | None = None,
    closed_at: datetime | None = None,
    reopened: bool = False,
) -> None:
    """A complaint or work order was opened, opened again or closed. UnknownHousehold."""
    row: dict[str, object] = {"kind": kind, "source_id": source_id, "household": household, "category": category}
    row |= {"opened_at": opened_at, "closed_at": closed_at, "reopened": int(reopened)}
    if session.execute(_SERVICE_EVENTS, row).first() is None:
        raise UnknownHousehold(f"{kind} {source_id} is of a household that is not known here")


def service_of(session: Session, household_id: int) -> list[Service]:
    """Every complaint and work order of a household."""
    columns = (service_event.c[name] for name in ("source_kind", "opened_at", "closed_at", "reopened"))
    rows = session.execute(select(*columns).where(service_event.c.household_id == household_id))
    return [Service(*row) for row in rows]


def owners(session: Session, unit_id: int) -> list[PartOwner]:
    """Everybody who owns or owned a part of a unit, those of today first."""
    query = select(unit_owner).where(unit_owner.c.unit_id == unit_id)
    newest_first = query.order_by(unit_owner.c.removed_at.desc().nulls_first(), unit_owner.c.id)
    return rows_of(PartOwner, session.execute(newest_first))


def replace_owners(
    session: Session, unit_id: int, new: Sequence[CoOwner], removals: Sequence[int], by: str, now: datetime
) -> None:
    """End what is no longer so and add what is new."""
    removal = update(unit_owner).where(unit_owner.c.id.in_(removals))
    session.execute(removal.values(removed_at=now, removed_by=by))
    if new:
        stamp = {"unit_id": unit_id, "added_at": now, "added_by": by}
        rows = [{"name": owner.name, "phone": owner.phone, "share": owner.share, **stamp} for owner in new]
        session.execute(insert(unit_owner), rows)
