"""STORE of a service's own directory of estates and households, as billing's events tell it (A1).

Each service keeps the two tables in its own database. Events come in any order and more than once, so every row carries
the instant billing recorded it and an older word never overwrites a newer one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Table, Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import EstatesRegistered, HouseholdsRegistered

MAYBE_LATER = "It is not known here; if it was imported just now it will be in a moment."


def keep_newest(
    session: Session,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    at: datetime,
    *,
    key: str = "code",
    stamp: str = "known_at",
) -> None:
    """Insert or replace `rows` by `key` as known `at`, in key order so that two events cannot lock each other out."""
    by_key = {str(row[key]): {**row, stamp: at} for row in rows}
    if not by_key:
        return
    statement = insert(table).values([by_key[key_value] for key_value in sorted(by_key)])
    changed = {name: column for name, column in statement.excluded.items() if name != key}
    newer = table.c[stamp] <= statement.excluded[stamp]
    session.execute(statement.on_conflict_do_update(index_elements=[key], set_=changed, where=newer))


def define_directory(metadata: MetaData, stamp: str = "known_at") -> "Directory":
    """The two tables among those of a service; `stamp` is what the instant's column is called there."""
    names = {"estate": ("code", "name", "region"), "household": ("code", "estate", "building", "unit")}
    tables = {
        table: Table(
            table,
            metadata,
            *(Column(name, Text, primary_key=name == "code", nullable=False) for name in columns),
            Column(stamp, DateTime(timezone=True), nullable=False),
        )
        for table, columns in names.items()
    }
    return Directory(**tables, stamp=stamp)


@dataclass(frozen=True)
class Directory:
    """The tables `estate (code, name, region)` and `household (code, estate, building, unit)`, each with a `stamp`."""

    estate: Table
    household: Table
    stamp: str = "known_at"

    def keep_estates(self, session: Session, event: EstatesRegistered, at: datetime) -> None:
        """`at` is when billing recorded it."""
        rows = [{"code": entry.estate, "name": entry.name, "region": entry.region} for entry in event.estates]
        keep_newest(session, self.estate, rows, at, stamp=self.stamp)

    def keep_households(self, session: Session, event: HouseholdsRegistered, at: datetime) -> None:
        """Where each household lives."""
        rows = [
            {"code": entry.household, "estate": event.estate, "building": entry.building, "unit": entry.unit}
            for entry in event.households
        ]
        keep_newest(session, self.household, rows, at, stamp=self.stamp)

    def has_estate(self, session: Session, code: str) -> bool:
        """Whether billing told us of the estate."""
        return session.scalar(select(self.estate.c.code).where(self.estate.c.code == code)) is not None

    def building_of(self, session: Session, estate: str, household: str | None, building: str | None) -> str | None:
        """The building a request is about: as given, else the household's.

        NotFound for an estate or household billing has not told us of; Invalid for a household of another estate.
        """
        if not self.has_estate(session, estate):
            raise NotFound(f"There is no estate {estate}. {MAYBE_LATER}")
        if household is None:
            return building
        homes = self.household.c
        home = session.execute(select(homes.estate, homes.building).where(homes.code == household)).first()
        if home is None:
            raise NotFound(f"There is no household {household}. {MAYBE_LATER}")
        if home.estate != estate:
            raise Invalid(
                f"Household {household} does not belong to estate {estate}.",
                [{"loc": "household", "msg": f"not of estate {estate}"}],
            )
        return building or str(home.building)
