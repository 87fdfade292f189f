"""STORY of legal files (法务档案, D4): opened only where the law allows, their status kept as history."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from services.billing.collections.legal import rules, tables
from services.billing.collections.legal.gate import conditions_of, is_claimed, past
from services.billing.collections.legal.rules import LAWYERS_LETTER
from services.billing.collections.legal.tables import FileEvent, FileRecord, legal_file
from services.billing.portfolio.tables import Household, find_household, lock_household
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.legal import (
    Condition,
    FileStatus,
    FileStep,
    LegalFile,
    LegalFileSummary,
    LegalKind,
    LetterDelivery,
)
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import by_id, insert_once, same_request
from services.common.paging import page, position

CONDITIONS = TypeAdapter(list[Condition])


@dataclass(frozen=True)
class Wanted:
    """Which files a list shows."""

    estate: str | None = None
    household: str | None = None
    kind: LegalKind | None = None
    status: FileStatus | None = None


@dataclass(frozen=True)
class Step:
    """A change of a file's status."""

    status: FileStatus
    happened_on: date
    note: str | None = None


def open_file(
    session: Session, caller: Caller, request_id: UUID, household: str, kind: LegalKind, note: str | None, now: datetime
) -> LegalFile:
    """Open a file; the same request again answers with the same file.

    Conflict names every condition that stands against a suit, an arbitration or a lawyer's letter; nothing is opened
    against who owes nothing, and there is one file of a kind at a time. NotFound, Forbidden.
    """
    caller.require(Permission.KEEP_LEGAL_FILES)
    home = find_household(session, caller, household)
    lock_household(session, home.id)
    standing = by_id(session, legal_file, request_id)
    if standing is not None:
        same_request("file", standing, {"household_id": home.id, "kind": kind, "note": note})
        return get_file(session, caller, request_id)
    conditions = conditions_of(session, home, business_date(now))
    _refuse_unmet(conditions, kind)
    if not is_claimed(session, home, business_date(now)):
        raise Conflict("Less its credit the household owes nothing, or too little to urge for.")
    if tables.open_file(session, home.id, kind) is not None:
        raise Conflict(f"There is an open file of kind {kind} for this household already.")
    _insert(session, caller, request_id, home, kind, note, conditions, now)
    return get_file(session, caller, request_id)


def change_status(
    session: Session, caller: Caller, request_id: UUID, file_id: UUID, step: Step, now: datetime
) -> LegalFile:
    """Add to a file's history. What is opened may be filed, settled or withdrawn; what is filed also judged; the gate
    must still be open on the day a suit is filed. NotFound, Forbidden, Invalid, Conflict."""
    caller.require(Permission.KEEP_LEGAL_FILES)
    file = _file(session, caller, file_id, lock=True)
    standing = tables.file_event(session, request_id)
    if standing is not None:
        same_request("change", standing, {"file_id": file_id, **asdict(step)})
        return get_file(session, caller, file_id)
    _check_step(session, caller, file, step, now)
    _add_event(session, caller, request_id, file_id, step, now)
    if rules.is_final(step.status):
        tables.close_file(session, file_id, step.happened_on)
    return get_file(session, caller, file_id)


def add_delivery(
    session: Session, caller: Caller, request_id: UUID, file_id: UUID, on: date, proof: str, now: datetime
) -> LegalFile:
    """The lawyer's letter was received: kept with the deliveries, it restarts limitation like any demand (D4).

    NotFound, Forbidden, Invalid, Conflict (not a lawyer's letter).
    """
    caller.require(Permission.KEEP_LEGAL_FILES)
    file = _file(session, caller, file_id)
    if file.kind != "lawyers_letter":
        raise Conflict("Only a lawyer's letter is delivered to the household.")
    past(on, now, "delivered_on")
    if on < file.opened_on:
        raise Invalid("The letter is younger.", [{"loc": "delivered_on", "msg": f"not before {file.opened_on}"}])
    fact = {"message_id": request_id, "household": file.household, "bill_id": None, "step": "lawyers_letter"}
    words = {"cause": f"legal:{file_id}", "template": LAWYERS_LETTER, "channel": "letter", "outcome": "delivered"}
    days = {"stated_on": file.opened_on, "delivered_on": on, "deadline": None, "proof": proof, "recorded_at": now}
    tables.keep_fact(session, fact | words | days)
    return get_file(session, caller, file_id)


