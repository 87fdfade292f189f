"""STORE of messages: queue them once, wake those that waited, page through them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.notifications.messages.rules import Draft, chain
from services.notifications.tables import contact_policy, message, withdrawal

GROUP = "*"


@dataclass(frozen=True)
class Wanted:
    """Which messages a list shows. `estates` None: of every estate. `own`: only what is said to this household, not the
    tasks our staff got about it."""

    household: str | None = None
    recipient: str | None = None
    estates: frozenset[str] | None = None
    own: str | None = None


def policies(session: Session, estates: Collection[str]) -> Mapping[tuple[str, str], Row[Any]]:
    """(category, estate) → policy row; the estate's own where it has one, else the group's under "*"."""
    statement = select(contact_policy).where(contact_policy.c.estate.in_({GROUP, *estates}))
    return {(row.category, row.estate): row for row in session.execute(statement)}


def policy_for(found: Mapping[tuple[str, str], Row[Any]], category: str, estate: str) -> Row[Any]:
    """The policy that counts; every category has one for the group."""
    return found.get((category, estate)) or found[category, GROUP]


def insert_once(session: Session, drafts: Sequence[Draft], now: datetime, decided_at: datetime | None = None) -> int:
    """Queue the drafts with one statement; one whose (recipient, cause) exists stays as it is. How many were new.

    `decided_at`: when somebody else decided that this is to be said; by default now.
    """
    if not drafts:
        return 0
    found = policies(session, {draft.estate for draft in drafts})
    in_key_order = sorted(drafts, key=lambda draft: (draft.recipient, draft.cause))  # so that batches cannot deadlock
    made = {"not_before": now, "created_at": decided_at or now}
    rows = [_row(draft, policy_for(found, draft.category, draft.estate).channels) | made for draft in in_key_order]
    statement = insert(message).values(rows).on_conflict_do_nothing().returning(message.c.id)
    return len(session.execute(statement).all())


def _row(draft: Draft, policy_channels: Sequence[str]) -> dict[str, Any]:
    return {
        "id": draft.id,
        "recipient": draft.recipient,
        "recipient_kind": draft.recipient_kind,
        "cause": draft.cause,
        "category": draft.category,
        "template": draft.template,
        "estate": draft.estate,
        "building": draft.building,
        "household": draft.household,
        "assignee": draft.assignee,
        "business_on": draft.business_on,
        "variables": draft.variables,
        "channels": chain(draft.channels, policy_channels),
    }


def keep_withdrawal(session: Session, household: str, ground: str, at: datetime, reason: str) -> None:
    """Remember what calls dunning of a household back; the last of its ground counts, whatever comes first."""
    row = {"household": household, "ground": ground, "withdrawn_at": at, "reason": reason}
    statement = insert(withdrawal).values(row)
    newer = {name: statement.excluded[name] for name in ("withdrawn_at", "reason")}
    statement = statement.on_conflict_do_update(
        index_elements=["household", "ground"],
        set_=newer,
        where=withdrawal.c.withdrawn_at < statement.excluded.withdrawn_at,
    )
    session.execute(statement)


def withdrawals_of(session: Session, households: Collection[str]) -> Mapping[str, list[Row[Any]]]:
    """Household → what called its dunning back."""
    found: dict[str, list[Row[Any]]] = {}
    query = select(withdrawal).where(withdrawal.c.household.in_(households))
    for row in session.execute(query.order_by(withdrawal.c.household, withdrawal.c.ground)):
        found.setdefault(row.household, []).append(row)
    return found


def wake_for_households(session: Session, households: Collection[str], now: datetime) -> None:
    """Messages that waited for these contacts are due at once."""
    _wake(session, message.c.recipient.in_(households), now)


def wake_for_estates(session: Session, estates: Collection[str], now: datetime) -> None:
    """Messages that waited for these estates' names are due at once."""
    _wake(session, message.c.estate.in_(estates), now)


def _wake(session: Session, whose: Any, now: datetime) -> None:
    """`claimed_until` is not waited for: a waiting message is never claimed beyond its transaction."""
    waiting = and_(message.c.status == "waiting_contact", whose)
    session.execute(update(message).where(waiting).values(status="queued", not_before=now, reason=None))


def newest(session: Session, wanted: Wanted, limit: int, before: int | None) -> Sequence[Row[Any]]:
    """Newest first, from below `before` on."""
    statement = select(message).order_by(message.c.seq.desc()).limit(limit)
    if wanted.household is not None:
        statement = statement.where(message.c.household == wanted.household)
    if wanted.recipient is not None:
        statement = statement.where(
            or_(message.c.recipient == wanted.recipient, message.c.assignee == wanted.recipient)
        )
    if wanted.own is not None:
        addressed = and_(message.c.recipient == wanted.own, message.c.recipient_kind == "household")
        statement = statement.where(addressed, message.c.channel.is_distinct_from("staff_task"))
    if wanted.estates is not None:
        statement = statement.where(message.c.estate.in_(wanted.estates))
    if before is not None:
        statement = statement.where(message.c.seq < before)
    return session.execute(statement).all()
