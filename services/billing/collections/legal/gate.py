"""STORY of the suit gate (D4): gather what is known of a household, ask the law, answer each condition by name."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.dunning.claims_sql import claim_of
from services.billing.collections.dunning.policy_tables import policy_of as dunning_policy_of
from services.billing.collections.legal import facts, rules, tables
from services.billing.collections.legal.rules import GateFacts, named_by
from services.billing.collections.legal.tables import ConsentRecord, UrgingRecord, committee_urging, publication_consent
from services.billing.holds.handlers import UnknownHousehold
from services.billing.portfolio.tables import Household, find_household
from services.common.contracts.answers.legal import Condition, Consent, Publication, SuitGate, Urging
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import MessageDelivered
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import by_id, insert_once, same_request
from services.common.rows import row_of


@dataclass(frozen=True)
class UrgingNote:
    """The owners' committee urged on a day, by a resolution or a letter."""

    urged_on: date
    reference: str
    note: str | None = None


@dataclass(frozen=True)
class ConsentNote:
    """A household consented on a day, in a document."""

    given_on: date
    reference: str


def learn_delivery(session: Session, event: MessageDelivered) -> None:
    """Keep what is proven of a message, in any order of arrival (F4). UnknownHousehold."""
    bill_id, step = named_by(event.cause, event.household)
    fact = event.model_dump(exclude={"estate"}) | {"bill_id": bill_id, "step": step}
    if not tables.keep_fact(session, fact):
        raise UnknownHousehold(f"message {event.message_id} went to a household that is not known here")


def suit_gate(session: Session, caller: Caller, household: str, as_of: date) -> SuitGate:
    """Which conditions of a suit are met; holds count as they stand now. NotFound, Forbidden."""
    caller.require(Permission.READ_LEGAL_FILES)
    conditions = conditions_of(session, find_household(session, caller, household), as_of)
    return SuitGate(
        household=household,
        as_of=as_of,
        open=all(condition.met for condition in conditions),
        conditions=conditions,
    )


def conditions_of(session: Session, home: Household, as_of: date) -> list[Condition]:
    """The six conditions for a household."""
    holds = facts.holds_since(session, home.id)
    return rules.suit_gate(
        GateFacts(
            as_of=as_of,
            oldest_due=facts.oldest_due(session, home.estate_id, home.id),
            is_claimed=is_claimed(session, home, as_of),
            demands=facts.demands(session, home.id),
            complaints_since=holds["complaint"],
            plans_since=holds["plan"],
            urgings=tables.urged_on(session, home.id),
            policy=tables.policy_of(session, home.estate_id),
        )
    )


def is_claimed(session: Session, home: Household, as_of: date) -> bool:
    """Whether more is claimed of the household than what nobody is urged for."""
    return claim_of(session, home.id, as_of).fen > dunning_policy_of(session, home.estate_id).small_amount_fen


def add_urging(
    session: Session, caller: Caller, household: str, request_id: UUID, urging: UrgingNote, now: datetime
) -> Urging:
    """Record that the owners' committee urged the household (D4). Same request: same answer.

    Invalid (a day to come), NotFound, Forbidden, Conflict (id used for another urging)."""
    caller.require(Permission.KEEP_LEGAL_FILES)
    home = find_household(session, caller, household)
    past(urging.urged_on, now, "on")
    row = {"household_id": home.id, "logged_by": caller.sub, **vars(urging)}
    insert_once(session, committee_urging, {"id": request_id, "logged_at": now, **row})
    record = same_request("urging", row_of(UrgingRecord, by_id(session, committee_urging, request_id)), row)
    return Urging(
        id=request_id,
        household=household,
        on=record.urged_on,
        reference=record.reference,
        note=record.note,
        logged_by=record.logged_by,
        logged_at=record.logged_at,
    )


def publication(session: Session, caller: Caller, household: str) -> Publication:
    """Whether the household may be named in public as a debtor. It may not, unless the policy was switched on and the
    household itself consented to it in particular (PIPL)."""
    caller.require(Permission.READ_LEGAL_FILES)
    home = find_household(session, caller, household)
    policy = tables.policy_of(session, home.estate_id)
    conditions = rules.publication_conditions(policy, tables.consent_since(session, home.id))
    is_allowed = all(condition.met for condition in conditions)
    return Publication(household=household, allowed=is_allowed, conditions=conditions)


def add_consent(
    session: Session, caller: Caller, household: str, request_id: UUID, consent: ConsentNote, now: datetime
) -> Consent:
    """Record the household's separate consent. Same request: same answer. As `add_urging`."""
    caller.require(Permission.KEEP_LEGAL_FILES)
    home = find_household(session, caller, household)
    past(consent.given_on, now, "given_on")
    row = {"household_id": home.id, "recorded_by": caller.sub, **vars(consent)}
    insert_once(session, publication_consent, {"id": request_id, **row})
    record = row_of(ConsentRecord, by_id(session, publication_consent, request_id))
    return _consent(same_request("consent", record, row), household)


def withdraw_consent(session: Session, caller: Caller, consent_id: UUID, now: datetime) -> Consent:
    """A consent may be withdrawn at any time, and stays so. NotFound, Forbidden."""
    caller.require(Permission.KEEP_LEGAL_FILES)
    consent = tables.withdraw_consent(session, consent_id, business_date(now))
    if consent is None:
        raise NotFound("There is no such consent.")
    caller.require_household(consent.household, consent.estate)
    return _consent(consent, consent.household)


def _consent(record: ConsentRecord, household: str) -> Consent:
    return Consent(
        id=record.id,
        household=household,
        given_on=record.given_on,
        reference=record.reference,
        recorded_by=record.recorded_by,
        withdrawn_on=record.withdrawn_on,
    )


def past(on: date, now: datetime, loc: str) -> None:
    """Invalid unless the day has come."""
    if on > business_date(now):
        raise Invalid("This day has not come yet.", [{"loc": loc, "msg": "a day that has come"}])
