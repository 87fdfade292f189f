"""STORY of the directory: what billing tells is kept, and an order's place is checked against it (A1, A4, G4)."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.common.contracts.events import AdjustedBill, BillsIssued, PaymentAllocated, StaffRegistered
from services.common.directory import keep_newest
from services.workorders.directory import tables
from services.workorders.tables import REGISTER, staff

keep_estates, keep_households = REGISTER.keep_estates, REGISTER.keep_households


def keep_staff(session: Session, event: StaffRegistered, at: datetime) -> None:
    """Who works where, with which skills. Names and phone numbers are not needed here and not kept."""
    rows = [
        {"code": s.staff, "role": s.role, "estate": s.estate, "buildings": s.buildings, "skills": s.skills}
        for s in event.staff
    ]
    keep_newest(session, staff, rows, at)


def add_bills(session: Session, event: BillsIssued) -> None:
    """What is left of each bill after prepaid credit becomes due (B6)."""
    deltas: Counter[tuple[str, date]] = Counter()
    for bill in event.bills:
        deltas[bill.household, event.due_date] += bill.open_fen
    tables.add_due(session, deltas)


def adjust_bills(session: Session, bills: Iterable[AdjustedBill]) -> None:
    """A voided or waived bill is no longer due; restored principal is due again."""
    deltas: Counter[tuple[str, date]] = Counter()
    for bill in bills:
        deltas[bill.household, bill.due_date] += bill.open_change_fen
    tables.add_due(session, deltas)


def subtract_payment(session: Session, event: PaymentAllocated) -> None:
    """Principal paid is no longer due; a late fee never was principal."""
    deltas: Counter[tuple[str, date]] = Counter()
    for part in event.allocations:
        deltas[event.household, part.due_date] -= part.principal_fen
    tables.add_due(session, deltas)
