"""STORY of cases: what was done about a household's arrears, why it does not pay, what comes next (D1, D2, D3, D5)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from services.billing.collections.dunning import queries, rules, tables
from services.billing.collections.dunning.cases import views
from services.billing.collections.dunning.policy_tables import policy_of
from services.billing.collections.dunning.promises import handlers as promises
from services.billing.collections.dunning.promises import tables as promise_tables
from services.billing.collections.dunning.promises.handlers import PromiseNote
from services.billing.collections.dunning.queries import LaidRung
from services.billing.collections.dunning.tables import ContactRecord, dunning_contact
from services.billing.collections.dunning.treatment import tables as treatment
from services.billing.collections.dunning.treatment.disputes import dispute_view
from services.billing.collections.dunning.treatment.facts import facts_of
from services.billing.collections.dunning.treatment.household_plan import plan_view
from services.billing.collections.dunning.treatment.rules import suggest_cause
from services.billing.portfolio.tables import Household, find_household
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.dunning import (
    ArrearsCause,
    Contact,
    ContactKind,
    ContactOutcome,
    DunningCase,
    DunningCaseSummary,
    NextStep,
    StaffNotes,
    SuggestedCause,
)
from services.common.contracts.answers.portfolio import Cause
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import by_id, insert_once, same_request
from services.common.paging import page, position
from services.common.rows import row_of

_NOTES = UUID("6f1d2c1e-6a57-5e0c-9a35-0b8f3d0f6d11")


@dataclass(frozen=True)
class ContactNote:
    """A talk with the owner: `answer` is what the owner said, `outcome` what came of it, `promised_on` the day payment
    was promised for. With `step`, the task of that step is answered."""

    kind: ContactKind
    answer: str
    step: str | None = None
    note: str | None = None
    promised_on: date | None = None
    cause: Cause | None = None
    outcome: ContactOutcome | None = None


def get_dunning_case(session: Session, caller: Caller, household: str, today: date) -> DunningCase:
    """Steps taken, holds, contacts and the next step of a household; empty lists and null without arrears.

    The next step is the one after the day the estate was last swept for, so that it is what the next sweep will do; on
    an estate never swept it is today's. An owner sees what was and will be said to the household, and nothing of what
    staff do or think. NotFound, Forbidden.
    """
    caller.require(Permission.READ_DUNNING_CASE)
    row = find_household(session, caller, household)
    contacts = queries.contacts(session, row.id)
    promise = next(
        (contact for contact in reversed(contacts) if contact.promised_on and contact.promised_on >= today), None
    )
    ladder = queries.ladder(session, row.estate_id, row.arrears_cause)
    holds = views.holds(queries.hold_facts(session, row.id), today)
    case = DunningCase(
        household=household,
        estate=row.estate,
        cause=row.arrears_cause,
        held=any(hold["released_at"] is None for hold in holds),
        steps=[views.taken_step(action, ladder.get(action.step)) for action in queries.actions(session, row.id)],
        holds=holds,
        next_step=_next(session, row, ladder, queries.last_swept(session, row.estate_id) or today, promise),
        disputes=[dispute_view(dispute, household) for dispute in treatment.disputes(session, row.id)],
        **_staff_notes(session, row, contacts, promise, today),
    )
    return views.for_owner(case, ladder) if caller.is_owner else case


def _staff_notes(
    session: Session,
    row: Household,
    contacts: Sequence[ContactRecord],
    promise: ContactRecord | None,
    today: date,
) -> StaffNotes:
    plans = [plan_view(plan, row.code) for plan in treatment.plans(session, row.id)]
    suggestion = suggest_cause(facts_of(session, row.id, today))
    return StaffNotes(
        contacts=[views.contact(plan, row.code) for plan in contacts],
        cause_note=next((plan.answer for plan in reversed(contacts) if plan.kind == "assessment"), None),
        promise=views.contact(promise, row.code) if promise else None,
        promises=[promises.view(record, row.code, today) for record in promise_tables.promises(session, row.id)],
        plan=plans[0] if plans else None,
        plans=plans,
        suggested_cause=SuggestedCause(cause=suggestion.cause, reasons=list(suggestion.reasons)),
    )


@dataclass(frozen=True)
class CaseCut:
    """Which cases: of an estate, whose last step this is; `unanswered`: with a task (of that step) nobody answered."""

    estate: str | None = None
    step: str | None = None
    unanswered: bool = False


def list_dunning_cases(
    session: Session, caller: Caller, cut: CaseCut, limit: int, cursor: str | None, today: date
) -> Page[DunningCaseSummary]:
    """Households that still owe what a step spoke of, and their last step, paged."""
    caller.require(Permission.READ_DUNNING)
    filters = {"estates": _scope(caller, cut.estate), "step": cut.step, "unanswered": cut.unanswered}
    rows = queries.cases(session, filters, today, _after(cursor), limit + 1)
    cases, next_cursor = page(rows, limit, lambda row: [row.household_id])
    return Page(items=[views.case(row, today) for row in cases], next_cursor=next_cursor)


def add_contact(
    session: Session, caller: Caller, household: str, request_id: UUID, content: ContactNote, now: datetime
) -> Contact:
    """Record a talk with the owner (D1); a cause named in it becomes the household's (D2), a promise to pay pauses the
    ladder as far as the policy goes.

    The same request again records nothing new; with other content it is a Conflict. Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    if content.step is not None and content.step not in queries.codes(session, row.estate_id):
        raise Invalid("There is no such step.", [{"loc": "step", "msg": "not a step of this estate's ladder"}])
    if content.outcome == "promised" and content.promised_on is None:
        raise Invalid("A promise has a day.", [{"loc": "promised_on", "msg": "the day payment was promised for"}])
    contact_row = {"household_id": row.id, "contacted_by": caller.sub, **asdict(content)}
    new = insert_once(session, dunning_contact, {"id": request_id, "contacted_at": now, **contact_row})
    if new and content.cause is not None:
        tables.set_cause(session, row.id, content.cause)
    if new and content.promised_on is not None:
        treatment.lock_household(session, household)
        promises.pause(session, caller, row, request_id, PromiseNote(content.promised_on, note=content.note), now)
    contact = same_request("contact", row_of(ContactRecord, by_id(session, dunning_contact, request_id)), contact_row)
    return views.contact(contact, household)


