"""STORY of the register: who may read which bills, a page at a time (B4, I5)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from services.billing.charging.bills.views.handlers import bill_view
from services.billing.charging.register import tables
from services.billing.charging.register.tables import RegisterFilter, RegisterRow
from services.billing.portfolio.tables import find_estate, find_household
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.bills import BillStatus, RegisteredBill
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import parse_period
from services.common.domain.permissions import Permission
from services.common.paging import page, position


@dataclass(frozen=True)
class Question:
    """Which bills somebody asks for; None: all in scope."""

    estate: str | None = None
    building: str | None = None
    household: str | None = None
    fee_item: str | None = None
    period: str | None = None
    status: BillStatus | None = None
    due_from: date | None = None
    due_to: date | None = None
    void: bool | None = None


def list_bills(
    session: Session, caller: Caller, question: Question, limit: int, cursor: str | None
) -> Page[RegisteredBill]:
    """Bills by estate, household, due date and id. Codes and ids only. Forbidden, NotFound, Invalid."""
    caller.require(Permission.READ_BILLS)
    _check(question)
    household_id, estates = _scope_of(session, caller, question)
    cut = RegisterFilter(
        household_id=household_id,
        building=question.building,
        fee_item=question.fee_item,
        period=parse_period(question.period) if question.period else None,
        status=question.status,
        due_from=question.due_from,
        due_to=question.due_to,
        void=question.void,
    )
    after = position(cursor, int, int, date.fromisoformat, int)
    rows = tables.bills_after(session, estates, cut, after and (after[0], after[1], after[2], after[3]), limit + 1)
    bills, next_cursor = page(rows, limit, lambda row: [row.estate_id, row.household_id, row.due_date, row.id])
    return Page(items=[_view(bill) for bill in bills], next_cursor=next_cursor)


def _check(question: Question) -> None:
    due_from, due_to = question.due_from, question.due_to
    checks = [
        (not (due_from and due_to and due_to < due_from), "due_to", "not before due_from"),
        (question.void is None or question.status is None or question.void == (question.status == "void"), "void",
         f"no bill is {question.status} and void={str(question.void).lower()}"),
        (question.building is None or question.estate is not None, "building", "name its estate beside it"),
    ]  # fmt: skip
    errors = [{"loc": where, "msg": what} for holds, where, what in checks if not holds]
    if errors:
        raise Invalid("This cannot be looked up.", errors)


def _scope_of(session: Session, caller: Caller, question: Question) -> tuple[int | None, frozenset[str] | None]:
    """The household's id, and the estates in which all that is asked for can be; None: every one."""
    estates = caller.estate_filter(question.estate)
    if question.estate is not None:
        find_estate(session, caller, question.estate)
    if question.household is None:
        return None, estates
    home = find_household(session, caller, question.household)
    return home.id, frozenset({home.estate} if question.estate in (None, home.estate) else ())


def _view(row: RegisterRow) -> RegisteredBill:
    return RegisteredBill(
        **bill_view(row),
        estate=row.estate,
        building=row.building,
        household=row.household,
        voided_at=row.voided_at,
        reissue_of=row.reissue_of,
    )
