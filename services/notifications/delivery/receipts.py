"""STORY of proof: what a provider or our staff can prove of a message, and telling billing of dunning ones (F4, D4)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.contracts.answers import notifications as answers
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
from services.notifications.messages.tables import Notification

BY_HAND = (LETTER, STAFF_TASK)
Outcome = Literal["delivered", "failed"]


@dataclass(frozen=True)
class Receipt:
    """What staff holds in hand: the day, the tracking or receipt number (or why it came back), and which of both."""

    delivered_on: date
    proof: str
    outcome: Outcome = "delivered"


def tell(session: Session, message: Notification | None, now: datetime) -> None:
    """Tell billing what is now proven of a household's dunning message; of others and of nothing new say nothing."""
    if message is None or message.category != DUNNING or message.recipient_kind != HOUSEHOLD:
        return
    outcome = outcome_of(message.status, message.channel)
    if outcome is not None:
        record(session, _fact(message, outcome, now), aggregate=f"message:{message.id}", at=now)


def confirm(
    session: Session, caller: Caller, message_id: UUID, receipt: Receipt, now: datetime
) -> answers.Notification:
    """Record that a letter, or what staff handed over, was received or came back; returns the message.

    The same again changes nothing. What came back may be sent once more and then be received; what was received stays
    so. NotFound, Forbidden, Invalid (a day before it was written or to come), Conflict (nothing went out by hand).
    """
    caller.require(Permission.CONFIRM_DELIVERY)
    message = tables.locked(session, message_id)
    if message is None:
        raise NotFound("There is no such message.")
    caller.require_estate(message.estate)
    if _is_recorded(message, receipt):
        return present(message, caller)
    _check(message, receipt, now)
    values = {"status": receipt.outcome, "delivered_on": receipt.delivered_on, "delivery_proof": receipt.proof}
    confirmed = tables.confirm(session, message_id, values | {"delivery_recorded_by": caller.sub})
    tell(session, confirmed, now)
    return present(confirmed, caller)


def _is_recorded(message: Notification, receipt: Receipt) -> bool:
    record = (message.delivered_on, message.delivery_proof, message.status)
    return record == (receipt.delivered_on, receipt.proof, receipt.outcome)


def _check(message: Notification, receipt: Receipt, now: datetime) -> None:
    went_out = message.status == "queued_for_print" or (message.status == "sent" and message.channel == STAFF_TASK)
    came_back = message.status == "failed" and message.delivered_on is not None
    if message.recipient_kind != HOUSEHOLD or message.channel not in BY_HAND or not (went_out or came_back):
        raise Conflict("This message is not on its way by letter or by hand, or its receipt is on record already.")
    last = max(business_date(now), effective_day(message.business_on, message.created_at, now))
    if not message.business_on <= receipt.delivered_on <= last:
        between = f"between {message.business_on} and {last}"
        raise Invalid("The day of delivery is not possible.", [{"loc": "delivered_on", "msg": between}])


def _fact(message: Notification, outcome: Outcome, now: datetime) -> MessageDelivered:
    deadline = message.variables.get("deadline")
    return MessageDelivered(
        message_id=message.id,
        household=message.recipient,
        estate=message.estate,
        cause=message.cause,
        template=message.template,
        channel=message.channel or "none",
        outcome=outcome,
        stated_on=message.business_on,
        delivered_on=message.delivered_on or message.contact_on or business_date(now),
        deadline=date.fromisoformat(str(deadline)) if deadline else None,
        proof=message.delivery_proof or message.provider_receipt or message.reason or "",
        recorded_at=now,
    )