def set_arrears_cause(
    session: Session, caller: Caller, household: str, cause: Cause, note: str | None, now: datetime
) -> ArrearsCause:
    """Record why a household does not pay (D2); the note, if any, is kept with the contacts. NotFound, Forbidden.

    The same words by the same person on the same day are one note, however often they are sent.
    """
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    tables.set_cause(session, row.id, cause)
    if note is not None:
        words = f"{household}:{caller.sub}:{business_date(now)}:{cause}:{note}"
        note_row = {"id": uuid5(_NOTES, words), "household_id": row.id, "kind": "assessment", "answer": note}
        insert_once(
            session, dunning_contact, {"contacted_at": now, "contacted_by": caller.sub, "cause": cause, **note_row}
        )
    return ArrearsCause(household=household, cause=cause, note=note)


def _scope(caller: Caller, estate: str | None) -> list[str] | None:
    codes = caller.estate_filter(estate)
    return None if codes is None else sorted(codes)


def _after(cursor: str | None) -> int:
    key = position(cursor, int)
    return key[0] if key else 0


def _next(
    session: Session, row: Household, ladder: Mapping[str, LaidRung], today: date, promise: ContactRecord | None
) -> NextStep | None:
    bill, policy = queries.standing(session, row.id, today), policy_of(session, row.estate_id)
    upcoming = rules.next_step(queries.steps(ladder), bill, today, policy) if bill else None
    if upcoming is None:
        return None
    step, earliest_on = upcoming
    return NextStep(step=step.code, earliest_on=earliest_on, promised_on=promise.promised_on if promise else None)
