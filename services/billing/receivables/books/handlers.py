"""STORY of the books: close a month, settle a quarter, keep the fund of an estate under remuneration (B2, B8)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.periods import first_of
from services.billing.portfolio.tables import Estate, find_estate
from services.billing.receivables.booking.handlers import book_credit
from services.billing.receivables.books import rules, tables
from services.billing.receivables.books.backdating import backdated_by_month
from services.billing.receivables.books.funds import REMUNERATION, fund, to_return
from services.billing.receivables.books.rules import AccountPeriod
from services.billing.receivables.books.tables import Close, Settlement
from services.billing.receivables.credits.applying import apply_credits
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, FEE_INCOME, BookingDay, Movement
from services.billing.receivables.trial_balance import rules as balance
from services.billing.receivables.trial_balance import tables as balance_sql
from services.billing.receivables.trial_balance.rules import Flow
from services.billing.tables import lock_estate
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.books import (
    AccountMovement,
    BackdatedPayment,
    KindMovement,
    MonthClose,
    QuarterReport,
    QuarterSettlement,
    Surplus,
)
from services.common.contracts.answers.trial_balance import AccountBalance
from services.common.contracts.errors import Conflict, Invalid
from services.common.contracts.events import MonthClosed
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date, format_period
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.common.observability.logs import get_logger
from services.common.once import same_request

log = get_logger(__name__)


def close_month(session: Session, caller: Caller, code: str, period: str, now: datetime) -> MonthClose:
    """Close a month of an estate (B8). Twice answers the same.

    Errors: Invalid (period), Conflict (not over yet; an earlier month is open; the sums disagree), NotFound, Forbidden.
    """
    caller.require(Permission.CLOSE_BOOKS)
    estate = find_estate(session, caller, code)
    month = first_of(period)
    lock_estate(session, estate.id)
    closes = {row.period: row for row in tables.closes(session, estate.id)}
    if month not in closes:
        last = max(closes, default=None)
        _refuse_to_close(session, estate, month, last, business_date(now))
        before = closes[last].balances if last else []
        _close(session, caller, estate, month, before, now)
    [close] = [row for row in tables.closes(session, estate.id) if row.period == month]
    return _close_view(code, close, backdated_by_month(session, estate.id))


def _refuse_to_close(session: Session, estate: Estate, month: date, last: date | None, today: date) -> None:
    if rules.last_day(month) >= today:
        raise Conflict(f"{format_period(month)} is not over yet.")
    first = tables.first_entry_on(session, estate.id) if last is None else None
    if last is None and month < (earliest := rules.earliest_to_close(first, today)):
        raise Conflict(f"{estate.code} has nothing before {format_period(earliest)} to close.")
    due_month = rules.next_to_close(first, last)
    if due_month is not None and month > due_month:
        raise Conflict(f"{format_period(due_month)} must be closed first.")
    if last is not None and month < last:
        raise Conflict(f"{format_period(last)} is closed already; a month before it cannot be closed any more.")
    flows, sums = balance_sql.flows_and_sums(session, frozenset({estate.code}))
    checks = balance.check(flows, sums)
    if balance.total_fen(checks):
        raise Conflict("The sums of this estate disagree; see the checks of its trial balance.")


def _close(
    session: Session, caller: Caller, estate: Estate, month: date, before: Sequence[AccountBalance], now: datetime
) -> None:
    """`before`: accounts as the last close left them: closed months never change, and before the first is nothing."""
    last = rules.last_day(month)
    flows = _flows(estate.id, tables.movements(session, estate.id, month, last))
    if estate.charging_mode == REMUNERATION:
        parts = rules.contribution(rules.received_fen(flows), tables.load_fund_policy(session, estate.id))
        source, description = f"close:{estate.code}:{format_period(month)}", f"fees received in {format_period(month)}"
        tables.post_fund(session, estate.id, parts, last, source, description, now)
    tables.insert_close(session, estate.id, Close(month, now, caller.sub, balance.accounts(flows, before)))
    record(session, MonthClosed(estate=estate.code, last_day=last), aggregate=f"estate:{estate.code}", at=now)
    log.info("month closed", extra={"estate": estate.code, "period": format_period(month), "by": caller.sub})


def _flows(estate_id: int, movements: Iterable[KindMovement]) -> list[Flow]:
    return [Flow(estate_id, line["debit_account"], line["credit_account"], line["fen"]) for line in movements]


def list_closes(session: Session, caller: Caller, code: str) -> Page[MonthClose]:
    """The closed months of an estate, oldest first. NotFound, Forbidden."""
    caller.require(Permission.READ_LEDGER)
    estate = find_estate(session, caller, code)
    rows = tables.closes(session, estate.id)
    payments = backdated_by_month(session, estate.id)
    return Page(items=[_close_view(code, row, payments) for row in rows], next_cursor=None)


def list_backdated_payments(session: Session, caller: Caller, code: str, period: str) -> Page[BackdatedPayment]:
    """Money in a month, closed or not, that was dated back beyond policy (E3). NotFound, Forbidden, Invalid."""
    caller.require(Permission.READ_LEDGER)
    estate = find_estate(session, caller, code)
    payments = backdated_by_month(session, estate.id).get(first_of(period), [])
    return Page(items=payments, next_cursor=None)


def _close_view(estate: str, close: Close, payments: Mapping[date, list[BackdatedPayment]]) -> MonthClose:
    return MonthClose(
        estate=estate,
        period=format_period(close.period),
        closed_at=close.closed_at,
        closed_by=close.closed_by,
        balances=list(close.balances),
        backdated_payments=payments.get(close.period, []),
    )


# --- quarters (B8) -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SettlementRequest:
    """Which quarter of which estate, and whether a surplus of its fund is carried on or returned (多退少补)."""

    estate: str
    quarter: str
    surplus: Surplus = "carry"


def settle_quarter(
    session: Session, caller: Caller, request_id: UUID, request: SettlementRequest, now: datetime
) -> QuarterSettlement:
    """Settle a quarter whose months are closed (B8). The same request again answers the same.

    Errors: Invalid (quarter), Conflict (a month is open, settled already, no fund to return), NotFound, Forbidden.
    """
    caller.require(Permission.CLOSE_BOOKS)
    estate = find_estate(session, caller, request.estate)
    months = _months(request.quarter)
    lock_estate(session, estate.id)
    standing = tables.settlement_by_id(session, request_id)
    if standing is None:
        _refuse_to_settle(session, estate, request, months)
        standing = _settle(session, caller, request_id, estate, request, months, now)
    terms = {"estate_id": estate.id, "quarter": request.quarter, "surplus": request.surplus}
    return _settlement_view(request.estate, same_request("settlement", standing, terms))


def _months(quarter: str) -> tuple[date, date, date]:
    try:
        return rules.months_of(quarter)
    except ValueError as error:
        raise Invalid("The quarter is not valid.", [{"loc": "quarter", "msg": str(error)}]) from error


def _refuse_to_settle(
    session: Session, estate: Estate, request: SettlementRequest, months: tuple[date, date, date]
) -> None:
    if tables.settlement_of(session, estate.id, request.quarter) is not None:
        raise Conflict(f"{request.quarter} of {request.estate} is settled already.")
    closed_months = {row.period for row in tables.closes(session, estate.id)}
    if missing := [format_period(month) for month in months if month not in closed_months]:
        raise Conflict(f"Not closed yet: {', '.join(missing)}.")
    if request.surplus == "return" and estate.charging_mode != REMUNERATION:
        raise Conflict(f"Estate {request.estate} is charged as a lump sum (包干制); it has no surplus to return.")


def _settle(
    session: Session,
    caller: Caller,
    request_id: UUID,
    estate: Estate,
    request: SettlementRequest,
    months: tuple[date, date, date],
    now: datetime,
) -> Settlement:
    first, last = months[0], rules.last_day(months[2])
    report = _report(session, estate, first, last)
    returned_fen = _return_surplus(session, request_id, estate, last, now) if request.surplus == "return" else 0
    settlement = Settlement(
        id=request_id,
        estate_id=estate.id,
        quarter=request.quarter,
        surplus=request.surplus,
        returned_fen=returned_fen,
        report=report,
        settled_at=now,
        settled_by=caller.sub,
    )
    tables.insert_settlement(session, settlement)
    log.info(
        "quarter settled", extra={"estate": request.estate, "quarter": request.quarter, "returned_fen": returned_fen}
    )
    return settlement


def _report(session: Session, estate: Estate, first: date, last: date) -> QuarterReport:
    before = _flows(estate.id, tables.movements(session, estate.id, date.min, rules.day_before(first)))
    movements = tables.movements(session, estate.id, first, last)
    lines = rules.account_periods(before, _flows(estate.id, movements))
    return QuarterReport(
        accounts=[_account_movement(line) for line in lines],
        movements=movements,
        fund=fund(session, estate.id, first, last) if estate.charging_mode == REMUNERATION else None,
    )


def _account_movement(line: AccountPeriod) -> AccountMovement:
    return AccountMovement(
        account=line.account,
        opening_fen=line.opening_fen,
        debit_fen=line.debit_fen,
        credit_fen=line.credit_fen,
        closing_fen=line.closing_fen,
    )


def _return_surplus(session: Session, request_id: UUID, estate: Estate, last: date, now: datetime) -> int:
    """Give the surplus at the quarter's end back to the households by floor area, as prepaid balance, booked today."""
    moves = rules.returns(to_return(session, estate.id, last))
    surplus, source, today = sum(move.amount_fen for move in moves), f"settlement:{request_id}", business_date(now)
    homes = tables.household_areas(session, estate.id) if surplus else []
    if not homes:
        return 0
    parts = rules.share_surplus(surplus, [home.area_m2 for home in homes])
    movements = {
        home.household_id: Movement("surplus_returned", FEE_INCOME, CUSTOMER_CREDIT, fen, BookingDay(today), source)
        for home, fen in zip(homes, parts, strict=True)
    }
    tables.post_fund(session, estate.id, moves, today, source, "surplus returned to the owners (多退少补)", now)
    book_credit(session, estate.id, movements, now)
    apply_credits(session, movements, source, now)
    return surplus


def list_settlements(session: Session, caller: Caller, code: str) -> Page[QuarterSettlement]:
    """The settled quarters of an estate, oldest first. NotFound, Forbidden."""
    caller.require(Permission.READ_LEDGER)
    estate = find_estate(session, caller, code)
    rows = tables.settlements(session, estate.id)
    return Page(items=[_settlement_view(code, row) for row in rows], next_cursor=None)


def _settlement_view(estate: str, settlement: Settlement) -> QuarterSettlement:
    report = settlement.report
    return QuarterSettlement(
        id=settlement.id,
        estate=estate,
        quarter=settlement.quarter,
        surplus=settlement.surplus,
        returned_fen=settlement.returned_fen,
        settled_at=settlement.settled_at,
        settled_by=settlement.settled_by,
        accounts=report["accounts"],
        movements=report["movements"],
        fund=report.get("fund"),  # an older report has none where there is none
    )
