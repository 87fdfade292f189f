"""STORY of messages: an event makes us queue, in the transaction that marks it as seen; nothing is sent here (F4)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy.orm import Session

from services.common.contracts.answers import notifications as answers
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.notifications import MessageChannel
from services.common.contracts.events import (
    CollectionBelowPlan,
    ComplaintAnswered,
    ComplaintSlaAlarm,
    DunningStepsDue,
    DunningWithdrawn,
    LimitationWarned,
    PaymentAllocated,
    PaymentReallocated,
    RatingInvited,
    WorkOrderSlaAlarm,
)
from services.common.domain.access import Caller, mask_email, mask_phone
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.paging import page, position
from services.notifications.delivery.rules import EMAIL, HOLD, PAYMENT, SMS
from services.notifications.directory.tables import holders
from services.notifications.messages import rules, tables
from services.notifications.messages.tables import Notification, Wanted

log = get_logger(__name__)
MASKS: Mapping[MessageChannel | None, Callable[[str], str]] = {SMS: mask_phone, EMAIL: mask_email}


def queue_dunning(session: Session, event: DunningStepsDue, decided_at: datetime, now: datetime) -> int:
    """All steps of the batch with one statement (D1); `decided_at` is when the sweep took them."""
    return _queue(session, rules.urge(event, _staff_of(session)), now, decided_at)


def withdraw_held(session: Session, event: DunningWithdrawn) -> None:
    """A household's escalation is held: what was decided before is not said any more (D3)."""
    tables.keep_withdrawal(session, event.household, HOLD, event.withdrawn_at, event.reason)


def withdraw_paid(session: Session, event: PaymentAllocated, posted_at: datetime) -> None:
    """Money came in for bills: amounts stated before are not true any more (D3)."""
    if any(part.principal_fen or part.late_fee_fen for part in event.allocations):
        tables.keep_withdrawal(session, event.household, PAYMENT, posted_at, "paid meanwhile")


def queue_receipt(
    session: Session, event: PaymentAllocated | PaymentReallocated, now: datetime, revision: int = 0
) -> int:
    """The receipt of a payment (E7); a correction only where the household was told otherwise, in whatever order."""
    draft = rules.receipt(event, revision)
    new = _queue(session, [draft], now)
    last = None if new else tables.last_receipt(session, event.household, rules.receipt_cause(event.payment_id))
    if last is None or rules.revision_of(last.variables) >= revision:
        return new
    if last.is_unsaid or rules.says_the_same(last.variables, draft.variables):
        tables.set_variables(session, last.id, draft.variables)
        return 0
    return _queue(session, [rules.receipt(event, revision, corrects=True)], now)


def queue_answer(session: Session, event: ComplaintAnswered, now: datetime) -> int:
    """The word to the complainant (H1)."""
    return _queue(session, rules.answer(event, now), now)


def queue_invitation(session: Session, event: RatingInvited, now: datetime) -> int:
    """The request for a rating (H3)."""
    return _queue(session, [rules.invite(event, now)], now)


def queue_order_alarm(session: Session, event: WorkOrderSlaAlarm, now: datetime) -> int:
    """An order's clock runs out (G2)."""
    return _queue(session, rules.alarm_of_order(event, _staff_of(session), now), now)


def queue_limitation(session: Session, event: LimitationWarned, now: datetime) -> int:
    """Claims run out (D4)."""
    return _queue(session, rules.warn_of_limitation(event, _staff_of(session)), now)


def queue_complaint_alarm(session: Session, event: ComplaintSlaAlarm, now: datetime) -> int:
    """A complaint's clock runs out (H2)."""
    return _queue(session, rules.alarm_of_complaint(event, _staff_of(session), now), now)


def queue_collection_alarm(session: Session, event: CollectionBelowPlan, now: datetime) -> int:
    """An estate fell behind its collection plan (J3)."""
    return _queue(session, rules.alarm_of_collection(event, _staff_of(session)), now)


def notifications(
    session: Session, caller: Caller, household: str | None, recipient: str | None, limit: int, cursor: str | None
) -> Page[answers.Notification]:
    """Messages, newest first, of one household or recipient or of the caller's scope; words and address by role (F)."""
    caller.require(Permission.READ_MESSAGES)
    filters = scope(caller, household, recipient)
    after = position(cursor, int)
    rows = tables.newest(session, filters, limit + 1, after[0] if after else None)
    messages, next_cursor = page(rows, limit, lambda row: [row.seq])
    return Page(items=[present(message, caller) for message in messages], next_cursor=next_cursor)


def scope(caller: Caller, household: str | None, recipient: str | None) -> Wanted:
    """What the caller may see of what was asked for: owners what was said to them, staff their estates."""
    if caller.is_owner:
        recipient_code = household or recipient or caller.household or ""
        caller.require_household(recipient_code, "")
        return Wanted(recipient=recipient, own=recipient_code)
    return Wanted(household=household, recipient=recipient, estates=caller.estate_filter())


def present(message: Notification, caller: Caller) -> answers.Notification:
    """One message as JSON. Without the right to personal data: no words, and the address masked; whose task a message
    became is for staff."""
    open_data = caller.sees_personal_data
    return answers.Notification(
        id=message.id,
        recipient=message.recipient,
        recipient_kind=message.recipient_kind,
        household=message.household,
        estate=message.estate,
        building=message.building,
        cause=message.cause,
        category=message.category,
        template=message.template,
        template_version=message.template_version,
        channel=message.channel,
        language=message.language,
        status=message.status,
        reason=message.reason,
        attempts=message.attempts,
        provider_receipt=message.provider_receipt,
        assignee=None if caller.is_owner else message.assignee,
        business_on=message.business_on,
        created_at=message.created_at,
        not_before=message.not_before,
        sent_at=message.sent_at,
        delivered_on=message.delivered_on,
        delivery_proof=message.delivery_proof,
        address=_address(message, open_data),
        subject=message.subject if open_data else None,
        text=message.text if open_data else None,
    )


def _address(message: Notification, open_data: bool) -> str | None:
    """Phone numbers and mail addresses are personal; where a letter goes and whose task it is are codes."""
    mask = MASKS.get(message.channel)
    return message.address if open_data or mask is None or message.address is None else mask(message.address)


def _queue(session: Session, drafts: Sequence[rules.Draft], now: datetime, decided_at: datetime | None = None) -> int:
    new = tables.insert_once(session, drafts, now, decided_at)
    if drafts:
        log.info("messages queued", extra={"new": new, "known": len(drafts) - new, "day": business_date(now)})
    return new


def _staff_of(session: Session) -> Callable[[str, str], Sequence[str]]:
    """The directory's answer, asked once per estate and role of an event."""
    return cache(lambda estate, role: holders(session, estate, role))
