"""STORE of messages: queue them once, wake those that waited, page through them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import (
    Language,
    MessageCategory,
    MessageChannel,
    MessageStatus,
    RecipientKind,
)
from services.notifications.delivery.rules import Withdrawal
from services.notifications.messages.rules import Draft, chain
from services.notifications.tables import contact_policy, message, withdrawal
from services.notifications.templates.rules import Facts, Rendered

GROUP = "*"


@dataclass(frozen=True)
class Notification:
    """A message as it is kept: to whom and why, over which channels, in which words, and what became of it."""

    id: UUID
    seq: int
    recipient: str
    recipient_kind: RecipientKind
    cause: str
    category: MessageCategory
    template: str
    estate: str
    building: str | None
    household: str | None
    assignee: str | None
    business_on: date
    variables: Facts
    channels: list[MessageChannel]
    position: int
    status: MessageStatus
    not_before: datetime
    attempts: int
    channel: MessageChannel | None
    contact_on: date | None
    address: str | None
    language: Language | None
    template_version: int | None
    subject: str | None
    text: str | None
    provider_receipt: str | None
    reason: str | None
    created_at: datetime
    sent_at: datetime | None
    delivered_on: date | None
    delivery_proof: str | None

    @property
    def words(self) -> Rendered | None:
        """As they were written down for its channel, all at once; None before."""
        if self.subject is None or self.text is None or self.template_version is None or self.language is None:
            return None
        return Rendered(self.subject, self.text, self.template_version, self.language)

    @property
    def is_unsaid(self) -> bool:
        """Whether it still waits for its words, so that it can yet say something else."""
        return self.status in ("queued", "waiting_contact") and self.text is None


@dataclass(frozen=True)
class ContactPolicy:
    """How one category may reach people on one estate, as it is kept: `contact_window` is HH:MM-HH:MM."""

    category: MessageCategory
    estate: str
    channels: list[MessageChannel]
    contact_window: str | None
    cap_count: int | None
    cap_days: int | None


Policies = Mapping[tuple[str, str], ContactPolicy]
COLUMNS = [message.c[field.name] for field in fields(Notification)]


@dataclass(frozen=True)
class Wanted:
    """Which messages a list shows. `estates` None: of every estate. `own`: only what is said to this household, not the
    tasks our staff got about it."""

    household: str | None = None
    recipient: str | None = None
    estates: frozenset[str] | None = None
    own: str | None = None


def policies(session: Session, estates: Collection[str]) -> Policies:
    """(category, estate) → policy; the estate's own where it has one, else the group's under "*"."""
    statement = select(contact_policy).where(contact_policy.c.estate.in_({GROUP, *estates}))
    return {(row.category, row.estate): ContactPolicy(**row._mapping) for row in session.execute(statement)}


def policy_for(standing: Policies, category: str, estate: str) -> ContactPolicy:
    """The policy that counts; every category has one for the group."""
    return standing.get((category, estate)) or standing[category, GROUP]


def insert_once(session: Session, drafts: Sequence[Draft], now: datetime, decided_at: datetime | None = None) -> int:
    """Queue the drafts with one statement; one whose (recipient, cause) exists stays as it is. How many were new.

    `decided_at`: when somebody else decided that this is to be said; by default now.
    """
    if not drafts:
        return 0
    policy_by_estate = policies(session, {draft.estate for draft in drafts})
    in_key_order = sorted(drafts, key=lambda draft: (draft.recipient, draft.cause))  # so that batches cannot deadlock
    common = {"not_before": now, "created_at": decided_at or now}
    rows = [
        _row(draft, policy_for(policy_by_estate, draft.category, draft.estate).channels) | common
        for draft in in_key_order
    ]
    statement = insert(message).values(rows).on_conflict_do_nothing().returning(message.c.id)
    return len(session.execute(statement).all())


def _row(draft: Draft, policy_channels: Sequence[str]) -> dict[str, object]:
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


def last_receipt(session: Session, household: str, cause: str) -> Notification | None:
    """The newest receipt of a payment, by the cause of its first one, held until the transaction ends."""
    is_receipt = and_(message.c.recipient == household, message.c.cause.startswith(cause, autoescape=True))
    query = select(*COLUMNS).where(is_receipt).order_by(message.c.seq.desc()).limit(1).with_for_update()
    row = session.execute(query).first()
    return None if row is None else Notification(**row._mapping)


def set_variables(session: Session, message_id: UUID, variables: Facts) -> None:
    """Let a message speak of other facts."""
    session.execute(update(message).where(message.c.id == message_id).values(variables=variables))


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


def withdrawals_of(session: Session, households: Collection[str]) -> Mapping[str, list[Withdrawal]]:
    """Household → what called its dunning back."""
    standing: dict[str, list[Withdrawal]] = {}
    query = select(withdrawal).where(withdrawal.c.household.in_(households))
    for row in session.execute(query.order_by(withdrawal.c.household, withdrawal.c.ground)):
        standing.setdefault(row.household, []).append(Withdrawal(row.ground, row.withdrawn_at, row.reason))
    return standing


def wake_for_households(session: Session, households: Collection[str], now: datetime) -> None:
    """Messages that waited for these contacts are due at once."""
    _wake(session, message.c.recipient.in_(households), now)


def wake_for_estates(session: Session, estates: Collection[str], now: datetime) -> None:
    """Messages that waited for these estates' names are due at once."""
    _wake(session, message.c.estate.in_(estates), now)


def _wake(session: Session, whose: ColumnElement[bool], now: datetime) -> None:
    """`claimed_until` is not waited for: a waiting message is never claimed beyond its transaction."""
    waiting = and_(message.c.status == "waiting_contact", whose)
    session.execute(update(message).where(waiting).values(status="queued", not_before=now, reason=None))


def newest(session: Session, filters: Wanted, limit: int, before: int | None) -> list[Notification]:
    """Newest first, from below `before` on."""
    statement = select(*COLUMNS).order_by(message.c.seq.desc()).limit(limit)
    if filters.household is not None:
        statement = statement.where(message.c.household == filters.household)
    if filters.recipient is not None:
        statement = statement.where(
            or_(message.c.recipient == filters.recipient, message.c.assignee == filters.recipient)
        )
    if filters.own is not None:
        is_own = and_(message.c.recipient == filters.own, message.c.recipient_kind == "household")
        statement = statement.where(is_own, message.c.channel.is_distinct_from("staff_task"))
    if filters.estates is not None:
        statement = statement.where(message.c.estate.in_(filters.estates))
    if before is not None:
        statement = statement.where(message.c.seq < before)
    return [Notification(**row._mapping) for row in session.execute(statement)]
