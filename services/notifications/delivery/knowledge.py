"""STORY of what a batch of claimed messages needs to know: who, how, by which words, under which policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.notifications.delivery.rules import (
    EMAIL,
    LETTER,
    SMS,
    STAFF_TASK,
    Policy,
    Reach,
    Window,
    Withdrawal,
    called_back,
)
from services.notifications.delivery.tables import contact_days
from services.notifications.directory import tables as directory
from services.notifications.messages.rules import DUNNING, HOUSEHOLD, MANAGER, role_box
from services.notifications.messages.tables import policies, policy_for, withdrawals_of
from services.notifications.templates import tables as wordings
from services.notifications.templates.rules import LANGUAGES, REMINDER, Template, term

DEFAULT_LANGUAGE = LANGUAGES[0]


@dataclass(frozen=True)
class Knowledge:
    """The directory, policies and wordings that concern one batch. `window` replaces every policy's (sandbox)."""

    contacts: Mapping[str, Row[Any]]
    refused: Mapping[str, frozenset[str]]
    staff: Mapping[str, Row[Any]]
    managers: Mapping[str, str | None]
    estates: Mapping[str, str]
    policies: Mapping[tuple[str, str], Row[Any]]
    wordings: Mapping[wordings.Key, Template]
    days: Mapping[str, dict[UUID, date]] = field(default_factory=dict)
    withdrawals: Mapping[str, Sequence[Row[Any]]] = field(default_factory=dict)
    window: Window | None = None

    def is_complete(self, row: Row[Any]) -> bool:
        """Whether estate and household are known yet; staff need no address to find a task."""
        return row.estate in self.estates and (row.recipient_kind != HOUSEHOLD or row.recipient in self.contacts)

    def called_back(self, row: Row[Any], now: datetime) -> Withdrawal | None:
        """What calls a message back, if it is dunning of a household."""
        if row.category != DUNNING or row.recipient_kind != HOUSEHOLD:
            return None
        known = [
            Withdrawal(one.ground, one.withdrawn_at, one.reason) for one in self.withdrawals.get(row.recipient, ())
        ]
        return called_back(row.created_at, known, now, reminder=row.template == REMINDER)

    def policy(self, row: Row[Any]) -> Policy:
        """The policy for the message's category on its estate."""
        found = policy_for(self.policies, row.category, row.estate)
        window = Window.parse(found.contact_window) if found.contact_window else None
        return Policy(window and (self.window or window), found.cap_count, found.cap_days)

    def language(self, row: Row[Any]) -> str:
        """The household's choice; staff read Chinese."""
        if row.recipient_kind != HOUSEHOLD:
            return DEFAULT_LANGUAGE
        contact = self.contacts[row.recipient]
        return str(contact.preferred_language or contact.language)

    def wording(self, row: Row[Any], channel: str) -> Template | None:
        """The words for a channel; a task is read by staff, so it is in their language."""
        language = DEFAULT_LANGUAGE if channel == STAFF_TASK else self.language(row)
        exact = self.wordings.get((row.template, channel, language))
        return exact or self.wordings.get((row.template, channel, DEFAULT_LANGUAGE))

    def worded(self, row: Row[Any]) -> frozenset[str]:
        """The channels the message's template has words for."""
        return frozenset(channel for channel in row.channels if self.wording(row, channel) is not None)

    def hand(self, row: Row[Any]) -> str | None:
        """Whose task it becomes: the assignee's, else the estate manager's."""
        return row.assignee or self.managers.get(row.estate)

    def reach(self, row: Row[Any]) -> Reach:
        """Address per channel, and what was opted out of."""
        if row.recipient_kind != HOUSEHOLD:
            person = self.staff.get(row.recipient)
            return Reach({SMS: person.phone if person else "", STAFF_TASK: row.recipient})
        contact = self.contacts[row.recipient]
        place = f"{self.estates[row.estate]} {contact.building} {row.recipient}"
        addresses = {
            SMS: contact.phone,
            EMAIL: contact.preferred_email or contact.email or "",
            LETTER: place,
            STAFF_TASK: self.hand(row) or role_box(row.estate, MANAGER),
        }
        return Reach(addresses, self.refused.get(row.recipient, frozenset()))

    def facts(self, row: Row[Any]) -> dict[str, Any]:
        """Everything a wording may ask for: what the event said, and the names."""
        contact = self.contacts.get(row.household or "")
        owner = contact.name if contact else row.household
        person = self.staff.get(row.recipient)
        steward = self.staff.get(row.variables.get("steward") or "")
        names = {
            "estate_name": self.estates[row.estate],
            "building": row.building or (contact.building if contact else None),
            "household": row.household,
            "owner_name": owner,
            "recipient_name": owner if row.recipient_kind == HOUSEHOLD else (person.name if person else row.recipient),
            "steward_name": steward.name if steward else term("service_centre"),
        }
        facts: dict[str, Any] = {**row.variables}
        return facts | {name: value for name, value in names.items() if value is not None}


def gather(session: Session, rows: Sequence[Row[Any]], window: Window | None) -> Knowledge:
    """Read what `rows` need, and lock the recipients whose contacts are capped."""
    households = {row.household for row in rows if row.household}
    estates = {row.estate for row in rows}
    people = {row.recipient for row in rows if row.recipient_kind != HOUSEHOLD}
    people |= {row.variables["steward"] for row in rows if row.variables.get("steward")}
    found = policies(session, estates)
    return Knowledge(
        contacts=directory.contacts_of(session, households),
        refused=directory.refusals(session, households),
        staff=directory.staff_by_code(session, people),
        managers={code: next(iter(directory.holders(session, code, MANAGER)), None) for code in estates},
        estates=directory.estate_names(session, estates),
        policies=found,
        wordings=wordings.newest(session, {row.template for row in rows}),
        days=_capped_days(session, rows, found),
        withdrawals=withdrawals_of(session, {row.recipient for row in rows if row.category == DUNNING}),
        window=window,
    )


def _capped_days(
    session: Session, rows: Sequence[Row[Any]], found: Mapping[tuple[str, str], Row[Any]]
) -> dict[str, dict[UUID, date]]:
    """Recipient/category → days of contact, for the categories that have a cap."""
    capped: dict[str, set[str]] = {}
    for row in rows:
        if policy_for(found, row.category, row.estate).cap_count is not None:
            capped.setdefault(row.category, set()).add(row.recipient)
    days: dict[str, dict[UUID, date]] = {}
    for category, recipients in sorted(capped.items()):
        found_days = contact_days(session, recipients, category)
        days |= {day_key(recipient, category): found_days.get(recipient, {}) for recipient in recipients}
    return days


def day_key(recipient: str, category: str) -> str:
    """How days of contact are found again."""
    return f"{category}\n{recipient}"
