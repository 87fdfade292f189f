"""STORY of delivery in two transactions with the provider's call between them (F4).

`claim`: take due messages under a lease, decide, write the words and the intent; tasks and letters end there.
`record`: write what the provider said. A crash between the two lets the lease run out; the same key goes out again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import MessageChannel
from services.notifications.delivery import tables
from services.notifications.delivery.knowledge import Knowledge, day_key, gather
from services.notifications.delivery.receipts import tell
from services.notifications.delivery.rules import (
    LETTER,
    STAFF_TASK,
    UNTIL_CONTACT_IS_LOOKED_FOR_AGAIN,
    Decision,
    GiveUp,
    Go,
    Means,
    Pending,
    Postpone,
    Window,
    decide,
    pause_before,
)
from services.notifications.delivery.tables import Claimed
from services.notifications.ports import Delivered, Outcome, Parcel, Unreachable
from services.notifications.templates.rules import Rendered, RenderError, pick, render

Columns = dict[str, object]
Write = Callable[[Columns], None]
OWN_CHANNELS: frozenset[MessageChannel] = frozenset({LETTER, STAFF_TASK})
FREE: Columns = {"claim": None, "claimed_until": None}


@dataclass(frozen=True)
class Terms:
    """How a claim is made. `providers` are the channels with a provider; `window` replaces the policies' (sandbox)."""

    batch: int
    lease: timedelta
    providers: frozenset[MessageChannel]
    window: Window | None = None


@dataclass(frozen=True)
class Dispatch:
    """A call to make. `attempts` counts earlier failures on this channel."""

    claim: UUID
    position: int
    channel: MessageChannel
    attempts: int
    until: datetime
    parcel: Parcel


@dataclass(frozen=True)
class Batch:
    """What a claim took: the calls to make, and per (channel, outcome) what is settled already."""

    taken: int
    calls: list[Dispatch]
    settled: list[tuple[str, str]]


def claim(session: Session, terms: Terms, now: datetime) -> Batch:
    """Take a batch of due messages and write down what is going to happen to each."""
    token, until = uuid4(), now + terms.lease
    messages = tables.claim_due(session, terms.batch, now, until, token)
    if not messages:
        return Batch(0, [], [])
    batch = Batch(len(messages), [], [])
    knowledge = gather(session, messages, terms.window)
    for message in messages:
        _prepare(session, message, knowledge, terms, now, batch)
    return batch


def record(session: Session, call: Dispatch, outcome: Outcome, max_attempts: int, now: datetime) -> str | None:
    """Write the provider's answer; the outcome's name for the metric, None when the lease was lost meanwhile."""
    name, values = _consequence(call, outcome, max_attempts, now)
    message = tables.note(session, call.parcel.key, call.claim, FREE | values)
    tell(session, message, now)
    return name if message is not None else None


def _consequence(call: Dispatch, outcome: Outcome, max_attempts: int, now: datetime) -> tuple[str, Columns]:
    if isinstance(outcome, Delivered):
        columns = {"status": "sent", "sent_at": now, "provider_receipt": outcome.receipt, "attempts": call.attempts + 1}
        return "sent", columns
    attempts = call.attempts + 1
    reason = f"{call.channel}: {outcome.reason}"
    if isinstance(outcome, Unreachable) and attempts < max_attempts:
        return "retry", {"attempts": attempts, "not_before": now + pause_before(attempts), "reason": reason}
    return "refused", _next_channel(call.position) | {"not_before": now, "reason": reason}


def _next_channel(position: int) -> Columns:
    """Start afresh one channel on; when there is none, the next claim finds that out."""
    words = ("channel", "contact_on", "address", "language", "template_version", "subject", "text")
    return {"position": position + 1, "attempts": 0, **dict.fromkeys(words)}


