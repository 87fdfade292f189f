"""STORY of voids (B5): credit note → everything on the bill undone → money back to credit → perhaps billed again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.voids import reissuing, rules, tables
from services.billing.charging.voids.rules import Standing
from services.billing.charging.voids.tables import BillToVoid, NoteRow
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.booking.open_items import items_of
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import (
    BILL_VOIDED,
    CUSTOMER_CREDIT,
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    RECEIVABLE,
    WAIVER_REVERSED,
    BookingDay,
    Movement,
    MovementKind,
)
from services.billing.receivables.waivers.tables import pending
from services.billing.tables import lock_estate
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.voids import CreditNote, Reissue, VoidedBill
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date, format_period
from services.common.domain.permissions import Permission
from services.common.once import same_request
from services.common.paging import page, position


@dataclass(frozen=True)
class Void:
    """Which bill is void, why, and whether it is billed again at once."""

    bill_id: int
    reason: str
    reissue: bool = False


def void_bill(session: Session, caller: Caller, request_id: UUID, request: Void, now: datetime) -> VoidedBill:
    """Void a bill by credit note; with `reissue` bill its unit, fee item and month again, due as before (B5).

    The same call again answers the same. Errors: NotFound, Forbidden, Invalid (reason), Conflict (void already, waiver
    pending, plan performing, nothing to bill again, id used for another void).
    """
    caller.require(Permission.VOID_BILL)
    if not request.reason.strip():
        raise Invalid("A void needs a reason.", [{"loc": "reason", "msg": "say why"}])
    bill = _lock_bill(session, caller, request.bill_id)
    standing = tables.note(session, request_id)
    if standing is None:
        _void(session, caller, request_id, bill, request, now)
    else:
        same_request("void", standing, vars(request))
    return _view(session, request_id)


def _lock_bill(session: Session, caller: Caller, bill_id: int) -> BillToVoid:
    """The bill as it is once nobody else posts on its estate any more."""
    snapshot = tables.bill(session, bill_id)
    if snapshot is None:
        raise NotFound(f"There is no bill {bill_id}.")
    caller.require_estate(snapshot.estate)
    lock_estate(session, snapshot.estate_id)
    bill = tables.bill(session, bill_id)
    if bill is None:
        raise NotFound(f"There is no bill {bill_id}.")
    return bill


def _void(session: Session, caller: Caller, request_id: UUID, bill: BillToVoid, request: Void, now: datetime) -> None:
    account = ledger.account(session, bill.household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {bill.household}.")
    _refuse_if_bound(session, bill)
    items = items_of(session, account, [bill.id])
    stands = rules.standing(items.entries[bill.id], bill.due_date)
    day = account.booking_day(business_date(now))
    book(session, account, _movements(bill, stands, day, str(request_id)), now, items)
    tables.mark_void(session, bill.id, now)
    tables.add_note(session, _note(session, caller, request_id, bill, stands, request, day, now))
    if request.reissue:
        reissuing.bill_again(session, caller, request_id, bill, now)
    else:
        apply_credit(session, bill.household, str(request_id), now)


def _refuse_if_bound(session: Session, bill: BillToVoid) -> None:
    if bill.voided_at is not None:
        note = tables.note_of(session, bill.id)
        by = f" by credit note {rules.number(note.estate, note.number)}" if note else ""
        raise Conflict(f"Bill {bill.id} is void already{by}.")
    waits = pending(session, [bill.id])
    if waits is not None:
        raise Conflict(f"Waiver {waits.id} waits for bill {bill.id}; decide on it or withdraw it first.")
    plan = tables.performing_plan(session, bill.household_id)
    if plan is not None:
        raise Conflict(f"Instalment plan {plan} of this household is performing; end it first.")


def _movements(bill: BillToVoid, stands: Standing, day: BookingDay, cause: str) -> Iterator[Movement]:
    """Everything on the bill the other way round. Money is credit from the day it came, as if there were no bill."""

    def movement(kind: MovementKind, debit: str, credit: str, fen: int, came: BookingDay = day) -> Movement:
        return Movement(kind, debit, credit, fen, came, cause, bill.id)

    for receipt in stands.receipts:
        came = BookingDay(day.booked_on, None if receipt.on == day.booked_on else receipt.on)
        yield movement("void_released", RECEIVABLE, CUSTOMER_CREDIT, receipt.principal_fen, came)
        yield movement("void_fee_released", LATE_FEE_INCOME, CUSTOMER_CREDIT, receipt.late_fee_fen, came)
    yield movement(WAIVER_REVERSED, RECEIVABLE, FEE_INCOME, stands.waived_fen)
    yield movement("fee_waiver_reversed", LATE_FEE_INCOME, LATE_FEE_WAIVED, stands.waived_late_fee_fen)
    yield movement(BILL_VOIDED, stands.charged_to, RECEIVABLE, bill.amount_fen)


def _note(
    session: Session,
    caller: Caller,
    request_id: UUID,
    bill: BillToVoid,
    stands: Standing,
    request: Void,
    day: BookingDay,
    now: datetime,
) -> dict[str, object]:
    names = ("estate_id", "household_id", "unit_id", "fee_item", "period", "amount_fen")
    return {name: getattr(bill, name) for name in names} | {
        "id": request_id,
        "number": tables.next_number(session, bill.estate_id),
        "bill_id": bill.id,
        "released_fen": stands.principal_fen,
        "released_late_fee_fen": stands.late_fee_fen,
        "waived_fen": stands.waived_fen,
        "waived_late_fee_fen": stands.waived_late_fee_fen,
        "reason": request.reason,
        "reissue": request.reissue,
        "booked_on": day.booked_on,
        "voided_by": caller.sub,
        "voided_at": now,
    }


def reissue_bill(session: Session, caller: Caller, request_id: UUID, bill_id: int, now: datetime) -> Reissue:
    """Bill the unit, fee item and month of a void bill again, due as before (B5).

    The same call again answers the same. NotFound, Forbidden, Conflict (not void, billed already, nothing to bill).
    """
    caller.require(Permission.VOID_BILL)
    bill = _lock_bill(session, caller, bill_id)
    standing = tables.reissue(session, request_id)
    if standing is None:
        if bill.voided_at is None:
            raise Conflict(f"Bill {bill_id} stands; void it first.")
        reissuing.bill_again(session, caller, request_id, bill, now)
    else:
        same_request("reissue", standing, {"bill_id": bill_id})
    return Reissue(id=request_id, bill_id=bill_id, bills=reissuing.made_by(session, request_id))


def list_credit_notes(
    session: Session, caller: Caller, estate: str | None, household: str | None, limit: int, cursor: str | None
) -> Page[CreditNote]:
    """Credit notes in scope by estate and number. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_CREDIT_NOTES)
    after = position(cursor, str, int)
    rows = tables.notes_after(session, caller.estate_filter(estate), household, after, limit + 1)
    notes, next_cursor = page(rows, limit, lambda row: [row.estate, row.number])
    return Page(items=[_note_view(row) for row in notes], next_cursor=next_cursor)


def _view(session: Session, note_id: UUID) -> VoidedBill:
    row = tables.note(session, note_id)
    if row is None:
        raise NotFound("There is no such credit note.")
    return VoidedBill(**_note_view(row), reissued=reissuing.made_by(session, note_id))


def _note_view(row: NoteRow) -> CreditNote:
    return CreditNote(
        id=row.id,
        number=rules.number(row.estate, row.number),
        bill_id=row.bill_id,
        estate=row.estate,
        household=row.household,
        fee_item=row.fee_item,
        period=format_period(row.period),
        status="void",
        amount_fen=row.amount_fen,
        released_fen=row.released_fen,
        released_late_fee_fen=row.released_late_fee_fen,
        waived_fen=row.waived_fen,
        waived_late_fee_fen=row.waived_late_fee_fen,
        reason=row.reason,
        booked_on=row.booked_on,
        voided_by=row.voided_by,
        voided_at=row.voided_at,
    )
