"""STORE of delivery: claim what is due, count contacts for the cap, write down what became of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import RowMapping, and_, func, or_, select, text, update
from sqlalchemy.orm import Session

from services.common.locks import Lock
from services.notifications.delivery.rules import INTRUSIVE
from services.notifications.messages.tables import COLUMNS, Notification
from services.notifications.tables import message

WAITING = ("queued", "waiting_contact")

LOCK_RECIPIENTS = text(f"""
SELECT {Lock.RECIPIENT.exclusive("recipient")} FROM (
  SELECT recipient FROM unnest(CAST(:recipients AS text[])) AS recipient ORDER BY hashtext(recipient)) r
""")


@dataclass(frozen=True)
class Claimed(Notification):
    """A message that is ours until the lease runs out."""

    claim: UUID
    claimed_until: datetime


def claim_due(session: Session, limit: int, now: datetime, until: datetime, claim: UUID) -> list[Claimed]:
    """Take up to `limit` due messages under `claim` until `until`; rows another replica is taking are passed over."""
    free = or_(message.c.claimed_until.is_(None), message.c.claimed_until < now)
    due = (
        select(message.c.id)
        .where(message.c.status.in_(WAITING), message.c.not_before <= now, free)
        .order_by(message.c.not_before, message.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    statement = (
        update(message)
        .where(message.c.id == due.c.id)
        .values(claim=claim, claimed_until=until)
        .returning(*COLUMNS, message.c.claim, message.c.claimed_until)
    )
    messages = [Claimed(**row._mapping) for row in session.execute(statement)]
    return sorted(messages, key=lambda message: (message.not_before, message.seq))


def contact_days(session: Session, recipients: Collection[str], category: str) -> Mapping[str, dict[UUID, date]]:
    """Recipient → message → day of every SMS or e-mail of the category, on its way or sent.

    The recipients stay locked to the end of the transaction, so that two replicas cannot both see room under the cap.
    """
    if not recipients:
        return {}
    session.execute(LOCK_RECIPIENTS, {"recipients": list(recipients)})
    statement = select(message.c.recipient, message.c.id, message.c.contact_on).where(
        message.c.recipient.in_(recipients),
        message.c.category == category,
        message.c.channel.in_(INTRUSIVE),
        message.c.status.in_(("queued", "sent")),
        message.c.contact_on.is_not(None),
    )
    days: dict[str, dict[UUID, date]] = {}
    for recipient, message_id, day in session.execute(statement):
        days.setdefault(recipient, {})[message_id] = day
    return days


def note(session: Session, message_id: UUID, claim: UUID, values: Mapping[str, object]) -> Notification | None:
    """Write to a message that is still ours; the message as it is then, None when another took it after the lease."""
    mine = and_(message.c.id == message_id, message.c.claim == claim, message.c.status.in_(WAITING))
    statement = update(message).where(mine).values(values).returning(*COLUMNS)
    return _notification_of(session.execute(statement).mappings().one_or_none())


def locked(session: Session, message_id: UUID) -> Notification | None:
    """A message, held until the transaction ends."""
    statement = select(*COLUMNS).where(message.c.id == message_id).with_for_update()
    return _notification_of(session.execute(statement).mappings().one_or_none())


def _notification_of(row: RowMapping | None) -> Notification | None:
    return None if row is None else Notification(**row)


def confirm(session: Session, message_id: UUID, values: Mapping[str, object]) -> Notification:
    """Write what became of a locked message; the message as it is then."""
    statement = update(message).where(message.c.id == message_id).values(values).returning(*COLUMNS)
    return Notification(**session.execute(statement).mappings().one())


def waiting_counts(session: Session) -> Mapping[str, int]:
    """Status → how many wait in it."""
    statement = select(message.c.status, func.count()).where(message.c.status.in_(WAITING)).group_by(message.c.status)
    return dict(session.execute(statement).tuples().all())
