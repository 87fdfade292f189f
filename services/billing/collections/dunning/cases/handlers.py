"""STORY of cases: what was done about a household's arrears, why it does not pay, what comes next (D1, D2, D3, D5)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.collections.dunning import queries, rules, tables
from services.billing.collections.dunning.rules import Cause
from services.billing.collections.dunning.tables import dunning_contact
from services.billing.collections.dunning.treatment import tables as treatment
from services.billing.collections.dunning.treatment.disputes import dispute_view
from services.billing.collections.dunning.treatment.facts import facts_of
from services.billing.collections.dunning.treatment.household_plan import plan_view
from services.billing.collections.dunning.treatment.rules import suggest_cause
from services.billing.holds.rules import hold_periods
from services.billing.portfolio.tables import Household, find_household
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date, start_of_business_day
from services.common.domain.permissions import Permission
from services.common.once import by_id, insert_once, same_request
from services.common.paging import page, position

_NOTES = UUID("6f1d2c1e-6a57-5e0c-9a35-0b8f3d0f6d11")
ContactKind = Literal["phone", "visit", "message", "letter", "other"]
ContactOutcome = Literal["reached", "not_reached", "promised", "refused", "disputed", "wrong_number", "other"]


@dataclass(frozen=True)
class ContactNote:
    """A talk with the owner: `answer` is what the owner said, `outcome` what came of it, `promised_on` the day payment
    was promised for. With `step`, the task of that step is answered."""

    kind: str
    answer: str
    step: str | None = None
    note: str | None = None
    promised_on: date | None = None
    cause: Cause | None = None
    outcome: ContactOutcome | None = None


def get_dunning_case(session: Session, caller: Caller, household: str, today: date) -> dict[str, Any]:
    """Steps taken, holds, contacts and the next step of a household; empty lists and null without arrears.

    `{household, estate, cause, suggested_cause: {cause, reasons}, held, steps: [{step, as_of, due_date, overdue_days,
    kind, template, answered, …}], holds: [{reason, since, released_at, until, source, source_id}], next_step: {step,
    earliest_on, promised_on} | null, promise: {promised_on, …} | null, contacts, disputes, plan, plans}`.
    The next step is the one after the day the estate was last swept for, so that it is what the next sweep will do; on
    an estate never swept it is today's. An owner sees no contacts, plans or suggestions. NotFound, Forbidden.
    """
    caller.require(Permission.READ_DUNNING)
    row = find_household(session, caller, household)
    contacts = queries.contacts(session, row.id)
    promise = next((one for one in reversed(contacts) if one.promised_on and one.promised_on >= today), None)
    ladder = queries.ladder(session, row.estate_id, row.arrears_cause)
    case = {
        "household": household,
        "estate": row.estate,
        "cause": row.arrears_cause,
        "steps": [_step(action, ladder) for action in queries.actions(session, row.id)],
        "next_step": _next(session, row, ladder, queries.last_swept(session, row.estate_id) or today, promise),
        "disputes": [dispute_view(one, household) for one in treatment.disputes(session, row.id)],
        **_held(session, row.id, today),
    }
    return case | (_NOT_FOR_OWNERS if caller.is_owner else _work(session, row, contacts, promise, today))


_NOT_FOR_OWNERS: dict[str, Any] = {"contacts": [], "promise": None, "plan": None, "plans": [], "suggested_cause": None}


def _work(
    session: Session, row: Household, contacts: Sequence[Row[Any]], promise: Row[Any] | None, today: date
) -> dict[str, Any]:
    """What staff keep about a household."""
    plans = [plan_view(one, row.code) for one in treatment.plans(session, row.id)]
    suggestion = suggest_cause(facts_of(session, row.id, today))
    return {
        "contacts": [_contact(one) for one in contacts],
        "promise": _contact(promise) if promise else None,
        "plan": plans[0] if plans else None,
        "plans": plans,
        "suggested_cause": {"cause": suggestion.cause, "reasons": list(suggestion.reasons)},
    }


@dataclass(frozen=True)
class CaseCut:
    """Which cases: of an estate, whose last step this is; `unanswered`: with a task (of that step) nobody answered."""

    estate: str | None = None
    step: str | None = None
    unanswered: bool = False


def list_dunning_cases(
    session: Session, caller: Caller, cut: CaseCut, limit: int, cursor: str | None, today: date
) -> dict[str, Any]:
    """Households with an unpaid bill on the ladder and their last step: `{household, estate, building, step, as_of,
    due_date, overdue_days, overdue_fen, cause, held, answered}`, paged."""
    caller.require(Permission.READ_DUNNING)
    named = {"estates": _scope(caller, cut.estate), "step": cut.step, "unanswered": cut.unanswered, "as_of": today}
    rows = queries.cases(session, named, _after(cursor), limit + 1)
    shown, next_cursor = page(rows, limit, lambda row: [row.household_id])
    return {"items": [_case(row, today) for row in shown], "next_cursor": next_cursor}


def add_contact(
    session: Session, caller: Caller, household: str, request_id: UUID, said: ContactNote, now: datetime
) -> dict[str, Any]:
    """Record a talk with the owner (D1); a cause named in it becomes the household's (D2).

    The same request again records nothing new; with other content it is a Conflict. Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    if said.step is not None and said.step not in queries.codes(session, row.estate_id):
        raise Invalid("There is no such step.", [{"loc": "step", "msg": "not a step of this estate's ladder"}])
    if said.outcome == "promised" and said.promised_on is None:
        raise Invalid("A promise has a day.", [{"loc": "promised_on", "msg": "the day payment was promised for"}])
    wanted = {"household_id": row.id, "contacted_by": caller.sub, **asdict(said)}
    new = insert_once(session, dunning_contact, {"id": request_id, "contacted_at": now, **wanted})
    if new and said.cause is not None:
        tables.set_cause(session, row.id, said.cause)
    contact = same_request("contact", by_id(session, dunning_contact, request_id), wanted)
    return _contact(contact) | {"household": household}