def get_file(session: Session, caller: Caller, file_id: UUID) -> LegalFile:
    """A file with its history, the gate as it stood when it was opened, and proven deliveries. NotFound, Forbidden."""
    caller.require(Permission.READ_LEGAL_FILES)
    file = _file(session, caller, file_id)
    letters = tables.deliveries(session, file.household_id, f"legal:{file_id}")
    return LegalFile(
        **_summary(file),
        gate=CONDITIONS.validate_python(file.gate),
        history=[_step(event) for event in tables.file_events(session, file_id)],
        deliveries=[LetterDelivery(delivered_on=letter.delivered_on, proof=letter.proof) for letter in letters],
    )


def list_files(
    session: Session, caller: Caller, filters: Wanted, limit: int, cursor: str | None
) -> Page[LegalFileSummary]:
    """Files in the caller's scope, newest first, paged. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_LEGAL_FILES)
    scope = caller.estate_filter(filters.estate)
    after = position(cursor, date.fromisoformat, UUID) or (None, None)
    cut = asdict(filters) | {"estates": None if scope is None else sorted(scope), "limit": limit + 1}
    del cut["estate"]
    rows = tables.files(session, cut | {"after_on": after[0], "after_id": after[1]})
    files, next_cursor = page(rows, limit, lambda row: [row.opened_on, row.id])
    return Page(items=[_summary(file) for file in files], next_cursor=next_cursor)


def _refuse_unmet(conditions: list[Condition], kind: LegalKind) -> None:
    missing = rules.unmet(conditions, kind)
    if missing:
        errors = [{"loc": condition.name, "msg": condition.why} for condition in missing]
        raise Conflict(f"Not allowed yet: {', '.join(condition.name for condition in missing)}.", errors)


def _check_step(session: Session, caller: Caller, file: FileRecord, step: Step, now: datetime) -> None:
    past(step.happened_on, now, "on")
    if step.happened_on < file.status_on:
        raise Invalid("The day is before the last change.", [{"loc": "on", "msg": f"not before {file.status_on}"}])
    if not rules.may_follow(file.status, step.status):
        raise Conflict(f"A file that is {file.status} cannot become {step.status}.")
    if step.status == "filed":
        home = find_household(session, caller, file.household)
        _refuse_unmet(conditions_of(session, home, step.happened_on), file.kind)


def _insert(
    session: Session, caller: Caller, file_id: UUID, home: Household, kind: LegalKind, note: str | None,
    conditions: list[Condition], now: datetime,
) -> None:  # fmt: skip
    today = business_date(now)
    stood = CONDITIONS.dump_python(conditions, mode="json")
    row = {"id": file_id, "household_id": home.id, "estate_id": home.estate_id, "kind": kind, "note": note}
    insert_once(session, legal_file, row | {"opened_on": today, "gate": stood})
    _add_event(session, caller, file_id, file_id, Step("opened", today, note), now)


def _add_event(session: Session, caller: Caller, request_id: UUID, file_id: UUID, step: Step, now: datetime) -> None:
    row = {"request_id": request_id, "file_id": file_id, **asdict(step), "recorded_by": caller.sub, "recorded_at": now}
    tables.add_file_event(session, row)


def _file(session: Session, caller: Caller, file_id: UUID, *, lock: bool = False) -> FileRecord:
    if lock:
        tables.lock_file(session, file_id)
    files = tables.files(session, {"id": file_id})
    if not files:
        raise NotFound("There is no such file.")
    caller.require_estate(files[0].estate)
    return files[0]


def _summary(file: FileRecord) -> LegalFileSummary:
    return LegalFileSummary(
        id=file.id,
        household=file.household,
        estate=file.estate,
        kind=file.kind,
        note=file.note,
        opened_on=file.opened_on,
        status=file.status,
        status_on=file.status_on,
        closed_on=file.closed_on,
    )


def _step(event: FileEvent) -> FileStep:
    return FileStep(
        status=event.status,
        on=event.happened_on,
        note=event.note,
        by=event.recorded_by,
        at=event.recorded_at,
    )
