"""STORY of showing voids: credit notes, and voids asked for, done, rejected or withdrawn (B5)."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.voids import carrying, reissuing, request_tables, rules, tables
from services.billing.charging.voids.request_tables import RequestRow
from services.billing.charging.voids.tables import NoteRow
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.voids import BillVoid, CreditNote, VoidedBill, VoidStatus
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import format_period
from services.common.domain.permissions import Permission
from services.common.paging import page, position


def list_credit_notes(
    session: Session, caller: Caller, estate: str | None, household: str | None, limit: int, cursor: str | None
) -> Page[CreditNote]:
    """Credit notes in scope by estate and number. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_CREDIT_NOTES)
    after = position(cursor, str, int)
    rows = tables.notes_after(session, caller.estate_filter(estate), household, after, limit + 1)
    notes, next_cursor = page(rows, limit, lambda row: [row.estate, row.number])
    return Page(items=[_note(row) for row in notes], next_cursor=next_cursor)


def list_voids(
    session: Session,
    caller: Caller,
    estate: str | None,
    household: str | None,
    status: VoidStatus | None,
    limit: int,
    cursor: str | None,
) -> Page[BillVoid]:
    """Voids that a second person decides or decided on, newest first. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_CREDIT_NOTES)
    before = position(cursor, datetime.fromisoformat, UUID)
    rows = request_tables.requests_before(session, caller.estate_filter(estate), household, status, before, limit + 1)
    requests, next_cursor = page(rows, limit, lambda row: [row.requested_at.isoformat(), row.id])
    notes = tables.notes(session, [row.id for row in requests])
    return Page(items=[_void(row, notes.get(row.id)) for row in requests], next_cursor=next_cursor)


def voided_bill(session: Session, request_id: UUID) -> VoidedBill:
    """A void by its request: done, or as it was asked for and decided on. NotFound."""
    request = request_tables.request(session, request_id)
    note = tables.note(session, request_id)
    if request is None and note is not None:
        request = _request_of(note)
    if request is None:
        raise NotFound("There is no such void.")
    return VoidedBill(
        **_void(request, note),
        reissued=reissuing.made_by(session, request_id),
        carried=carrying.grants_moved_by(session, request_id),
    )


def _void(request: RequestRow, note: NoteRow | None) -> BillVoid:
    """What was asked, and by the note what was done."""
    bill = note or request
    return BillVoid(
        id=bill.id,
        number=rules.number(note.estate, note.number) if note else None,
        bill_id=bill.bill_id,
        estate=bill.estate,
        household=bill.household,
        fee_item=bill.fee_item,
        period=format_period(bill.period),
        status=request.status,
        amount_fen=bill.amount_fen,
        released_fen=bill.released_fen,
        released_late_fee_fen=bill.released_late_fee_fen,
        waived_fen=bill.waived_fen,
        waived_late_fee_fen=bill.waived_late_fee_fen,
        reason=bill.reason,
        reissue=bill.reissue,
        requested_by=request.requested_by,
        requested_at=request.requested_at,
        decided_by=request.decided_by,
        decided_at=request.decided_at,
        decision_reason=request.decision_reason,
        booked_on=note.booked_on if note else None,
        voided_by=note.voided_by if note else None,
        voided_at=note.voided_at if note else None,
    )


def _request_of(note: NoteRow) -> RequestRow:
    """The request of a void that nobody else had to decide on: its note says it all."""
    decision = {"decided_by": None, "decided_at": None, "decision_reason": None}
    request = {"status": "void", "requested_by": note.voided_by, "requested_at": note.voided_at}
    row = vars(note) | request | decision
    return RequestRow(**{field.name: row[field.name] for field in fields(RequestRow)})


def _note(row: NoteRow) -> CreditNote:
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
