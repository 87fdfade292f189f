"""STORY of proof: what a provider or our staff can prove of a message, and telling billing of dunning ones (F4, D4)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.contracts.events import MessageDelivered
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.notifications.delivery import tables
from services.notifications.delivery.rules import LETTER, STAFF_TASK, effective_day, outcome_of
from services.notifications.messages.handlers import present
from services.notifications.messages.rules import DUNNING, HOUSEHOLD

BY_HAND = (LETTER, STAFF_TASK)
Outcome = Literal["delivered", "failed"]


@dataclass(frozen=True)
class Receipt:
    """What staff holds in hand: the day, the tracking or receipt number (or why it came back), and which of both."""

    delivered_on: date
    proof: str
    outcome: Outcome = "delivered"


def tell(session: Session, row: Row[Any] | None, now: datetime) -> None:
    """Tell billing what is now proven of a household's dunning message; of others and of nothing new say nothing."""
    if row is None or row.category != DUNNING or row.recipient_kind != HOUSEHOLD:
        return
    outcome = outcome_of(row.status, row.channel)
    if outcome is not None:
        record(session, _fact(row, outcome, now), aggregate=f"message:{row.id}", at=now)


def confirm(session: Session, caller: Caller, message_id: UUID, receipt: Receipt, now: datetime) -> dict[str, Any]:
    """Record that a letter, or what staff handed over, was received or came back; returns the message.

    The same again changes nothing. What came back may be sent once more and then be received; what was received stays
    so. NotFound, Forbidden, Invalid (a day before it was written or to come), Conflict (nothing went out by hand).
    """
    caller.require(Permission.CONFIRM_DELIVERY)
    row = tables.locked(session, message_id)
    if row is None:
        raise NotFound("There is no such message.")
    caller.require_estate(row.estate)
    if _recorded(row) == receipt:
        return present(row, caller)
    _check(row, receipt, now)
    values = {"status": receipt.outcome, "delivered_on": receipt.delivered_on, "delivery_proof": receipt.proof}
    kept = tables.confirm(session, message_id, values | {"delivery_recorded_by": caller.sub})
    tell(session, kept, now)
    return present(kept, caller)


def _recorded(row: Row[Any]) -> Receipt | None:
    return Receipt(row.delivered_on, row.delivery_proof, row.status) if row.delivered_on else None


def _check(row: Row[Any], receipt: Receipt, now: datetime) -> None:
    went_out = row.status == "queued_for_print" or (row.status == "sent" and row.channel == STAFF_TASK)
    came_back = row.status == "failed" and row.delivered_on is not None
    if row.recipient_kind != HOUSEHOLD or row.channel not in BY_HAND or not (went_out or came_back):
        raise Conflict("This message is not on its way by letter or by hand, or its receipt is on record already.")
    last = max(business_date(now), effective_day(row.business_on, row.created_at, now))
    if not row.business_on <= receipt.delivered_on <= last:
        between = f"between {row.business_on} and {last}"
        raise Invalid("The day of delivery is not possible.", [{"loc": "delivered_on", "msg": between}])


def _fact(row: Row[Any], outcome: Outcome, now: datetime) -> MessageDelivered:
    deadline = row.variables.get("deadline")
    return MessageDelivered(
        message_id=row.id,
        household=row.recipient,
        estate=row.estate,
        cause=row.cause,
        template=row.template,
        channel=row.channel or "none",
        outcome=outcome,
        stated_on=row.business_on,
        delivered_on=row.delivered_on or row.contact_on or business_date(now),
        deadline=date.fromisoformat(deadline) if deadline else None,
        proof=row.delivery_proof or row.provider_receipt or row.reason or "",
        recorded_at=now,
    )
