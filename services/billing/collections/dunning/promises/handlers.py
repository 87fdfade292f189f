"""STORY of promises to pay (D1, D3): the ladder waits until the day promised, once after each rung.

A promise is told in a talk, so it is on record with the contacts, where limitation and evidence find it, whichever door
it came through. It is a hold like others; after its day the ladder goes on where it should be then.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.dunning.claims_sql import claim_of
from services.billing.collections.dunning.policy_tables import policy_of
from services.billing.collections.dunning.promises import rules, tables
from services.billing.collections.dunning.promises.tables import PromiseRecord
from services.billing.collections.dunning.tables import dunning_contact
from services.billing.collections.dunning.treatment.tables import lock_household
from services.billing.holds import handlers as holds
from services.billing.portfolio.tables import Household, find_household
from services.common.contracts.answers.dunning import PaymentPromise
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import insert_once, same_request

WORDS = "承诺付款 · promised to pay"


@dataclass(frozen=True)
class PromiseNote:
    """What was promised; `amount_fen` None: all that is claimed that day."""

    promised_on: date
    amount_fen: int | None = None
    note: str | None = None


def promise_payment(
    session: Session, caller: Caller, household: str, request_id: UUID, content: PromiseNote, now: datetime
) -> PaymentPromise:
    """Record a promise that pauses the ladder until its day; the same request again records nothing new.

    Invalid (a day gone by or too far ahead), Conflict (nothing is owed, or promised since the last step already),
    NotFound, Forbidden.
    """
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    lock_household(session, household)
    if _promise(session, row, request_id) is None:
        _check(session, row, content.promised_on, business_date(now))
        if not pause(session, caller, row, request_id, content, now):
            raise Conflict("Nothing is owed, or payment was promised since the last step already.")
        _note_contact(session, caller, row, request_id, content, now)
    record = _promise(session, row, request_id)
    amount = {} if content.amount_fen is None else {"amount_fen": content.amount_fen}
    request = {"promised_on": content.promised_on, "note": content.note, "recorded_by": caller.sub, **amount}
    return view(same_request("promise", record, request), household, business_date(now))


def pause(
    session: Session, caller: Caller, row: Household, request_id: UUID, content: PromiseNote, now: datetime
) -> bool:
    """Hold the ladder until the day promised, if the policy lets it and something is owed; whether it does.

    The caller holds the household's row.
    """
    today, rung = business_date(now), tables.last_rung(session, row.id)
    claim_fen = claim_of(session, row.id, today).fen
    policy = policy_of(session, row.estate_id)
    if claim_fen <= 0 or not rules.pauses(content.promised_on, today, rung.promises, policy):
        return False
    promise = {"id": request_id, "household_id": row.id, "action_id": rung.action_id, "note": content.note}
    promise |= {"promised_on": content.promised_on, "amount_fen": content.amount_fen or claim_fen}
    tables.add_promise(session, promise | {"made_on": today, "recorded_at": now, "recorded_by": caller.sub})
    holds.hold(session, "promise", request_id, row.code, now, holds_dunning=True, until=content.promised_on)
    return True


def view(record: PromiseRecord, household: str, today: date) -> PaymentPromise:
    """A promise as people see it."""
    promise = rules.Promise(record.made_on, record.promised_on, record.amount_fen, record.paid_fen)
    return PaymentPromise(
        id=record.id,
        household=household,
        promised_on=record.promised_on,
        amount_fen=record.amount_fen,
        paid_fen=record.paid_fen,
        status=rules.status_of(promise, today),
        step=record.step,
        note=record.note,
        made_on=record.made_on,
        recorded_at=record.recorded_at,
        recorded_by=record.recorded_by,
    )


def _promise(session: Session, row: Household, request_id: UUID) -> PromiseRecord | None:
    return next((record for record in tables.promises(session, row.id) if record.id == request_id), None)


def _check(session: Session, row: Household, promised_on: date, today: date) -> None:
    last = rules.last_day(today, policy_of(session, row.estate_id))
    if not today <= promised_on <= last:
        raise Invalid("The day does not do.", [{"loc": "promised_on", "msg": f"from {today} to {last}"}])


def _note_contact(
    session: Session, caller: Caller, row: Household, request_id: UUID, content: PromiseNote, now: datetime
) -> None:
    talk = {"id": request_id, "household_id": row.id, "kind": "other", "answer": content.note or WORDS}
    talk |= {"outcome": "promised", "promised_on": content.promised_on}
    insert_once(session, dunning_contact, talk | {"contacted_at": now, "contacted_by": caller.sub})
