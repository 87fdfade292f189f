"""STORE of early warnings: targets as data, warnings once per estate, month and day (J3).

Estate 0 is the group: a target for every estate without one of its own, a warning that is about no single estate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from services.billing.tables import metadata
from services.common.contracts.answers.warnings import BelowPlan, CalendarMissing, WarningKind
from services.common.rows import rows_of

GROUP = 0

collection_target = Table(
    "collection_target",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    # 0: every estate without a target of its own
    Column("estate_id", Integer, nullable=False),
    # month in which the bills are due; null: every month without a target of its own
    Column("period", Date),
    # [{"day": 1–31, "rate": "0.98"}], rising
    Column("curve", JSONB, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("estate_id", "period", name="collection_target_key", postgresql_nulls_not_distinct=True),
)

early_warning = Table(
    "early_warning",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    # 0: the whole group
    Column("estate_id", Integer, nullable=False),
    # the month, or the year's first one, it is about
    Column("period", Date, nullable=False),
    Column("day", Date, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("kind", "estate_id", "period", "day", name="early_warning_key"),
    Index("early_warning_estate_id_idx", "estate_id", "id"),
)


class StoredPoint(TypedDict):
    """A point of a curve as it is stored: the share as exact text."""

    day: int
    rate: str


@dataclass(frozen=True)
class Target:
    """A target as it was set; without an estate the group's, without a period of every month."""

    estate: str | None
    period: date | None
    curve: list[StoredPoint]
    set_by: str
    set_at: datetime


@dataclass(frozen=True)
class Plan:
    """The curve that is in force on an estate for bills due in a month."""

    estate_id: int
    estate: str
    curve: list[StoredPoint]


@dataclass(frozen=True)
class Warned:
    """A warning before it is written."""

    kind: WarningKind
    estate_id: int
    period: date
    day: date
    facts: BelowPlan | CalendarMissing


@dataclass(frozen=True)
class RaisedWarning:
    """A warning as it was raised; without an estate it is about the whole group."""

    id: int
    kind: WarningKind
    estate: str | None
    period: date
    day: date
    facts: BelowPlan | CalendarMissing
    raised_at: datetime


# The estate's own target of the month, its own of every month, the group's of the month, the group's of every month.
_IN_FORCE = text("""
SELECT DISTINCT ON (e.id) e.id AS estate_id, e.code AS estate, t.curve
FROM estate e JOIN collection_target t ON t.estate_id IN (e.id, 0) AND (t.period IS NULL OR t.period = :period)
WHERE CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates)
ORDER BY e.id, t.estate_id DESC, t.period NULLS LAST
""")
_TARGETS = text("""
SELECT e.code AS estate, t.period, t.curve, t.set_by, t.set_at
FROM collection_target t LEFT JOIN estate e ON e.id = t.estate_id
WHERE (t.estate_id = 0 OR CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
ORDER BY t.estate_id, t.period NULLS FIRST
""")
_WARNINGS = text("""
SELECT w.id, w.kind, e.code AS estate, w.period, w.day, w.facts, w.raised_at
FROM early_warning w LEFT JOIN estate e ON e.id = w.estate_id
WHERE (CAST(:estates AS text[]) IS NULL OR (w.estate_id = 0 AND NOT :one) OR e.code = ANY (:estates))
  AND (CAST(:kind AS text) IS NULL OR w.kind = :kind)
  AND (CAST(:since AS date) IS NULL OR w.day >= :since)
  AND (CAST(:before AS bigint) IS NULL OR w.id < :before)
ORDER BY w.id DESC LIMIT :limit
""")
_WARNED_ON = text("""
SELECT estate_id FROM early_warning WHERE kind = :kind AND period = :period AND day = :day
""")


def set_target(session: Session, estate_id: int, target: Target) -> None:
    """Put a target in the place of the one of the same estate and month."""
    stamp = {"set_by": target.set_by, "set_at": target.set_at}
    new = insert(collection_target).values(estate_id=estate_id, period=target.period, curve=target.curve, **stamp)
    changes = {name: new.excluded[name] for name in ("curve", "set_by", "set_at")}
    session.execute(new.on_conflict_do_update(constraint="collection_target_key", set_=changes))


def in_force(session: Session, period: date, estates: Sequence[str] | None = None) -> list[Plan]:
    """The plan of every estate that has a target for bills due in a month."""
    return rows_of(Plan, session.execute(_IN_FORCE, {"period": period, "estates": estates}))


def targets(session: Session, estates: Sequence[str] | None) -> list[Target]:
    """Targets as they were set, the group's first."""
    return rows_of(Target, session.execute(_TARGETS, {"estates": estates}))


def raise_once(session: Session, warnings: Iterable[Warned], now: datetime) -> set[int]:
    """Write those that are new; returns the estates they are about."""
    rows = [vars(warning) | {"raised_at": now} for warning in warnings]
    if not rows:
        return set()
    statement = insert(early_warning).values(rows).on_conflict_do_nothing().returning(early_warning.c.estate_id)
    return set(session.scalars(statement))


def warned_on(session: Session, kind: str, period: date, day: date) -> set[int]:
    """Estates that had a warning of that kind about a month on a day."""
    return set(session.scalars(_WARNED_ON, {"kind": kind, "period": period, "day": day}))


def newest(session: Session, filters: Mapping[str, object]) -> list[RaisedWarning]:
    """Warnings, newest first."""
    return rows_of(RaisedWarning, session.execute(_WARNINGS, filters))
