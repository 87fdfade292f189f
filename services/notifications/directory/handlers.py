"""STORY of the directory: learn from billing's events, let owners choose, wake what waited for a contact (F3)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import ContactPreferences
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import ContactsRegistered, EstatesRegistered, StaffRegistered
from services.common.directory import keep_newest
from services.common.domain.access import Caller, mask_email, mask_name, mask_phone
from services.common.domain.permissions import Permission
from services.notifications.delivery.rules import EMAIL, SMS
from services.notifications.directory import tables
from services.notifications.directory.rules import NOTHING, Choice, complaints_about
from services.notifications.directory.tables import Contact
from services.notifications.messages import tables as messages
from services.notifications.tables import contact, estate, staff


def learn_contacts(session: Session, event: ContactsRegistered, as_of: datetime, now: datetime) -> None:
    """Keep how to reach each household; messages that waited for it go out."""
    rows = [entry.model_dump() | {"estate": event.estate} for entry in event.contacts]
    keep_newest(session, contact, rows, as_of, key="household", stamp="as_of")
    messages.wake_for_households(session, [entry.household for entry in event.contacts], now)


def learn_staff(session: Session, event: StaffRegistered, as_of: datetime) -> None:
    """Keep who holds which role where."""
    rows = [
        {"code": entry.staff, "name": entry.name, "role": entry.role, "estate": entry.estate, "phone": entry.phone}
        for entry in event.staff
    ]
    keep_newest(session, staff, rows, as_of, stamp="as_of")


def learn_estates(session: Session, event: EstatesRegistered, as_of: datetime, now: datetime) -> None:
    """Keep the estates' names; messages that waited for one go out."""
    rows = [{"code": entry.estate, "name": entry.name, "region": entry.region} for entry in event.estates]
    keep_newest(session, estate, rows, as_of, stamp="as_of")
    messages.wake_for_estates(session, [entry.estate for entry in event.estates], now)


def preferences(session: Session, caller: Caller, household: str) -> ContactPreferences:
    """What the household chose (F3), masked by role."""
    caller.require(Permission.READ_CONTACT_PREFERENCES)
    person = _contact(session, caller, household)
    open_data = caller.sees_personal_data
    record = tables.consents_of(session, household)
    return ContactPreferences(
        household=household,
        estate=person.estate,
        language=person.language,
        name=person.name if open_data else mask_name(person.name),
        phone=person.phone if open_data else mask_phone(person.phone),
        email=person.email if open_data or not person.email else mask_email(person.email),
        consent={SMS: True, EMAIL: True, **{change["channel"]: change["granted"] for change in record}},
        consent_record=record,
    )


def choose(
    session: Session,
    caller: Caller,
    household: str,
    language: str | None,
    email: str | None,
    consent: dict[str, bool],
    now: datetime,
    removals: Collection[Choice] = (),
) -> ContactPreferences:
    """Change language, e-mail or consent per channel; what is not named stays. Returns `preferences`.

    `removals`: the language is the register's again, the address is none, whatever the register has.
    """
    caller.require(Permission.SET_CONTACT_PREFERENCES)
    _contact(session, caller, household)
    if errors := complaints_about(language, email, consent):
        raise Invalid("The preferences are not valid.", errors)
    choices: dict[str, str | None] = {
        name: value for name, value in (("language", language), ("email", email)) if value is not None
    }
    choices |= {name: NOTHING[name] for name in removals}
    if choices:
        tables.keep_preference(session, household, choices, now, caller.sub)
    if consent:
        tables.keep_consents(session, household, consent, now, caller.sub)
    messages.wake_for_households(session, [household], now)
    return preferences(session, caller, household)


def _contact(session: Session, caller: Caller, household: str) -> Contact:
    """The person, if the caller may know it; an owner of another household learns only that it is not theirs."""
    if caller.is_owner:
        caller.require_household(household, "")
    person = tables.contacts_of(session, [household]).get(household)
    if person is None:
        raise NotFound(f"There is no household {household}.")
    caller.require_household(household, person.estate)
    return person
