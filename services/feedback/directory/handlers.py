"""STORY of the directory: what billing tells is kept, and a complaint's place is checked against it (A1, A4)."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.common.contracts.events import StaffRegistered
from services.common.directory import keep_newest
from services.feedback.tables import REGISTER, staff

keep_estates, keep_households = REGISTER.keep_estates, REGISTER.keep_households


def keep_staff(session: Session, event: StaffRegistered, at: datetime) -> None:
    """Who works where, for which buildings. Names and phone numbers are not needed here and not kept."""
    rows = [{"code": s.staff, "role": s.role, "estate": s.estate, "buildings": s.buildings} for s in event.staff]
    keep_newest(session, staff, rows, at)
