"""STORY of limitation (诉讼时效, D4): which claims expire soon, and one warning per bill, threshold and expiry."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from services.billing.collections.legal.limitation import tables
from services.billing.collections.legal.limitation.rules import WARN_BEFORE, warning
from services.billing.collections.legal.limitation.sql import EndingClaim, estate_ids, near_expiry
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.legal import Limitation
from services.common.contracts.events import LimitationItem, LimitationWarned
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.locks import Lock, try_to_hold
from services.common.messaging import record_many
from services.common.messaging.batches import batches
from services.common.observability.logs import get_logger
from services.common.paging import page, position

log = get_logger(__name__)
Transaction = Callable[[], AbstractContextManager[Session]]
LONG_AGO = 36_500


def list_limitations(
    session: Session,
    caller: Caller,
    estate_code: str | None,
    within_days: int,
    limit: int,
    cursor: str | None,
    today: date,
    *,
    expired: bool = False,
) -> Page[Limitation]:
    """Open bills whose claim expires within so many days, soonest first; `expired`: those that already did.

    Forbidden, Invalid (cursor).
    """
    caller.require(Permission.READ_LEGAL_FILES)
    scope = caller.estate_filter(estate_code)
    ids = estate_ids(session, None if scope is None else sorted(scope))
    after = position(cursor, date.fromisoformat, int) or (None, None)
    days = (-LONG_AGO, -1) if expired else (0, within_days)
    rows = near_expiry(session, ids, today, days, (after[0], after[1]), limit + 1)
    claims, next_cursor = page(rows, limit, lambda row: [row.expires_on, row.bill_id])
    return Page(items=[_limitation(row, today) for row in claims], next_cursor=next_cursor)


def check_all(transaction: Transaction, clock: Callable[[], datetime]) -> int:
    """Look at every estate that was not looked at today, each in a transaction of its own; how many warnings."""
    warnings, after = 0, 0
    while True:
        now = clock()
        with transaction() as session:
            estate_id = tables.next_estate(session, after, business_date(now))
            if estate_id is None:
                return warnings
            warnings += check_estate(session, estate_id, now)
        after = estate_id


def check_estate(session: Session, estate_id: int, now: datetime) -> int:
    """Warn of the claims of one estate, once a day over all replicas; how many warnings are new (D4).

    A warning and the event that tells of it are one transaction, so that a crash leaves both or neither. An estate that
    another replica is looking at is left to it.
    """
    today = business_date(now)
    if not (try_to_hold(session, Lock.LIMITATION, estate_id) and tables.mark_checked(session, estate_id, today)):
        return 0
    rows = near_expiry(session, [estate_id], today, (0, max(WARN_BEFORE)))
    new = [row for batch in batches(rows, 1000) for row in _only_new(session, batch, today)]
    _tell(session, estate_id, new, now)
    log.info("limitation checked", extra={"estate_id": estate_id, "warnings": len(new)})
    return len(new)


def _only_new(session: Session, rows: Sequence[EndingClaim], today: date) -> list[EndingClaim]:
    due_warnings = {(row.bill_id, warning((row.expires_on - today).days), row.expires_on): row for row in rows}
    values = [
        {"bill_id": bill_id, "threshold": days, "expires_on": expires_on, "warned_on": today}
        for bill_id, days, expires_on in due_warnings
    ]
    return [due_warnings[key] for key in tables.add_warnings(session, values)]


def _tell(session: Session, estate_id: int, rows: Sequence[EndingClaim], now: datetime) -> None:
    code = tables.code_of(session, estate_id)
    today = business_date(now)
    ordered = sorted(rows, key=lambda row: (row.expires_on, row.bill_id))
    events = [
        LimitationWarned(estate=code, as_of=today, items=[_item(row, today) for row in batch])
        for batch in batches(ordered)
    ]
    record_many(session, events, aggregate=f"limitation:{code}", at=now)


def _item(row: EndingClaim, today: date) -> LimitationItem:
    left = (row.expires_on - today).days
    threshold = warning(left) or 0
    return LimitationItem(
        household=row.household,
        building=row.building,
        cause=f"limitation:{row.bill_id}:{row.expires_on}:{threshold}",
        bill_id=row.bill_id,
        steward=row.steward,
        due_date=row.due_date,
        outstanding_fen=row.outstanding_fen,
        expires_on=row.expires_on,
        days_left=left,
        threshold=threshold,
    )


def _limitation(row: EndingClaim, today: date) -> Limitation:
    left = (row.expires_on - today).days
    return Limitation(
        bill_id=row.bill_id,
        household=row.household,
        estate=row.estate,
        building=row.building,
        steward=row.steward,
        fee_item=row.fee_item,
        due_date=row.due_date,
        outstanding_fen=row.outstanding_fen,
        started_on=row.due_date + timedelta(days=1),
        restarted_on=row.from_on if row.by else None,
        restarted_by=row.by,
        expires_on=row.expires_on,
        days_left=left,
        warn=warning(left),
    )
