"""STORY of credit moved by hand: to open bills, or back to the owner (B6). Never commits."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_household
from services.billing.receivables.allocation.credit import place_credit
from services.billing.receivables.allocation.portions import Designation
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.credits import tables
from services.billing.receivables.credits.tables import ApplicationRow, RefundRow
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, Account, Movement, cash_account
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.credits import CreditApplication, CreditRefund, RefundChannel
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.money import yuan
from services.common.domain.permissions import Permission
from services.common.once import same_request
from services.common.paging import page, position


@dataclass(frozen=True)
class Refund:
    """Surplus to be given back, by which channel and why."""

    amount_fen: int
    channel: RefundChannel
    reason: str


def refund_credit(
    session: Session, caller: Caller, request_id: UUID, household: str, refund: Refund, now: datetime
) -> CreditRefund:
    """Take credit out of the books because it was handed back to the owner (B6).

    The same call again answers the same. NotFound, Forbidden, Invalid (reason), Conflict (more than the credit; id used
    for another refund).
    """
    caller.require(Permission.REFUND_CREDIT)
    if not refund.reason.strip():
        raise Invalid("A refund needs a reason.", [{"loc": "reason", "msg": "say why"}])
    account = _lock_account(session, caller, household)
    standing = tables.refund(session, request_id)
    if standing is None:
        standing = _refund(session, caller, request_id, account, refund, now)
    same_request("refund", standing, {"household_id": account.id, **vars(refund)})
    return _refund_view(standing, household)


def _lock_account(session: Session, caller: Caller, household: str) -> Account:
    find_household(session, caller, household)
    ledger.lock_estate_of(session, household)
    account = ledger.account(session, household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    return account


def _refund(
    session: Session, caller: Caller, request_id: UUID, account: Account, refund: Refund, now: datetime
) -> RefundRow:
    if refund.amount_fen > account.free_credit_fen:
        raise Conflict(f"The household's credit is {yuan(account.free_credit_fen)} yuan; more cannot be given back.")
    day, cash = account.booking_day(business_date(now)), cash_account(refund.channel)
    paid_out = Movement("credit_refunded", CUSTOMER_CREDIT, cash, refund.amount_fen, day, str(request_id))
    book(session, account, [paid_out], now)
    row = vars(refund) | {"id": request_id, "estate_id": account.estate_id, "household_id": account.id}
    booking = {"booked_on": day.booked_on, "refunded_by": caller.sub, "refunded_at": now}
    return tables.add_refund(session, row | booking)


def list_refunds(
    session: Session, caller: Caller, household: str, limit: int, cursor: str | None
) -> Page[CreditRefund]:
    """Refunds of a household's surplus, newest first. NotFound, Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_STATEMENT)
    home = find_household(session, caller, household)
    after = position(cursor, datetime.fromisoformat, UUID)
    rows = tables.refunds_after(session, home.id, after, limit + 1)
    refunds, next_cursor = page(rows, limit, lambda row: [row.refunded_at.isoformat(), row.id])
    return Page(items=[_refund_view(row, household) for row in refunds], next_cursor=next_cursor)


def _refund_view(row: RefundRow, household: str) -> CreditRefund:
    return CreditRefund(
        id=row.id,
        household=household,
        amount_fen=row.amount_fen,
        channel=row.channel,
        reason=row.reason,
        booked_on=row.booked_on,
        refunded_by=row.refunded_by,
        refunded_at=row.refunded_at,
    )


def apply_standing_credit(
    session: Session, caller: Caller, request_id: UUID, household: str, bill_ids: list[int], now: datetime
) -> CreditApplication:
    """Settle open bills from the household's credit: those named first, then oldest due first (B6, B9).

    The same call again answers the same. NotFound, Forbidden, Invalid (bills of others), Conflict (no credit; a void
    bill; id used for another application).
    """
    caller.require(Permission.APPLY_CREDIT)
    account = _lock_account(session, caller, household)
    standing = tables.application(session, request_id)
    if standing is None:
        standing = _apply(session, caller, request_id, account, bill_ids, now)
    same_request("application of credit", standing, {"household_id": account.id, "bill_ids": bill_ids})
    return CreditApplication(
        id=request_id,
        household=household,
        applied_fen=sum(share["principal_fen"] + share["late_fee_fen"] for share in standing.shares),
        bills=standing.shares,
        credit_fen=standing.credit_left_fen,
    )


def _check_bills(session: Session, account: Account, bill_ids: list[int]) -> None:
    """Nobody's credit pays what was not meant: bills that are named are the household's own, and not void."""
    own = tables.own_bills(session, account.id, bill_ids)
    unknown = [bill_id for bill_id in bill_ids if bill_id not in own]
    if unknown:
        errors = [{"loc": "bill_ids", "msg": f"{bill_id} is no bill of this household"} for bill_id in unknown]
        raise Invalid("Some bills are not of this household.", errors)
    void = [bill_id for bill_id, is_void in own.items() if is_void]
    if void:
        raise Conflict(f"Bill {void[0]} is void.")


def _apply(
    session: Session, caller: Caller, request_id: UUID, account: Account, bill_ids: list[int], now: datetime
) -> ApplicationRow:
    _check_bills(session, account, bill_ids)
    if not account.free_credit_fen:
        raise Conflict("The household has no credit.")
    shares = place_credit(session, account, str(request_id), now, Designation(bill_ids))
    row = {"id": request_id, "household_id": account.id, "bill_ids": bill_ids, "applied_by": caller.sub}
    credit_left_fen = account.credit_fen - sum(share.total_fen for share in shares)
    outcome = {"shares": [asdict(share) for share in shares], "credit_left_fen": credit_left_fen, "applied_at": now}
    return tables.add_application(session, row | outcome)
