"""STORE of what other services told us. An older message never overwrites a newer one (`known_at`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.feedback.complaints.rules import Receiver
from services.feedback.tables import estate, household, staff


@dataclass(frozen=True)
class Household:
    """Where a household lives."""

    code: str
    estate: str
    building: str


def keep_newest(session: Session, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert or replace `rows` by code, in code order (so that two messages cannot lock each other out)."""
    by_code = {str(row["code"]): dict(row) for row in rows}
    if not by_code:
        return
    statement = insert(table).values([by_code[code] for code in sorted(by_code)])
    changed = {name: column for name, column in statement.excluded.items() if name != "code"}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.code], set_=changed, where=table.c.known_at <= statement.excluded.known_at
        )
    )


def estate_is_known(session: Session, code: str) -> bool:
    """Whether billing told us of the estate."""
    return session.execute(select(estate.c.code).where(estate.c.code == code)).first() is not None


def find_household(session: Session, code: str) -> Household | None:
    """The household, or None while billing has not told us of it."""
    row = session.execute(
        select(household.c.code, household.c.estate, household.c.building).where(household.c.code == code)
    ).first()
    return None if row is None else Household(*row)


def first_receivers(session: Session, estate_code: str) -> list[Receiver]:
    """Stewards and managers of an estate, who may be accountable for a complaint (首问负责)."""
    query = (
        select(staff.c.code, staff.c.role, staff.c.buildings)
        .where(staff.c.estate == estate_code, staff.c.role.in_(("steward", "estate_manager")))
        .order_by(staff.c.code)
    )
    return [Receiver(code, role, frozenset(buildings)) for code, role, buildings in session.execute(query)]
