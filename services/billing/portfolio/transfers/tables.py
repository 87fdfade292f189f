"""STORE of transfers: what was recorded, the days that follow from it, and what takes effect when a day comes (A1)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
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
    Row,
    Table,
    Text,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.billing.portfolio.transfers.rules import Billed, Days, Transfer
from services.billing.tables import household, metadata, unit_payer
from services.common.domain.calendar import add_months

# Append-only but for being undone. The payer from before the first transfer is a row too (source `before`), so that
# `unit_payer` can always be worked out again.
unit_transfer = Table(
    "unit_transfer",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("from_date", Date, nullable=False),
    # a tenant's last day, inclusive
    Column("to_date", Date),
    # of the unit from that day on; null: as it was
    Column("status", Text),
    Column("status_before", Text),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("asked_sha256", Text),
    Column("answer", JSONB),
    # when a units file last named this payer as the unit's (A3)
    Column("filed_at", DateTime(timezone=True)),
    Column("took_effect_at", DateTime(timezone=True)),
    Column("undone_at", DateTime(timezone=True)),
    Column("undone_by", Text),
    Column("undone_reason", Text),
    CheckConstraint("role IN ('owner', 'tenant', 'developer')", name="role"),
    CheckConstraint("source IN ('before', 'request', 'import')", name="source"),
    CheckConstraint("status IN ('occupied', 'vacant', 'unsold')", name="status"),
    CheckConstraint("to_date IS NULL OR to_date >= from_date", name="dates"),
    Index(
        "unit_transfer_standing_key", "unit_id", "from_date", unique=True, postgresql_where=text("undone_at IS NULL")
    ),
    Index("unit_transfer_unit_id_idx", "unit_id", "number"),
)


def load(session: Session, transfer_id: UUID) -> Row[Any] | None:
    """One transfer."""
    return session.execute(select(unit_transfer).where(unit_transfer.c.id == transfer_id)).one_or_none()


def standing(session: Session, unit_ids: Collection[int]) -> Mapping[int, list[Row[Any]]]:
    """Unit → its transfers that were not undone, in the order they were recorded; nothing for those that have none."""
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    query = select(unit_transfer).where(unit_transfer.c.unit_id.in_(unit_ids), unit_transfer.c.undone_at.is_(None))
    for row in session.execute(query.order_by(unit_transfer.c.unit_id, unit_transfer.c.number)):
        found[row.unit_id].append(row)
    return found


def recorded(session: Session, unit_id: int) -> Sequence[Row[Any]]:
    """All transfers of a unit with the household's code, newest first; not the payer from before."""
    query = select(unit_transfer, household.c.code.label("household")).join(household)
    query = query.where(unit_transfer.c.unit_id == unit_id, unit_transfer.c.source != "before")
    return session.execute(query.order_by(unit_transfer.c.number.desc())).all()


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record transfers; all rows have the same columns."""
    if rows:
        session.execute(insert(unit_transfer), list(rows))


def answer(session: Session, transfer_id: UUID, given: Mapping[str, Any]) -> None:
    """Keep what was answered, so that the same request is answered the same."""
    session.execute(update(unit_transfer).where(unit_transfer.c.id == transfer_id).values(answer=given))


def undo(session: Session, ids: Collection[UUID], by: str, reason: str, now: datetime) -> None:
    """These transfers never were."""
    gone = {"undone_at": now, "undone_by": by, "undone_reason": reason}
    session.execute(update(unit_transfer).where(unit_transfer.c.id.in_(ids)).values(**gone))


def as_rules(rows: Sequence[Row[Any]]) -> list[Transfer]:
    """Transfers as the rules want them."""
    return [Transfer(row.household_id, row.role, row.from_date, row.to_date) for row in rows]


def write_days(session: Session, days: Mapping[int, Sequence[Days]], today: date) -> None:
    """Replace who pays for these units on which days."""
    session.execute(delete(unit_payer).where(unit_payer.c.unit_id.in_(days)))
    rows = [
        {
            "unit_id": unit_id,
            "household_id": spell.household_id,
            "role": spell.role,
            "from_date": spell.first,
            "to_date": spell.last,
            "pending": spell.first > today,
        }
        for unit_id, spells in days.items()
        for spell in spells
    ]
    session.execute(insert(unit_payer), rows)


# What takes effect: for each unit its payer of the day, and of the transfers in force those that are so for the first
# time. One that another has overtaken meanwhile changes nothing any more.
_FORCE = """
force AS (
  SELECT DISTINCT ON (unit_id) * FROM unit_transfer
  WHERE unit_id = ANY (:unit_ids) AND undone_at IS NULL AND from_date <= :today ORDER BY unit_id, from_date DESC
), fresh AS (SELECT * FROM force WHERE took_effect_at IS NULL AND source <> 'before')
"""
_MOVE = text("""
WITH due AS (
  SELECT u.id, u.household_id AS before, p.household_id AS after FROM unit u JOIN unit_payer p ON p.unit_id = u.id
  WHERE u.id = ANY (:unit_ids) AND p.from_date <= :today AND (p.to_date IS NULL OR p.to_date >= :today)
    AND p.household_id <> u.household_id
)
UPDATE unit u SET household_id = due.after FROM due WHERE u.id = due.id RETURNING due.before, due.after
""")
_EFFECTS = (
    text(f"""
