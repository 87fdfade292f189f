"""STORE of what billing told us: who may be accountable (A4)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.domain.permissions import Role
from services.feedback.complaints.rules import Receiver
from services.feedback.tables import staff


def works_on(session: Session, code: str, estate_code: str) -> bool:
    """Whether the code is of somebody on the register of the estate."""
    query = select(staff.c.code).where(staff.c.code == code, staff.c.estate == estate_code)
    return session.execute(query).first() is not None


def first_receivers(session: Session, estate_code: str) -> list[Receiver]:
    """Stewards and managers of an estate, who may be accountable for a complaint (首问负责)."""
    query = (
        select(staff.c.code, staff.c.role, staff.c.buildings)
        .where(staff.c.estate == estate_code, staff.c.role.in_((Role.STEWARD, Role.ESTATE_MANAGER)))
        .order_by(staff.c.code)
    )
    return [Receiver(code, role, frozenset(buildings)) for code, role, buildings in session.execute(query)]