def _prepare(
    session: Session, message: Claimed, knowledge: Knowledge, terms: Terms, now: datetime, batch: Batch
) -> None:
    def write(values: Columns) -> None:
        tell(session, tables.note(session, message.id, message.claim, values), now)

    withdrawal = None if _may_be_out(message) else knowledge.called_back(message, now)
    if withdrawal is not None:
        _fail(write, batch, message.channel or message.channels[0], f"withdrawn: {withdrawal.reason}")
        return
    if not knowledge.is_complete(message):
        later = now + UNTIL_CONTACT_IS_LOOKED_FOR_AGAIN
        write(FREE | {"status": "waiting_contact", "not_before": later, "reason": "the contact is not known yet"})
        return
    decision = _decide(message, knowledge, terms, now)
    if isinstance(decision, Postpone):
        write(FREE | {"status": "queued", "not_before": decision.until, "reason": decision.reason})
    elif isinstance(decision, GiveUp):
        reason = "; ".join(part for part in (message.reason, decision.reason) if part)
        _fail(write, batch, message.channels[-1] if message.channels else "none", reason)
    else:
        _go(write, message, decision, knowledge, now, batch)


def _decide(message: Claimed, knowledge: Knowledge, terms: Terms, now: datetime) -> Decision:
    days = knowledge.days.get(day_key(message.recipient, message.category), {})
    others = tuple(day for message_id, day in days.items() if message_id != message.id)
    pending = Pending(tuple(message.channels), message.position, message.business_on, message.created_at, others)
    means = Means(terms.providers | OWN_CHANNELS, knowledge.worded(message))
    return decide(pending, knowledge.reach(message), means, knowledge.policy(message), now)


def _go(write: Write, message: Claimed, go: Go, knowledge: Knowledge, now: datetime, batch: Batch) -> None:
    try:
        words = _words(message, go, knowledge)
    except RenderError as error:
        _fail(write, batch, go.channel, f"{go.channel}: {error}")
        return
    intent = _intent(message, go, words)
    if go.channel in OWN_CHANNELS:
        write(FREE | intent | _settled(message, go, knowledge, now))
        batch.settled.append((go.channel, "sent" if go.channel == STAFF_TASK else "queued_for_print"))
        return
    write(intent)
    _remember_contact(message, go, knowledge)
    attempts = message.attempts if message.channel == go.channel else 0
    parcel = Parcel(message.id, message.cause, go.address, message.template, words.language, words.subject, words.text)
    batch.calls.append(Dispatch(message.claim, go.position, go.channel, attempts, message.claimed_until, parcel))


def _intent(message: Claimed, go: Go, words: Rendered) -> Columns:
    """What is written down before anything is sent."""
    return {
        "status": "queued",
        "position": go.position,
        "channel": go.channel,
        "address": go.address,
        "contact_on": go.contact_on,
        "language": words.language,
        "template_version": words.version,
        "subject": words.subject,
        "text": words.text,
        "reason": go.skipped or message.reason,
    }


def _settled(message: Claimed, go: Go, knowledge: Knowledge, now: datetime) -> Columns:
    """A task is delivered by being there; a letter still has to be printed and posted, and says so."""
    if go.channel == LETTER:
        return {"status": "queued_for_print"}
    return {"status": "sent", "sent_at": now, "provider_receipt": "staff task", "assignee": knowledge.hand(message)}


def _words(message: Claimed, go: Go, knowledge: Knowledge) -> Rendered:
    """The words as first written for this channel: a repeat with the same key says the same."""
    if message.channel == go.channel and message.words is not None:
        return message.words
    wording = knowledge.wording(message, go.channel)
    if wording is None:
        raise RenderError(f"no template {message.template}")
    return render(wording, pick(wording, knowledge.facts(message)))


def _may_be_out(message: Claimed) -> bool:
    """Its words were written for a call that may have reached the provider: only the same key again tells."""
    return message.text is not None


def _remember_contact(message: Claimed, go: Go, knowledge: Knowledge) -> None:
    """So that a second message to the same person in this batch sees the first under the cap."""
    if day_key(message.recipient, message.category) in knowledge.days:
        knowledge.days[day_key(message.recipient, message.category)][message.id] = go.contact_on


def _fail(write: Write, batch: Batch, channel: str, reason: str) -> None:
    write(FREE | {"status": "failed", "reason": reason})
    batch.settled.append((channel, "failed"))
