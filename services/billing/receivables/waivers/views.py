"""STORY of showing waivers: what was asked, what was granted, who decided and why (C2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.receivables.waivers import tables
from services.billing.receivables.waivers.rules import RULE, Authority, authority
from services.common.access import STAFF_ROLES, Caller
from services.common.contracts.errors import Invalid, NotFound
from services.common.paging import page, position

STATUSES = ("pending", "approved", "rejected", "withdrawn")


def get_waiver(session: Session, caller: Caller, waiver_id: UUID) -> dict[str, Any]:
    """One waiver; NotFound, Forbidden. A pending one says in `needs` who may approve it."""
    caller.require(*STAFF_ROLES)
    row = found(session, caller, waiver_id)
    return shown(session, row)


def found(session: Session, caller: Caller, waiver_id: UUID) -> Row[Any]:
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
    status: str | None,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """Waivers in scope, newest first: `{"items", "next_cursor"}`. Forbidden, Invalid (status, cursor)."""
    caller.require(*STAFF_ROLES)
    if status is not None and status not in STATUSES:
        raise Invalid("The status is not valid.", [{"loc": "status", "msg": f"one of {', '.join(STATUSES)}"}])
    after = position(cursor, datetime.fromisoformat, UUID)
    scope = caller.estate_filter(estate)
    rows = tables.page_of(session, scope, household, status, after, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.requested_at.isoformat(), row.id])
    lines = tables.lines_of(session, [row.id for row in items])
    return {"items": [_view(row, lines[row.id]) for row in items], "next_cursor": next_cursor}


def shown(session: Session, row: Row[Any]) -> dict[str, Any]:
    """A waiver as the API shows it."""
    lines = tables.lines_of(session, [row.id])[row.id]
    view = _view(row, lines)
    if row.status != "pending":
        return view
    return view | {"needs": _needs(_authority(session, row, lines))}


def _authority(session: Session, row: Row[Any], lines: Sequence[Row[Any]]) -> Authority | None:
    """Who may grant what was asked; None: nobody."""
    bands = tables.bands(session, row.estate_id, row.kind)
    ids = [line.bill_id for line in lines]
    before = tables.granted_before(session, row.household_id, row.kind, row.base_on, ids)
    return authority(bands, sum(line.asked_fen for line in lines), sum(line.base_fen for line in lines), before)


def _needs(who: Authority | None) -> dict[str, Any] | None:
    if who is None:
        return None
    return {"roles": sorted(who.roles), "resolution": who.needs_resolution, "four_eyes": who.four_eyes}


def _view(row: Row[Any], lines: Sequence[Row[Any]]) -> dict[str, Any]:
    asked = sum(line.asked_fen for line in lines)
    granted = sum(line.granted_fen or 0 for line in lines) if row.status == "approved" else None
    return {
        "id": row.id,
        "estate": row.estate,
        "household": row.household,
        "kind": row.kind,
        "ratio": None if row.ratio is None else float(row.ratio),
        "amount_fen": row.amount_fen,
        "reason": row.reason,
        "status": row.status,
        "automatic": row.decided_by == RULE,
        "asked_fen": asked,
        "waived_fen": granted,
        "less_than_asked": granted is not None and granted < asked,
        "bills": [
            {
                "bill_id": line.bill_id,
                "base_fen": line.base_fen,
                "asked_fen": line.asked_fen,
                "waived_fen": line.granted_fen,
            }
            for line in lines
        ],
        "base_on": row.base_on,
        "requested_by": row.requested_by,
        "requested_at": row.requested_at,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "decision_reason": row.decision_reason,
        "resolution": row.resolution,
    }
