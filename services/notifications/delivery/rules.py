"""LAW of delivery: may this message go out now, over which channel, and what follows from the provider's answer (F3).

SMS and e-mail reach a person at once: they keep to the contact window and the frequency cap. A letter waits in a box
and a staff task is for us, so neither does. Every instant is aware; the window is Asia/Shanghai.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from services.common.contracts.answers.notifications import MessageChannel, MessageStatus
from services.common.domain.calendar import business_date, start_of_business_day

SMS: Literal["sms"] = "sms"
EMAIL: Literal["email"] = "email"
LETTER: Literal["letter"] = "letter"
STAFF_TASK: Literal["staff_task"] = "staff_task"
CHANNELS: tuple[MessageChannel, ...] = get_args(MessageChannel)
INTRUSIVE = (SMS, EMAIL)
LONGEST_PAUSE = timedelta(minutes=5)
UNTIL_CONTACT_IS_LOOKED_FOR_AGAIN = timedelta(minutes=10)

_WINDOW = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class Window:
    """Minutes of the day [opens, closes) in which a person may be contacted."""

    opens: int
    closes: int

    @classmethod
    def parse(cls, form: str) -> "Window":
        """ "08:00-21:00" → the window; ValueError unless it opens before it closes, within one day."""
        match = _WINDOW.fullmatch(form)
        if match is None:
            raise ValueError(f"a contact window is HH:MM-HH:MM, not {form!r}")
        hours = [int(part) for part in match.groups()]
        window = cls(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])
        if not window.opens < window.closes <= 24 * 60:
            raise ValueError(f"a contact window opens before it closes, within one day, not {form!r}")
        return window

    def next_open(self, now: datetime) -> datetime:
        """`now` itself while the window is open, else the instant it opens next."""
        today = business_date(now)
        start = self._at(today, self.opens)
        if now < start:
            return start
        return now if now < self._at(today, self.closes) else self._at(today + timedelta(days=1), self.opens)

    @staticmethod
    def _at(day: date, minute: int) -> datetime:
        return start_of_business_day(day) + timedelta(minutes=minute)


@dataclass(frozen=True)
class Policy:
    """How one category may reach people on one estate (table contact_policy)."""

    window: Window | None = None
    cap_count: int | None = None
    cap_days: int | None = None


@dataclass(frozen=True)
class Reach:
    """What is known of the recipient: an address per channel, and the channels that were opted out of."""

    addresses: Mapping[MessageChannel, str]
    refused: frozenset[MessageChannel] = frozenset()


@dataclass(frozen=True)
class Means:
    """What this installation has: channels with a provider, and channels for which the template has words."""

    bound: frozenset[MessageChannel]
    worded: frozenset[MessageChannel]


@dataclass(frozen=True)
class Pending:
    """A claimed message, as far as the decision needs it. `contacts` are the other contacts' days, for the cap."""

    channels: tuple[MessageChannel, ...]
    position: int
    business_on: date
    created_at: datetime
    contacts: tuple[date, ...] = ()


@dataclass(frozen=True)
class Go:
    """Over this channel, now. `skipped` says why earlier ones were not taken."""

    position: int
    channel: MessageChannel
    address: str
    contact_on: date
    skipped: str = ""


@dataclass(frozen=True)
class Postpone:
    """Not before `until`."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class GiveUp:
    """No channel is left."""

    reason: str


Decision = Go | Postpone | GiveUp

HOLD, PAYMENT = "hold", "payment"
AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Withdrawal:
    """What calls dunning back that was decided up to an instant: a hold of escalation, or money that came in."""

    ground: str
    at: datetime
    reason: str


def called_back(
    decided_at: datetime, withdrawals: Sequence[Withdrawal], now: datetime, *, reminder: bool
) -> Withdrawal | None:
    """Why dunning decided then is not said any more (D3); None: it is.

    After a payment the amounts are not true. A hold stops escalation only: a reminder before the due date urges nobody.
    What goes out at once crosses with the news of it, so that whether it is said is no matter of milliseconds.
    """
    if now - decided_at < AT_ONCE:
        return None
    return next(
        (
            withdrawal
            for withdrawal in withdrawals
            if decided_at <= withdrawal.at and not (reminder and withdrawal.ground == HOLD)
        ),
        None,
    )


def decide(pending: Pending, reach: Reach, means: Means, policy: Policy, now: datetime) -> Decision:
    """The first channel from `position` on that may be used, unless window or cap say later (F3)."""
    reasons: list[str] = []
    for position, channel in enumerate(pending.channels[pending.position :], pending.position):
        obstacle = _obstacle(channel, reach, means)
        if obstacle is None:
            go = Go(position, channel, reach.addresses[channel], _day(pending, now), "; ".join(reasons))
            return _later(pending, go, policy, now) or go
        reasons.append(f"{channel}: {obstacle}")
    return GiveUp("; ".join(reasons) or "no channel is left")


def outcome_of(status: MessageStatus, channel: MessageChannel | None) -> Literal["delivered", "failed"] | None:
    """What is proven by a message's status (F4): SMS and e-mail by the provider's receipt, a letter or what is handed
    over by hand only when staff recorded its receipt. None: nothing yet."""
    if status == "failed":
        return "failed"
    return "delivered" if status == "delivered" or (status == "sent" and channel in INTRUSIVE) else None


def effective_day(business_on: date, created_at: datetime, now: datetime) -> date:
    """The business day of a contact made now: the day of its cause plus the days it has waited.

    A sweep may be run for any as-of date; the cap counts by that calendar, so a replayed month behaves as the real one.
    """
    return business_on + (business_date(now) - business_date(created_at))


def free_of_cap(contacts: Sequence[date], day: date, count: int, days: int) -> date:
    """The first day from `day` on at which fewer than `count` contacts lie within the last `days` days."""
    recent = sorted(contact for contact in contacts if contact > day - timedelta(days=days))
    return day if len(recent) < count else max(day, recent[len(recent) - count] + timedelta(days=days))


def pause_before(attempt: int) -> timedelta:
    """How long to wait after the `attempt`-th failure: 1 s, 2 s, 4 s … five minutes."""
    return min(timedelta(seconds=2 ** min(attempt - 1, 12)), LONGEST_PAUSE)


def _obstacle(channel: MessageChannel, reach: Reach, means: Means) -> str | None:
    if channel not in means.bound:
        return "not available"
    if channel not in means.worded:
        return "no template"
    if channel in reach.refused:
        return "opted out"
    return None if reach.addresses.get(channel) else "no address"


def _day(pending: Pending, now: datetime) -> date:
    return effective_day(pending.business_on, pending.created_at, now)


def _later(pending: Pending, go: Go, policy: Policy, now: datetime) -> Postpone | None:
    if go.channel not in INTRUSIVE:
        return None
    return _cap(pending, policy, go.contact_on, now) or _window(policy, now)


def _cap(pending: Pending, policy: Policy, day: date, now: datetime) -> Postpone | None:
    if policy.cap_count is None or policy.cap_days is None:
        return None
    free = free_of_cap(pending.contacts, day, policy.cap_count, policy.cap_days)
    if free == day:
        return None
    then = start_of_business_day(business_date(now) + (free - day))
    return Postpone(policy.window.next_open(then) if policy.window else then, "frequency cap")


def _window(policy: Policy, now: datetime) -> Postpone | None:
    if policy.window is None:
        return None
    opens = policy.window.next_open(now)
    return None if opens == now else Postpone(opens, "outside the contact window")
