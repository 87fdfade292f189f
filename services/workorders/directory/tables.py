"""STORE of what other services told us. An older message never overwrites a newer one (`known_at`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.workorders.tables import estate, household, household_due, staff


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


def is_technician(session: Session, code: str) -> bool:
    """Whether the code is a technician on the register."""
    query = select(staff.c.code).where(staff.c.code == code, staff.c.role == "technician")
    return session.execute(query).first() is not None


def add_due(session: Session, deltas: Mapping[tuple[str, date], int]) -> None:
    """Add to the open principal per (household, due date). Sums commute: the order of events does not matter (G4)."""
    rows = [
        {"household": code, "due_date": due, "open_fen": deltas[code, due]}
        for code, due in sorted(deltas)
        if deltas[code, due]
    ]
    if not rows:
        return
    statement = insert(household_due).values(rows)
    total = household_due.c.open_fen + statement.excluded.open_fen
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[household_due.c.household, household_due.c.due_date], set_={"open_fen": total}
        )
    )


def arrears(session: Session, households: Sequence[str], today: date) -> dict[str, int]:
    """Overdue principal per household. A due date whose payment was heard of before its bill counts as nothing yet."""
    open_fen = func.sum(func.greatest(household_due.c.open_fen, 0))
    query = (
        select(household_due.c.household, open_fen)
        .where(household_due.c.household.in_(households), household_due.c.due_date < today)
        .group_by(household_due.c.household)
    )
    return {code: int(fen) for code, fen in session.execute(query)} if households else {}
