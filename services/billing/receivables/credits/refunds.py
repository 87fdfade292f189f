"""STORY of refunds of surplus (多退少补, B6, ADR 18): asked for and reserved → approved by somebody else → booked.

Never commits. Everything of a household happens under its row's lock, so that requests, decisions and payments meet one
by one.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_household
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.booking.open_items import items_to_pay
from services.billing.receivables.credits import refund_tables, rules
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.credits.handlers import lock_account
from services.billing.receivables.credits.refund_tables import RefundRow
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, Account, Movement, cash_account
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.credits import CreditRefund, RefundChannel, RefundStatus
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
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


def request_refund(
    session: Session, caller: Caller, request_id: UUID, household: str, refund: Refund, now: datetime
) -> CreditRefund:
    """Ask for surplus to be handed back; it is reserved and pays nothing until somebody else has decided (B6).

    While something of the household is overdue, only who approves refunds may ask; the answer says how much it is. The
    same call again answers the same. NotFound, Forbidden, Invalid (reason), Conflict (more than the free credit; id
    used for another refund).
    """
    caller.require(Permission.REFUND_CREDIT)
    if not refund.reason.strip():
        raise Invalid("A refund needs a reason.", [{"loc": "reason", "msg": "say why"}])
    account = lock_account(session, caller, household)
    if refund_tables.refund(session, request_id) is None:
        _reserve(session, caller, request_id, account, refund, now)
    record = refund_tables.refund(session, request_id)
    return _view(same_request("refund", record, {"household_id": account.id, **vars(refund)}))


def _reserve(
    session: Session, caller: Caller, request_id: UUID, account: Account, refund: Refund, now: datetime
) -> None:
    overdue_fen = _overdue_fen(session, account, now)
    if overdue_fen and not caller.may(Permission.APPROVE_REFUND):
        raise Forbidden(f"While {yuan(overdue_fen)} yuan are overdue only finance may ask for a refund.")
    if refund.amount_fen > account.free_credit_fen:
        raise Conflict(f"The household's credit is {yuan(account.free_credit_fen)} yuan; more cannot be given back.")
    refund_tables.reserve(session, account.id, refund.amount_fen)
    row = vars(refund) | {"id": request_id, "estate_id": account.estate_id, "household_id": account.id}
    request = {"status": "requested", "requested_by": caller.sub, "requested_at": now, "overdue_fen": overdue_fen}
    refund_tables.add(session, row | request)


def _overdue_fen(session: Session, account: Account, now: datetime) -> int:
    items = items_to_pay(session, account)
    bills, plans = open_bills(items.bills, items.entries), list(items.plans.by_id.values())
    return rules.overdue_fen(bills, plans, policy_of(account), business_date(now))


def approve_refund(session: Session, caller: Caller, refund_id: UUID, note: str | None, now: datetime) -> CreditRefund:
    """Take the reserved credit out of the books because it is handed back; approving again changes nothing (ADR 18).

    NotFound, Forbidden (role, scope, own request), Conflict (rejected, withdrawn).
    """
    caller.require(Permission.APPROVE_REFUND)
    account, refund = _to_decide(session, caller, refund_id)
    if refund.status != "approved":
        _require_pending(refund)
        if caller.sub == refund.requested_by:
            raise Forbidden("Nobody approves the own request (four eyes); let somebody else decide.")
        day, cash = account.booking_day(business_date(now)), cash_account(refund.channel)
        refund_tables.reserve(session, account.id, -refund.amount_fen)
        paid_out = Movement("credit_refunded", CUSTOMER_CREDIT, cash, refund.amount_fen, day, str(refund_id))
        book(session, account, [paid_out], now)
        booking = {"booked_on": day.booked_on, "refunded_by": caller.sub, "refunded_at": now}
        _decide(
            session,
            caller,
            refund_id,
            "approved",
            note,
            now,
            overdue_fen=_overdue_fen(session, account, now),
            **booking,
        )
    return _load(session, refund_id)


def reject_refund(session: Session, caller: Caller, refund_id: UUID, reason: str | None, now: datetime) -> CreditRefund:
    """Refuse a refund that waits; what it kept pays bills again. Rejecting again changes nothing.

    NotFound, Forbidden, Conflict.
    """
    caller.require(Permission.APPROVE_REFUND)
    account, refund = _to_decide(session, caller, refund_id)
    if refund.status != "rejected":
        _require_pending(refund)
        _decide(session, caller, refund_id, "rejected", reason, now)
        _free(session, account, refund, now)
    return _load(session, refund_id)


def withdraw_refund(
    session: Session, caller: Caller, refund_id: UUID, reason: str | None, now: datetime
) -> CreditRefund:
    """Take the own pending request back; what it kept pays bills again. Doing so again changes nothing.

    NotFound, Forbidden, Conflict.
    """
    caller.require(Permission.REFUND_CREDIT)
    account, refund = _to_decide(session, caller, refund_id)
    if caller.sub != refund.requested_by:
        raise Forbidden("Only who asked for a refund may withdraw it.")
    if refund.status != "withdrawn":
        _require_pending(refund)
        _decide(session, caller, refund_id, "withdrawn", reason, now)
        _free(session, account, refund, now)
    return _load(session, refund_id)


def _to_decide(session: Session, caller: Caller, refund_id: UUID) -> tuple[Account, RefundRow]:
    household = _find(session, refund_id).household
    account = lock_account(session, caller, household)
    return account, _find(session, refund_id)  # again: somebody else may have decided meanwhile


def _find(session: Session, refund_id: UUID) -> RefundRow:
    row = refund_tables.refund(session, refund_id)
    if row is None:
        raise NotFound("There is no such refund.")
    return row


def _require_pending(refund: RefundRow) -> None:
    if refund.status != "requested":
        raise Conflict(f"This refund is {refund.status} already.")


def _decide(
    session: Session,
    caller: Caller,
    refund_id: UUID,
    status: RefundStatus,
    reason: str | None,
    now: datetime,
    **changes: object,
) -> None:
    verdict = {"status": status, "decided_by": caller.sub, "decided_at": now, "decision_reason": reason}
    refund_tables.decide(session, refund_id, verdict | changes)


def _free(session: Session, account: Account, refund: RefundRow, now: datetime) -> None:
    """The credit is kept no longer, and pays what is open as if it had never been."""
    refund_tables.reserve(session, account.id, -refund.amount_fen)
    apply_credit(session, account.code, str(refund.id), now)


def list_refunds(
    session: Session,
    caller: Caller,
    estate: str | None,
    household: str | None,
    status: RefundStatus | None,
    limit: int,
    cursor: str | None,
) -> Page[CreditRefund]:
    """Refunds in scope, newest first. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_CREDIT_NOTES)
    return _page(session, caller.estate_filter(estate), household, status, limit, cursor)


