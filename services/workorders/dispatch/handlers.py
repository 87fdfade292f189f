"""STORY of dispatch: a named technician, or the best one found (G3)."""

from sqlalchemy.orm import Session

from services.workorders.directory.tables import is_technician
from services.workorders.dispatch import rules, tables
from services.workorders.orders.rules import Order


def technician_for(session: Session, order: Order, requested: str | None) -> rules.Choice:
    """Whom to send. The manual choice always wins; who is named is on the register, if not as a technician."""
    if requested is not None:
        register = "" if is_technician(session, requested) else "; not on the technicians' register"
        return rules.Choice(requested, f"manual choice{register}")
    tables.lock_estate(session, order.estate)
    technicians = tables.technicians(session, order.estate)
    return rules.choose(technicians, tables.wanted_skills(session, order.category), order.building)
