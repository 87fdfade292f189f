"""STORE of dispatch: technicians of an estate with their load."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.locks import Lock, hold
from services.workorders.dispatch.rules import Technician
from services.workorders.tables import order_category, staff, work_order

AT_WORK = ("dispatched", "accepted", "arrived", "paused")


def lock_estate(session: Session, estate: str) -> None:
    """One automatic dispatch of an estate at a time, so that two at once see each other's load."""
    hold(session, Lock.DISPATCH, estate)


def technicians(session: Session, estate: str) -> list[Technician]:
    """The estate's registered technicians."""
    load = (
        select(func.count())
        .where(
            work_order.c.technician == staff.c.code, work_order.c.closed_at.is_(None), work_order.c.status.in_(AT_WORK)
        )
        .scalar_subquery()
    )
    query = select(staff.c.code, staff.c.skills, staff.c.buildings, load).where(
        staff.c.estate == estate, staff.c.role == "technician"
    )
    return [
        Technician(code, frozenset(skill.strip().lower() for skill in skills), frozenset(buildings), busy)
        for code, skills, buildings, busy in session.execute(query)
    ]


def wanted_skills(session: Session, category: str) -> frozenset[str]:
    """Skills that fit a category: the one in its row, or one of the category's own name."""
    row = session.execute(select(order_category.c.skill).where(order_category.c.code == category)).first()
    if row is None:
        return frozenset({category.lower()})
    return frozenset() if row.skill is None else frozenset({row.skill, category.lower()})