def list_refunds_of(
    session: Session, caller: Caller, household: str, limit: int, cursor: str | None
) -> Page[CreditRefund]:
    """Refunds of a household, newest first. NotFound, Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_STATEMENT)
    find_household(session, caller, household)
    return _page(session, None, household, None, limit, cursor)


def _page(
    session: Session,
    estates: frozenset[str] | None,
    household: str | None,
    status: RefundStatus | None,
    limit: int,
    cursor: str | None,
) -> Page[CreditRefund]:
    before = position(cursor, datetime.fromisoformat, UUID)
    rows = refund_tables.refunds_before(session, estates, household, status, before, limit + 1)
    refunds, next_cursor = page(rows, limit, lambda row: [row.requested_at.isoformat(), row.id])
    return Page(items=[_view(row) for row in refunds], next_cursor=next_cursor)


def _load(session: Session, refund_id: UUID) -> CreditRefund:
    return _view(_find(session, refund_id))


def _view(row: RefundRow) -> CreditRefund:
    return CreditRefund(
        id=row.id,
        household=row.household,
        estate=row.estate,
        amount_fen=row.amount_fen,
        channel=row.channel,
        reason=row.reason,
        status=row.status,
        overdue_fen=row.overdue_fen,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
        booked_on=row.booked_on,
        refunded_by=row.refunded_by,
        refunded_at=row.refunded_at,
    )
