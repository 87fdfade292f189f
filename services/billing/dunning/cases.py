"""STORY of cases: what was done about a household's arrears, why it does not pay, what comes next (D1, D2, D3, D5)."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any, Literal
from uuid import UUID, uuid5

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.dunning import queries, rules, tables
from services.billing.dunning.rules import BUCKETS, Cause
from services.billing.ledger.late_fee import late_fees_due
from services.billing.portfolio.tables import find_household
from services.common.access import Caller
from services.common.calendar import business_date
from services.common.contracts.errors import Conflict, Invalid
from services.common.paging import page, position

COLLECTORS = ("group_admin", "finance", "estate_manager", "steward")
READERS = (*COLLECTORS, "auditor")
_NOTES = UUID("6f1d2c1e-6a57-5e0c-9a35-0b8f3d0f6d11")
ContactKind = Literal["phone", "visit", "message", "letter", "other"]


@dataclass(frozen=True)
class ContactNote:
    """A talk with the owner: `answer` is what the owner said, `promised_on` the day payment was promised for."""

    kind: str
    answer: str
    step: str | None = None
    note: str | None = None
    promised_on: date | None = None
    cause: Cause | None = None


def get_dunning_case(session: Session, caller: Caller, household: str, today: date) -> dict[str, Any]:
    """Steps taken, holds, contacts and the next step of a household; empty lists and null without arrears.

    `{household, estate, cause, held, steps: [{step, as_of, due_date, overdue_days, kind, template, …}], holds:
    [{reason, since, released_at, source, source_id}], next_step: {step, earliest_on} | null, contacts: […]}`.
    The next step is the one after the day the estate was last swept for, so that it is what the next sweep will do; on
    an estate never swept it is today's. An owner sees no contacts. NotFound, Forbidden.
    """
    caller.require(*READERS, "cashier", "owner")
    row = find_household(session, caller, household)
    actions = queries.actions(session, row.id)
    ladder = queries.ladder(session, row.estate_id, row.arrears_cause)
    holds = _holds(session, row.id)
    contacts = [] if caller.is_owner else [_contact(one) for one in queries.contacts(session, row.id)]
    return {
        "household": household,
        "estate": row.estate,
        "cause": row.arrears_cause,
        "held": any(hold["released_at"] is None for hold in holds),
        "steps": [_step(action, ladder) for action in actions],
        "holds": holds,
        "next_step": _next(session, row, ladder, queries.last_swept(session, row.estate_id) or today),
        "contacts": contacts,
    }


def list_dunning_cases(
    session: Session, caller: Caller, estate: str | None, step: str | None, limit: int, cursor: str | None, today: date
) -> dict[str, Any]:
    """Households with an unpaid bill on the ladder and their last step: `{household, estate, building, step, as_of,
    due_date, overdue_days, overdue_fen, cause, held}`, paged."""
    caller.require(*READERS)
    rows = queries.cases(session, _scope(caller, estate), step, _after(cursor), limit + 1)
    shown, next_cursor = page(rows, limit, lambda row: [row.household_id])
    return {"items": [_case(row, today) for row in shown], "next_cursor": next_cursor}


def add_contact(
    session: Session, caller: Caller, household: str, request_id: UUID, said: ContactNote, now: datetime
) -> dict[str, Any]:
    """Record a talk with the owner (D1); a cause named in it becomes the household's (D2).

    The same request again records nothing new; with other content it is a Conflict. Invalid, NotFound, Forbidden.
    """
    caller.require(*COLLECTORS)
    row = find_household(session, caller, household)
    if said.step is not None and said.step not in queries.ladder(session, row.estate_id):
        raise Invalid("There is no such step.", [{"loc": "step", "msg": "not a step of this estate's ladder"}])
    wanted = {"household_id": row.id, "contacted_by": caller.sub, **asdict(said)}
    new = tables.insert_contact(session, {"id": request_id, "contacted_at": now, **wanted})
    if new and said.cause is not None:
        tables.set_cause(session, row.id, said.cause)
    kept = queries.contact(session, request_id)
    if kept is None or any(getattr(kept, name) != value for name, value in wanted.items()):
        raise Conflict("This request id was used for another contact.")
    return _contact(kept) | {"household": household}


def set_arrears_cause(
    session: Session, caller: Caller, household: str, cause: Cause, note: str | None, now: datetime
) -> dict[str, Any]:
    """Record why a household does not pay (D2); the note, if any, is kept with the contacts. NotFound, Forbidden.

    The same words by the same person on the same day are one note, however often they are sent.
    """
    caller.require(*COLLECTORS)
    row = find_household(session, caller, household)
    tables.set_cause(session, row.id, cause)
    if note is not None:
        words = f"{household}:{caller.sub}:{business_date(now)}:{cause}:{note}"
        kept = {"id": uuid5(_NOTES, words), "household_id": row.id, "kind": "assessment", "answer": note}
        tables.insert_contact(session, {"contacted_at": now, "contacted_by": caller.sub, "cause": cause, **kept})
    return {"household": household, "cause": cause}


@dataclass(frozen=True)
class ArrearsCut:
    """How the arrears ledger is cut; None: not by this."""

    estate: str | None = None
    building: str | None = None
    steward: str | None = None
    bucket: str | None = None
    cause: Cause | None = None


def list_arrears(
    session: Session, caller: Caller, cut: ArrearsCut, limit: int, cursor: str | None, today: date
) -> dict[str, Any]:
    """Overdue households (D5): `{household, estate, building, steward, cause, overdue_fen, late_fee_fen, bills,
    oldest_due_date, overdue_days, bucket, buckets}`, paged. A household is in the bucket of its oldest bill;
    `buckets` splits its amount by the age of each bill. Invalid (unknown bucket), Forbidden."""
    caller.require(*READERS, "cashier")
    named = {
        "estates": _scope(caller, cut.estate),
        "building": cut.building,
        "steward": cut.steward,
        "cause": cut.cause,
    }
    rows = queries.arrears(session, named, _bucket(cut.bucket), _after(cursor), limit + 1, today)
    shown, next_cursor = page(rows, limit, lambda row: [row.household_id])
    fees = late_fees_due(session, [row.household_id for row in shown], today)
    return {"items": [_arrears(row, fees.get(row.household_id, 0)) for row in shown], "next_cursor": next_cursor}


def _bucket(name: str | None) -> tuple[int, int | None]:
    if name is None:
        return 1, None
    try:
        return rules.bucket_days(name)
    except KeyError as error:
        known = ", ".join(bucket for bucket, _, _ in BUCKETS)
        raise Invalid("There is no such bucket.", [{"loc": "bucket", "msg": f"one of {known}"}]) from error


def _scope(caller: Caller, estate: str | None) -> list[str] | None:
    codes = caller.estate_filter(estate)
    return None if codes is None else sorted(codes)


def _after(cursor: str | None) -> int:
    key = position(cursor, int)
    return key[0] if key else 0


def _holds(session: Session, household_id: int) -> list[dict[str, Any]]:
    found = queries.hold_facts(session, household_id)
    periods = chain.from_iterable(
        (
            {
                "reason": reason,
                "since": period.since,
                "released_at": period.released_at,
                "source": kind,
                "source_id": str(source_id),
            }
            for period in rules.hold_periods(facts, ended=ended)
        )
        for (kind, source_id), (reason, ended, facts) in found.items()
    )
    return sorted(periods, key=lambda hold: (hold["since"], hold["source_id"]))


def _next(session: Session, row: Row[Any], ladder: dict[str, Row[Any]], today: date) -> dict[str, Any] | None:
    bill = queries.standing(session, row.id)
    found = rules.next_step(queries.steps(ladder), bill, today) if bill else None
    return {"step": found[0].code, "earliest_on": found[1]} if found else None


def _step(action: Row[Any], ladder: dict[str, Row[Any]]) -> dict[str, Any]:
    rung = ladder.get(action.step)
    return {
        "step": action.step,
        "as_of": action.as_of,
        "due_date": action.due_date,
        "overdue_days": action.overdue_days,
        "overdue_fen": action.overdue_fen,
        "late_fee_fen": action.late_fee_fen,
        "deadline": action.deadline,
        "bill_id": str(action.bill_id),
        "kind": rung.kind if rung else None,
        "template": rung.template if rung else None,
    }


def _contact(row: Row[Any]) -> dict[str, Any]:
    fields = row._asdict()
    del fields["household_id"]
    return fields | {"id": str(row.id)}


def _case(row: Row[Any], today: date) -> dict[str, Any]:
    fields = row._asdict()
    del fields["household_id"]
    return fields | {"overdue_days": (today - row.due_date).days}


def _arrears(row: Row[Any], late_fee_fen: int) -> dict[str, Any]:
    amounts = (row.b1, row.b2, row.b3, row.b4, row.b5)
    return {
        "household": row.household,
        "estate": row.estate,
        "building": row.building,
        "steward": row.steward,
        "cause": row.cause,
        "overdue_fen": row.overdue_fen,
        "late_fee_fen": late_fee_fen,
        "bills": row.bills,
        "oldest_due_date": row.oldest_due_date,
        "overdue_days": row.overdue_days,
        "bucket": rules.bucket_of(row.overdue_days),
        "buckets": {name: fen for (name, _, _), fen in zip(BUCKETS, amounts, strict=True)},
    }
