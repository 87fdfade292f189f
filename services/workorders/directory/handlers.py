"""STORY of the directory: what billing tells is kept, and an order's place is checked against it (A1, A4, G4)."""

from collections import Counter
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import (
    BillsIssued,
    EstatesRegistered,
    HouseholdsRegistered,
    PaymentAllocated,
    StaffRegistered,
)
from services.workorders.directory import tables
from services.workorders.tables import estate, household, staff

MAYBE_LATER = "It is not known here; if it was imported just now it will be in a moment."


def keep_estates(session: Session, told: EstatesRegistered, at: datetime) -> None:
    """`at` is when billing recorded it."""
    rows = [{"code": e.estate, "name": e.name, "region": e.region, "known_at": at} for e in told.estates]
    tables.keep_newest(session, estate, rows)


def keep_households(session: Session, told: HouseholdsRegistered, at: datetime) -> None:
    """Where each household lives."""
    rows = [
        {"code": h.household, "estate": told.estate, "building": h.building, "unit": h.unit, "known_at": at}
        for h in told.households
    ]
    tables.keep_newest(session, household, rows)


def keep_staff(session: Session, told: StaffRegistered, at: datetime) -> None:
    """Who works where, with which skills. Names and phone numbers are not needed here and not kept."""
    rows = [
        {
            "code": s.staff,
            "role": s.role,
            "estate": s.estate,
            "buildings": s.buildings,
            "skills": s.skills,
            "known_at": at,
        }
        for s in told.staff
    ]
    tables.keep_newest(session, staff, rows)


def add_bills(session: Session, told: BillsIssued) -> None:
    """What is left of each bill after prepaid credit becomes due (B6)."""
    deltas: Counter[tuple[str, date]] = Counter()
    for bill in told.bills:
        deltas[bill.household, told.due_date] += bill.open_fen
    tables.add_due(session, deltas)


def subtract_payment(session: Session, told: PaymentAllocated) -> None:
    """Principal paid is no longer due; a late fee never was principal."""
    deltas: Counter[tuple[str, date]] = Counter()
    for part in told.allocations:
        deltas[told.household, part.due_date] -= part.principal_fen
    tables.add_due(session, deltas)


def building_of(session: Session, estate_code: str, household_code: str | None, building: str | None) -> str | None:
    """The building of a request: as given, else the household's.

    NotFound for an estate or household billing has not told us of; Invalid for a household of another estate.
    """
    if not tables.estate_is_known(session, estate_code):
        raise NotFound(f"There is no estate {estate_code}. {MAYBE_LATER}")
    if household_code is None:
        return building
    home = tables.find_household(session, household_code)
    if home is None:
        raise NotFound(f"There is no household {household_code}. {MAYBE_LATER}")
    if home.estate != estate_code:
        raise Invalid(
            f"Household {household_code} does not belong to estate {estate_code}.",
            [{"loc": "household", "msg": f"not of estate {estate_code}"}],
        )
    return building or home.building
