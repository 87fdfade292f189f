"""STORY of holds (D3): complaints, work orders and payments in flight stop escalation from the moment they are known.

The instants are the events' own, so any order of arrival leads to the same record. Events about no household, or that
say they hold nothing, leave no trace.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.holds.tables import END_PAYMENT, FACT, LOCK_HOUSEHOLD, POSTING, STANDING, UPSERT
from services.common.contracts.answers.dunning import HoldReason, HoldSourceKind
from services.common.contracts.events import DunningWithdrawn
from services.common.messaging import record

REASONS: dict[HoldSourceKind, HoldReason] = {
    "complaint": "open_complaint",
    "work_order": "open_work_order",
    "payment": "payment_in_flight",
    "plan": "performing_plan",
    "waiver": "pending_waiver",
    "problem": "promised_fix",
    "void": "pending_void",
    "promise": "promise",
}


class UnknownHousehold(LookupError):
    """An event names a household billing does not have; it is repeated, then parked, never dropped."""


def hold(
    session: Session,
    source: HoldSourceKind,
    source_id: UUID,
    household: str | None,
    at: datetime,
    *,
    holds_dunning: bool,
    until: date | None = None,
    learned_at: datetime | None = None,
) -> None:
    """The source opened, or opened again, at an instant; `until` is the last day it stands. UnknownHousehold.

    What is on its way to the household is called back, if it was decided before we learned of it (`learned_at`, by
    default at once). A payment in flight calls nothing back: it may yet fail, and when it is posted the words that it
    made untrue are not said anyway.
    """
    if household is not None and holds_dunning:
        _upsert(session, source, source_id, household, since=at, until=until)
        _remember(session, source, source_id, at, holds=True)
        if source != "payment":
            _call_back(session, source, source_id, learned_at or at)


def release(session: Session, source: HoldSourceKind, source_id: UUID, household: str | None, at: datetime) -> None:
    """The source closed at an instant, perhaps before its opening was heard of. UnknownHousehold."""
    if household is not None:
        _upsert(session, source, source_id, household, released_at=at)
        _remember(session, source, source_id, at, holds=False)


def start_payment(session: Session, payment_id: UUID, household: str, at: datetime) -> None:
    """A payment is in flight since an instant, unless it was posted before this was heard of. UnknownHousehold."""
    session.execute(LOCK_HOUSEHOLD, {"household": household})
    if session.execute(POSTING, {"payment_id": payment_id}).first() is None:
        hold(session, "payment", payment_id, household, at, holds_dunning=True)


def end_payment(session: Session, payment_id: UUID, at: datetime) -> None:
    """A payment was posted; the caller holds the household's row. A payment that was never in flight has no hold."""
    released_at = session.scalar(END_PAYMENT, {"payment_id": payment_id, "at": at})
    if released_at is not None:
        _remember(session, "payment", payment_id, released_at, holds=False)


def expire_payment(session: Session, payment_id: UUID, household: str, at: datetime) -> None:
    """A payment ended without money; it cannot come back, whatever arrives later. UnknownHousehold."""
    _upsert(session, "payment", payment_id, household, released_at=at, ended=True)
    _remember(session, "payment", payment_id, at, holds=False)


def _call_back(session: Session, source: HoldSourceKind, source_id: UUID, at: datetime) -> None:
    """Tell who delivers, if the hold stands: its closing may have come first."""
    row = session.execute(STANDING, {"kind": source, "source_id": source_id}).one_or_none()
    if row is not None:
        event = DunningWithdrawn(household=row.household, estate=row.estate, reason=REASONS[source], withdrawn_at=at)
        record(session, event, aggregate=f"household:{row.household}", at=at)


def _upsert(
    session: Session,
    source: HoldSourceKind,
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
    if session.execute(UPSERT, row).first() is None:
        raise UnknownHousehold(f"{source} {source_id} is of a household that is not known here")


def _remember(session: Session, source: HoldSourceKind, source_id: UUID, at: datetime, *, holds: bool) -> None:
    session.execute(FACT, {"kind": source, "source_id": source_id, "at": at, "holds": holds})
