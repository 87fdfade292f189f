"""STORY of showing waivers: what was asked, what was granted, who decided and why (C2)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.waivers import tables
from services.billing.receivables.waivers.rules import RULE, Authority, authority, by_another
from services.billing.receivables.waivers.tables import WaiverLine, WaiverRow
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.waivers import NeededAuthority, WaivedBill, Waiver, WaiverDetail, WaiverStatus
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission, Role
from services.common.paging import page, position


def get_waiver(session: Session, caller: Caller, waiver_id: UUID) -> WaiverDetail:
    """One waiver; NotFound, Forbidden. A pending one says in `needs` who may approve it."""
    caller.require(Permission.READ_WAIVERS)
    row = find_waiver(session, caller, waiver_id)
    return waiver_detail(session, row)


def find_waiver(session: Session, caller: Caller, waiver_id: UUID) -> WaiverRow:
    """A waiver in the caller's scope; NotFound, Forbidden."""
    row = tables.load(session, waiver_id)
    if row is None:
        raise NotFound("There is no such waiver.")
    caller.require_estate(row.estate)
    return row


def list_waivers(
    session: Session,
    caller: Caller,
    estate: str | None,
    household: str | None,
    status: WaiverStatus | None,
    limit: int,
    cursor: str | None,
) -> Page[Waiver]:
    """Waivers in scope, newest first. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_WAIVERS)
    after = position(cursor, datetime.fromisoformat, UUID)
    scope = caller.estate_filter(estate)
    rows = tables.page_of(session, scope, household, status, after, limit + 1)
    waivers, next_cursor = page(rows, limit, lambda row: [row.requested_at.isoformat(), row.id])
    lines = tables.lines_of(session, [row.id for row in waivers])
    return Page(items=[_view(row, lines[row.id]) for row in waivers], next_cursor=next_cursor)


def waiver_detail(session: Session, row: WaiverRow) -> WaiverDetail:
    """A waiver as the API shows it."""
    lines = tables.lines_of(session, [row.id])[row.id]
    needs = _needs(_authority(session, row, lines)) if row.status == "pending" else None
    return WaiverDetail(**_view(row, lines), needs=needs)


def _authority(session: Session, row: WaiverRow, lines: Sequence[WaiverLine]) -> Authority | None:
    """Who may grant what was asked; None: nobody."""
    bands = tables.bands(session, row.estate_id, row.kind)
    ids = [line.bill_id for line in lines]
    before = tables.granted_before(session, row.household_id, row.kind, row.base_on, ids)
    who = authority(bands, sum(line.asked_fen for line in lines), sum(line.base_fen for line in lines), before)
    is_own = row.requested_by == tables.matrix_set_by(session, row.estate_id, row.kind)
    return by_another(who, Permission.APPROVE_WAIVER.roles) if who and is_own else who


def _needs(who: Authority | None) -> NeededAuthority | None:
    if who is None:
        return None
    roles = [Role(role) for role in sorted(who.roles)]
    return NeededAuthority(roles=roles, resolution=who.needs_resolution, four_eyes=who.four_eyes)


def _view(row: WaiverRow, lines: Sequence[WaiverLine]) -> Waiver:
    asked_fen = sum(line.asked_fen for line in lines)
    granted_fen = sum(line.granted_fen or 0 for line in lines) if row.status == "approved" else None
    return Waiver(
        id=row.id,
        estate=row.estate,
        household=row.household,
        kind=row.kind,
        ratio=None if row.ratio is None else float(row.ratio),
        amount_fen=row.amount_fen,
        reason=row.reason,
        status=row.status,
        automatic=row.decided_by == RULE,
        asked_fen=asked_fen,
        waived_fen=granted_fen,
        less_than_asked=granted_fen is not None and granted_fen < asked_fen,
        bills=[_bill(line) for line in lines],
        base_on=row.base_on,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
        resolution=row.resolution,
    )


def _bill(line: WaiverLine) -> WaivedBill:
    return WaivedBill(
        bill_id=line.bill_id, base_fen=line.base_fen, asked_fen=line.asked_fen, waived_fen=line.granted_fen
    )
