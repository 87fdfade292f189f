"""STORY of holds (D3): complaints, work orders and payments in flight stop escalation from the moment they are known.

The instants are the events' own, so any order of arrival leads to the same record. Events about no household, or that
say they hold nothing, leave no trace.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

Source = Literal["complaint", "work_order", "payment", "plan", "waiver", "problem"]
REASONS: dict[Source, str] = {
    "complaint": "open_complaint",
    "work_order": "open_work_order",
    "payment": "payment_in_flight",
    "plan": "performing_plan",
    "waiver": "pending_waiver",
    "problem": "promised_fix",
}

# A hold stands for a household while this is true of one of its rows `h`.
STANDS = "h.since IS NOT NULL AND NOT h.ended AND (h.released_at IS NULL OR h.released_at < h.since)"

# … and on a day, unless its own last day is over; needs the parameter `:as_of`.
STANDS_ON = f"{STANDS} AND (h.until IS NULL OR h.until >= :as_of)"

# GREATEST ignores nulls: the last opening and the last closing win, whichever arrives first.
_UPSERT = text("""
INSERT INTO dunning_hold AS o (source_kind, source_id, household_id, reason, since, released_at, until, ended)
SELECT :kind, :source_id, h.id, :reason, CAST(:since AS timestamptz), CAST(:released_at AS timestamptz),
       CAST(:until AS date), :ended
FROM household h WHERE h.code = :household
ON CONFLICT (source_kind, source_id) DO UPDATE SET since = GREATEST(o.since, excluded.since),
  released_at = GREATEST(o.released_at, excluded.released_at), ended = o.ended OR excluded.ended,
  until = COALESCE(excluded.until, o.until)
RETURNING household_id
""")
_FACT = text("""
INSERT INTO dunning_hold_fact (source_kind, source_id, at, holds) VALUES (:kind, :source_id, :at, :holds)
ON CONFLICT DO NOTHING
""")
# A payment that was posted cannot be in flight, even when the news of its start comes last. The household's row
# orders this against the posting: whoever comes second sees what the first did.
_LOCK_HOUSEHOLD = text("SELECT id FROM household WHERE code = :household FOR UPDATE")
_POSTED = text("SELECT settled_at FROM payment_posting WHERE payment_id = :payment_id")
_END_PAYMENT = text("""
UPDATE dunning_hold SET released_at = GREATEST(since, CAST(:at AS timestamptz)), ended = true
WHERE source_kind = 'payment' AND source_id = :payment_id RETURNING released_at
""")


class UnknownHousehold(LookupError):
    """An event names a household billing does not have; it is repeated, then parked, never dropped."""


def hold(
    session: Session,
    source: Source,
    source_id: UUID,
    household: str | None,
    at: datetime,
    *,
    holds_dunning: bool,
    until: date | None = None,
) -> None:
    """The source opened, or opened again, at an instant; `until` is the last day it stands. UnknownHousehold."""
    if household is not None and holds_dunning:
        _upsert(session, source, source_id, household, since=at, until=until)
        _remember(session, source, source_id, at, holds=True)


def release(session: Session, source: Source, source_id: UUID, household: str | None, at: datetime) -> None:
    """The source closed at an instant, perhaps before its opening was heard of. UnknownHousehold."""
    if household is not None:
        _upsert(session, source, source_id, household, released_at=at)
        _remember(session, source, source_id, at, holds=False)


def start_payment(session: Session, payment_id: UUID, household: str, at: datetime) -> None:
    """A payment is in flight since an instant, unless it was posted before this was heard of. UnknownHousehold."""
    session.execute(_LOCK_HOUSEHOLD, {"household": household})
    if session.execute(_POSTED, {"payment_id": payment_id}).first() is None:
        hold(session, "payment", payment_id, household, at, holds_dunning=True)


def end_payment(session: Session, payment_id: UUID, at: datetime) -> None:
    """A payment was posted; the caller holds the household's row. A payment that was never in flight has no hold."""
    ended = session.scalar(_END_PAYMENT, {"payment_id": payment_id, "at": at})
    if ended is not None:
        _remember(session, "payment", payment_id, ended, holds=False)


def expire_payment(session: Session, payment_id: UUID, household: str, at: datetime) -> None:
    """A payment ended without money; it cannot come back, whatever arrives later. UnknownHousehold."""
    _upsert(session, "payment", payment_id, household, released_at=at, ended=True)
    _remember(session, "payment", payment_id, at, holds=False)


def _upsert(
    session: Session,
    source: Source,
    source_id: UUID,
    household: str,
    since: datetime | None = None,
    released_at: datetime | None = None,
    *,
    until: date | None = None,
    ended: bool = False,
) -> None:
    row = {
        "kind": source,
        "source_id": source_id,
        "household": household,
        "reason": REASONS[source],
        "since": since,
        "released_at": released_at,
        "until": until,
        "ended": ended,
    }
    if session.execute(_UPSERT, row).first() is None:
        raise UnknownHousehold(f"{source} {source_id} is of a household that is not known here")


def _remember(session: Session, source: Source, source_id: UUID, at: datetime, *, holds: bool) -> None:
    session.execute(_FACT, {"kind": source, "source_id": source_id, "at": at, "holds": holds})