def set_arrears_cause(
    session: Session, caller: Caller, household: str, cause: Cause, note: str | None, now: datetime
) -> dict[str, Any]:
    """Record why a household does not pay (D2); the note, if any, is kept with the contacts. NotFound, Forbidden.

    The same words by the same person on the same day are one note, however often they are sent.
    """
    caller.require(Permission.COLLECT_ARREARS)
    row = find_household(session, caller, household)
    tables.set_cause(session, row.id, cause)
    if note is not None:
        words = f"{household}:{caller.sub}:{business_date(now)}:{cause}:{note}"
        kept = {"id": uuid5(_NOTES, words), "household_id": row.id, "kind": "assessment", "answer": note}
        insert_once(session, dunning_contact, {"contacted_at": now, "contacted_by": caller.sub, "cause": cause, **kept})
    return {"household": household, "cause": cause}


def _scope(caller: Caller, estate: str | None) -> list[str] | None:
    codes = caller.estate_filter(estate)
    return None if codes is None else sorted(codes)


def _after(cursor: str | None) -> int:
    key = position(cursor, int)
    return key[0] if key else 0


def _held(session: Session, household_id: int, today: date) -> dict[str, Any]:
    """Every hold there was, and whether one stands."""
    periods: list[dict[str, Any]] = []
    for (kind, source_id), known in queries.hold_facts(session, household_id).items():
        about = {"reason": known.reason, "until": known.until, "source": kind, "source_id": str(source_id)}
        over = start_of_business_day(known.until + timedelta(days=1)) if known.until and known.until < today else None
        found = hold_periods(known.facts, ended=known.ended, over=over)
        periods += [{"since": one.since, "released_at": one.released_at, **about} for one in found]
    periods.sort(key=lambda hold: (hold["since"], hold["source_id"]))
    return {"held": any(hold["released_at"] is None for hold in periods), "holds": periods}


def _next(
    session: Session, row: Household, ladder: dict[str, Row[Any]], today: date, promise: Row[Any] | None
) -> dict[str, Any] | None:
    bill = queries.standing(session, row.id)
    found = rules.next_step(queries.steps(ladder), bill, today) if bill else None
    if found is None:
        return None
    return {"step": found[0].code, "earliest_on": found[1], "promised_on": promise.promised_on if promise else None}


def _step(action: Row[Any], ladder: dict[str, Row[Any]]) -> dict[str, Any]:
    rung = ladder.get(action.step)
    kind = rung.kind if rung else None
    return {
        "step": action.step,
        "as_of": action.as_of,
        "due_date": action.due_date,
        "overdue_days": action.overdue_days,
        "overdue_fen": action.overdue_fen,
        "late_fee_fen": action.late_fee_fen,
        "deadline": action.deadline,
        "bill_id": str(action.bill_id),
        "kind": kind,
        "template": rung.template if rung else None,
        "answered": action.answered if kind == "task" else None,
    }


def _contact(row: Row[Any]) -> dict[str, Any]:
    fields = row._asdict()
    del fields["household_id"]
    return fields | {"id": str(row.id)}


def _case(row: Row[Any], today: date) -> dict[str, Any]:
    fields = row._asdict()
    del fields["household_id"]
    return fields | {"overdue_days": (today - row.due_date).days}
