"""STORY of what a batch of claimed messages needs to know: who, how, by which words, under which policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import Language, MessageChannel
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
from services.notifications.delivery.tables import Claimed, contact_days
from services.notifications.directory import tables as directory
from services.notifications.directory.tables import Contact, Employee
from services.notifications.messages.rules import DUNNING, HOUSEHOLD, MANAGER, role_box
from services.notifications.messages.tables import Policies, policies, policy_for, withdrawals_of
from services.notifications.templates import tables as wordings
from services.notifications.templates.rules import LANGUAGES, REMINDER, Facts, Template, term, terms

DEFAULT_LANGUAGE = LANGUAGES[0]
# What an event says that was recorded before letters named what they are about (D1).
BEFORE_NAMES: Facts = {"fee_items": terms(["property_fee"]), "credit_yuan": "0.00"}


@dataclass(frozen=True)
class Knowledge:
    """The directory, policies and wordings that concern one batch. `window` replaces every policy's (sandbox)."""

    contacts: Mapping[str, Contact]
    refused: Mapping[str, frozenset[MessageChannel]]
    staff: Mapping[str, Employee]
    managers: Mapping[str, str | None]
    estates: Mapping[str, str]
    policies: Policies
    wordings: Mapping[wordings.Key, Template]
    days: Mapping[str, dict[UUID, date]] = field(default_factory=dict)
    withdrawals: Mapping[str, Sequence[Withdrawal]] = field(default_factory=dict)
    window: Window | None = None

    def is_complete(self, message: Claimed) -> bool:
        """Whether estate and household are known yet; staff need no address to find a task."""
        reachable = message.recipient_kind != HOUSEHOLD or message.recipient in self.contacts
        return reachable and message.estate in self.estates

    def called_back(self, message: Claimed, now: datetime) -> Withdrawal | None:
        """What calls a message back, if it is dunning of a household."""
        if message.category != DUNNING or message.recipient_kind != HOUSEHOLD:
            return None
        withdrawals = self.withdrawals.get(message.recipient, ())
        return called_back(message.created_at, withdrawals, now, reminder=message.template == REMINDER)

    def policy(self, message: Claimed) -> Policy:
        """The policy for the message's category on its estate."""
        policy = policy_for(self.policies, message.category, message.estate)
        window = Window.parse(policy.contact_window) if policy.contact_window else None
        return Policy(window and (self.window or window), policy.cap_count, policy.cap_days)

    def language(self, message: Claimed) -> Language:
        """The household's choice; staff read Chinese."""
        if message.recipient_kind != HOUSEHOLD:
            return DEFAULT_LANGUAGE
        return self.contacts[message.recipient].language

    def wording(self, message: Claimed, channel: MessageChannel) -> Template | None:
        """The words for a channel; a task is read by staff, so it is in their language."""
        language = DEFAULT_LANGUAGE if channel == STAFF_TASK else self.language(message)
        exact = self.wordings.get((message.template, channel, language))
        return exact or self.wordings.get((message.template, channel, DEFAULT_LANGUAGE))

    def worded(self, message: Claimed) -> frozenset[MessageChannel]:
        """The channels the message's template has words for."""
        return frozenset(channel for channel in message.channels if self.wording(message, channel) is not None)

    def hand(self, message: Claimed) -> str | None:
        """Whose task it becomes: the assignee's, else the estate manager's."""
        return message.assignee or self.managers.get(message.estate)

    def reach(self, message: Claimed) -> Reach:
        """Address per channel, and what was opted out of."""
        if message.recipient_kind != HOUSEHOLD:
            person = self.staff.get(message.recipient)
            return Reach({SMS: person.phone if person else "", STAFF_TASK: message.recipient})
        contact = self.contacts[message.recipient]
        place = f"{self.estates[message.estate]} {contact.building} {message.recipient}"
        addresses: dict[MessageChannel, str] = {
            SMS: contact.phone,
            EMAIL: contact.email or "",
            LETTER: place,
            STAFF_TASK: self.hand(message) or role_box(message.estate, MANAGER),
        }
        return Reach(addresses, self.refused.get(message.recipient, frozenset()))

    def facts(self, message: Claimed) -> Facts:
        """Everything a wording may ask for: what the event said, and the names."""
        contact = self.contacts.get(message.household or "")
        owner = contact.name if contact else message.household
        person = self.staff.get(message.recipient)
        colleague = person.name if person else message.recipient
        steward = self.staff.get(_steward(message) or "")
        names: Facts = {
            "estate_name": self.estates[message.estate],
            "building": message.building or (contact.building if contact else None),
            "household": message.household,
            "owner_name": owner,
            "recipient_name": owner if message.recipient_kind == HOUSEHOLD else colleague,
            "steward_name": steward.name if steward else term("service_centre"),
        }
        return {
            **BEFORE_NAMES,
            **_event_facts(message),
            **{name: value for name, value in names.items() if value is not None},
        }


def _event_facts(message: Claimed) -> Facts:
    """What the event said; one from before bills were named has the household in place of its units."""
    facts = {name: value for name, value in message.variables.items() if value is not None}
    return {"units": message.household, **facts}


def gather(session: Session, messages: Sequence[Claimed], window: Window | None) -> Knowledge:
    """Read what `messages` need, and lock the recipients whose contacts are capped."""
    households = {message.household for message in messages if message.household}
    estates = {message.estate for message in messages}
    people = {message.recipient for message in messages if message.recipient_kind != HOUSEHOLD}
    people |= {steward for message in messages if (steward := _steward(message))}
    standing = policies(session, estates)
    return Knowledge(
        contacts=directory.contacts_of(session, households),
        refused=directory.refusals(session, households),
        staff=directory.staff_by_code(session, people),
        managers={code: next(iter(directory.holders(session, code, MANAGER)), None) for code in estates},
        estates=directory.estate_names(session, estates),
        policies=standing,
        wordings=wordings.newest(session, {message.template for message in messages}),
        days=_capped_days(session, messages, standing),
        withdrawals=withdrawals_of(session, {message.recipient for message in messages if message.category == DUNNING}),
        window=window,
    )


def _steward(message: Claimed) -> str | None:
    """Code of the steward its words name, if they name one."""
    steward = message.variables.get("steward")
    return str(steward) if steward else None


def _capped_days(session: Session, messages: Sequence[Claimed], standing: Policies) -> dict[str, dict[UUID, date]]:
    """Recipient/category → days of contact, for the categories that have a cap."""
    days_by_recipient: dict[str, set[str]] = {}
    for message in messages:
        if policy_for(standing, message.category, message.estate).cap_count is not None:
            days_by_recipient.setdefault(message.category, set()).add(message.recipient)
    days: dict[str, dict[UUID, date]] = {}
    for category, recipients in sorted(days_by_recipient.items()):
        of_category = contact_days(session, recipients, category)
        days |= {day_key(recipient, category): of_category.get(recipient, {}) for recipient in recipients}
    return days


def day_key(recipient: str, category: str) -> str:
    """How days of contact are found again."""
    return f"{category}\n{recipient}"