WITH {_FORCE} UPDATE unit_transfer t SET status_before = u.status FROM fresh f JOIN unit u ON u.id = f.unit_id
WHERE t.id = f.id AND f.status IS NOT NULL
"""),
    text(f"""
WITH {_FORCE} UPDATE unit u SET status = f.status FROM fresh f WHERE u.id = f.unit_id AND f.status IS NOT NULL
"""),
    text(f"""
WITH {_FORCE} UPDATE unit_owner o SET removed_at = :now, removed_by = f.recorded_by, removed_with = f.id
FROM fresh f WHERE o.unit_id = f.unit_id AND o.removed_at IS NULL AND f.role <> 'tenant'
"""),
    text("""
UPDATE unit_transfer SET took_effect_at = :now
WHERE unit_id = ANY (:unit_ids) AND took_effect_at IS NULL AND undone_at IS NULL AND from_date <= :today
"""),
    text("UPDATE unit_payer SET pending = false WHERE unit_id = ANY (:unit_ids) AND pending AND from_date <= :today"),
)
# A transfer that never was gives back what it changed, unless that was changed again since.
_GIVE_BACK = (
    text("""
UPDATE unit u SET status = t.status_before FROM unit_transfer t
WHERE t.id = :id AND u.id = t.unit_id AND u.status = t.status AND t.status_before IS NOT NULL
"""),
    text("""
UPDATE unit_owner o SET removed_at = NULL, removed_by = NULL, removed_with = NULL WHERE o.removed_with = :id
AND NOT EXISTS (SELECT FROM unit_owner n WHERE n.unit_id = o.unit_id AND n.removed_at IS NULL)
"""),
)


def take_effect(session: Session, unit_ids: Collection[int], today: date, now: datetime) -> set[int]:
    """Let what is due by `today` take effect on these units; the households that lost or won a unit."""
    given = {"unit_ids": list(unit_ids), "today": today}
    moved = session.execute(_MOVE, given).all()
    for statement in _EFFECTS:
        session.execute(statement, given | {"now": now})
    return {household_id for row in moved for household_id in row}


def give_back(session: Session, transfer_id: UUID) -> None:
    """Status and co-owners as they were before a transfer took effect."""
    for statement in _GIVE_BACK:
        session.execute(statement, {"id": transfer_id})


_DUE_UNITS = text("""
SELECT DISTINCT u.id FROM unit_payer p JOIN unit u ON u.id = p.unit_id
WHERE p.pending AND p.from_date <= :today AND u.estate_id = :estate_id ORDER BY u.id
""")
_BILLS = text("""
SELECT b.id, h.code AS household, b.fee_item, b.period, b.months, b.amount_fen, b.paid_fen,
       (SELECT min((m.value->>'from_on')::date) + 1 FROM jsonb_array_elements(b.inputs->'meters') m) AS metered_from
