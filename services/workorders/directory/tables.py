"""STORE of what other services told us: technicians and arrears (A4, G4)."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.workorders.tables import household_due, staff


def is_technician(session: Session, code: str) -> bool:
    """Whether the code is a technician on the register."""
    query = select(staff.c.code).where(staff.c.code == code, staff.c.role == "technician")
    return session.execute(query).first() is not None


def works_on(session: Session, code: str, estate: str) -> bool:
    """Whether the code is of somebody on the register of the estate."""
    query = select(staff.c.code).where(staff.c.code == code, staff.c.estate == estate)
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
