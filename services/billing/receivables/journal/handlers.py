"""STORY of the journal: who may read which entries, a page at a time (B7, I5)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_estate, find_household
from services.billing.receivables.journal import rules, tables
from services.billing.receivables.journal.tables import JournalFilter, JournalRow
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.ledger import LedgerEntry, MovementKind
from services.common.contracts.errors import Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.paging import page, position


@dataclass(frozen=True)
class Question:
    """Which entries somebody asks for; None: all in scope."""

    estate: str | None = None
    household: str | None = None
    bill_id: int | None = None
    account: str | None = None
    kind: MovementKind | None = None
    booked_from: date | None = None
    booked_to: date | None = None


def list_entries(
    session: Session, caller: Caller, question: Question, limit: int, cursor: str | None
) -> Page[LedgerEntry]:
    """Entries by estate, day booked and id. Codes and ids only: no name, no phone. Forbidden, NotFound, Invalid."""
    caller.require(Permission.READ_LEDGER)
    _check(question)
    household_id, estates = _scope_of(session, caller, question)
    cut = JournalFilter(
        household_id=household_id,
        bill_id=question.bill_id,
        account=question.account,
        kind=question.kind,
        booked_from=question.booked_from,
        booked_to=question.booked_to,
    )
    after = position(cursor, int, date.fromisoformat, int)
    rows = tables.entries_after(session, estates, cut, after and (after[0], after[1], after[2]), limit + 1)
    entries, next_cursor = page(rows, limit, lambda row: [row.estate_id, row.booked_on, row.id])
    return Page(items=[_view(entry) for entry in entries], next_cursor=next_cursor)


def _check(question: Question) -> None:
    is_narrow = any((question.estate, question.household, question.bill_id))
    is_sparse = any((question.account, question.kind))
    days = question.booked_from, question.booked_to
    faults = rules.faults(question.account, *days, is_narrow=is_narrow, is_sparse=is_sparse)
    if faults:
        raise Invalid("This cannot be looked up.", [{"loc": where, "msg": what} for where, what in faults])


def _scope_of(session: Session, caller: Caller, question: Question) -> tuple[int | None, frozenset[str] | None]:
    """The household's id, and the estates in which all that is asked for can be; None: every one."""
    estates, household_id = caller.estate_filter(question.estate), None
    if question.estate is not None:
        find_estate(session, caller, question.estate)
    if question.household is not None:
        home = find_household(session, caller, question.household)
        household_id, estates = home.id, _common(estates, home.estate)
    if question.bill_id is not None:
        code = tables.estate_of_bill(session, question.bill_id)
        if code is None:
            raise NotFound(f"There is no bill {question.bill_id}.")
        caller.require_estate(code)
        estates = _common(estates, code)
    return household_id, estates


def _common(estates: frozenset[str] | None, code: str) -> frozenset[str]:
    return frozenset({code} if estates is None or code in estates else ())


def _view(row: JournalRow) -> LedgerEntry:
    return LedgerEntry(
        id=row.id,
        estate=row.estate,
        booked_on=row.booked_on,
        value_on=row.value_on,
        kind=row.kind,
        debit_account=row.debit_account,
        credit_account=row.credit_account,
        amount_fen=row.amount_fen,
        household=row.household,
        bill_id=row.bill_id,
        source=row.source,
        recorded_at=row.recorded_at,
    )