FROM bill b JOIN household h ON h.id = b.household_id
WHERE b.unit_id = :unit_id AND b.voided_at IS NULL AND b.charge_id IS NULL AND b.tariff_id IS NOT NULL
ORDER BY b.period, b.fee_item, b.id
""")
_BILLED = text("SELECT DISTINCT unit_id FROM bill WHERE unit_id = ANY (:ids) AND voided_at IS NULL")


# A file is compared with what the last file said: the payer a file named last, at first the one from before.
_EVER = text("""
SELECT e.code AS estate, u.code AS unit, u.id AS unit_id, h.code AS household,
       (array_agg(o.code ORDER BY t.filed_at DESC, t.number DESC) FILTER (WHERE t.filed_at IS NOT NULL))[1] AS filed,
       array_remove(array_agg(CASE WHEN t.source = 'request' THEN t.from_date END), NULL) AS days,
       array_remove(array_agg(CASE WHEN t.source = 'request' THEN o.code END), NULL) AS day_households,
       array_remove(array_agg(CASE WHEN t.source <> 'before' THEN t.from_date END), NULL) AS since,
       array_remove(array_agg(CASE WHEN t.source <> 'before' THEN o.code END), NULL) AS since_households
FROM unit_transfer t JOIN unit u ON u.id = t.unit_id JOIN estate e ON e.id = u.estate_id
JOIN household o ON o.id = t.household_id JOIN household h ON h.id = u.household_id
WHERE t.undone_at IS NULL AND u.estate_id = ANY (:estate_ids)
GROUP BY e.code, u.code, u.id, h.code
""")
_FILE_CURRENT = text("""
UPDATE unit_transfer t SET filed_at = :now
FROM (SELECT DISTINCT ON (x.unit_id) x.id FROM unit_transfer x JOIN unit u ON u.id = x.unit_id
      WHERE x.unit_id = ANY (:ids) AND x.undone_at IS NULL AND x.from_date <= :today
        AND x.household_id = u.household_id
      ORDER BY x.unit_id, x.from_date DESC) current
WHERE t.id = current.id
""")


def ever_transferred(session: Session, estate_ids: Collection[int]) -> Sequence[Row[Any]]:
    """The units of some estates that ever changed hands: their payer of today, the payer files named last, the days of
    the transfers people recorded, and of all."""
    return session.execute(_EVER, {"estate_ids": list(estate_ids)}).all()


def file_current(session: Session, unit_ids: Collection[int], today: date, now: datetime) -> None:
    """A file names the payers these units have today."""
    session.execute(_FILE_CURRENT, {"ids": list(unit_ids), "today": today, "now": now})


def due_units(session: Session, estate_id: int, today: date) -> list[int]:
    """Units of an estate on which somebody else pays by now."""
    return list(session.scalars(_DUE_UNITS, {"estate_id": estate_id, "today": today}))


def bills(session: Session, unit_id: int) -> Sequence[Row[Any]]:
    """The standing bills of a unit that a run has issued, by period; opening balances and one-off charges are apart."""
    return session.execute(_BILLS, {"unit_id": unit_id}).all()


def billed(session: Session, unit_ids: Collection[int]) -> set[int]:
    """Those of the units that have a standing bill."""
    return set(session.scalars(_BILLED, {"ids": list(unit_ids)}))


def payers(session: Session, unit_id: int) -> Sequence[Row[Any]]:
    """Who pays for a unit on which days, by day, with the household's code."""
    query = select(unit_payer, household.c.code.label("household")).join(household)
    return session.execute(query.where(unit_payer.c.unit_id == unit_id).order_by(unit_payer.c.from_date)).all()


def as_billed(row: Row[Any]) -> Billed:
    """A bill of `bills` as the rules want it: the months it was issued for, and what consumption it caught up."""
    last = add_months(row.period, row.months) - timedelta(days=1)
    return Billed(row.id, min(row.period, row.metered_from or row.period), last)
