"""STORY of telling other services what changed in the portfolio: only what is new or different, in batches (A3)."""

from collections.abc import Collection
from datetime import datetime
from itertools import groupby

from sqlalchemy.orm import Session

from services.billing.portfolio.announced import Resident, estates_named, people, residents
from services.common.contracts.events import (
    ContactEntry,
    ContactsRegistered,
    EstateEntry,
    EstatesRegistered,
    HouseholdEntry,
    HouseholdsRegistered,
    StaffEntry,
    StaffRegistered,
)
from services.common.messaging import record_many
from services.common.messaging.batches import batches


def tell_estates(session: Session, codes: Collection[str], now: datetime) -> None:
    """EstatesRegistered."""
    entries = [EstateEntry(estate=e.code, name=e.name, region=e.region) for e in estates_named(session, codes)]
    events = [EstatesRegistered(estates=batch) for batch in batches(entries)]
    record_many(session, events, aggregate="portfolio", at=now)


def tell_residents(session: Session, household_ids: Collection[int], now: datetime) -> None:
    """HouseholdsRegistered for those who need no more, ContactsRegistered for those who deliver messages."""
    for estate, rows in groupby(residents(session, household_ids), key=lambda row: row.estate):
        for batch in batches(rows):
            units = [_household(row) for row in batch]
            contacts = [ContactEntry.model_validate(row, from_attributes=True) for row in batch]
            events = [
                HouseholdsRegistered(estate=estate, households=units),
                ContactsRegistered(estate=estate, contacts=contacts),
            ]
            record_many(session, events, aggregate=f"estate:{estate}", at=now)


def _household(row: Resident) -> HouseholdEntry:
    return HouseholdEntry(household=row.household, unit=f"{row.estate}/{row.unit}", building=row.building)


def tell_staff(session: Session, codes: Collection[str], now: datetime) -> None:
    """StaffRegistered."""
    entries = [
        StaffEntry(
            staff=person.code,
            name=person.name,
            role=person.role,
            estate=person.estate,
            buildings=person.buildings,
            skills=person.skills,
            phone=person.phone,
        )
        for person in people(session, codes)
    ]
    events = [StaffRegistered(staff=batch) for batch in batches(entries)]
    record_many(session, events, aggregate="portfolio", at=now)
