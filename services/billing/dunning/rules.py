"""LAW of dunning (D1, D3, D5): which rung of the ladder is due, when the next one is, whether a hold stands.

`sweep_sql.SWEEP` says `due_step` in SQL for all households of an estate at once; a property test holds the two equal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

NO_HOLD = "no_hold"
Cause = Literal["forgot", "dissatisfied", "hardship", "malicious", "legacy_dispute", "vacant", "unknown"]
BUCKETS: tuple[tuple[str, int, int | None], ...] = (
    ("1-15", 1, 15),
    ("16-30", 16, 30),
    ("31-60", 31, 60),
    ("61-365", 61, 365),
    ("365+", 366, None),
)
_SAME_BUCKET = {"365": "365+", ">365": "365+"}


@dataclass(frozen=True)
class Step:
    """A rung: due on the days `earliest`…`latest` after the due date (negative: before it), in order of `position`."""

    code: str
    position: int
    earliest_day: int
    latest_day: int | None
    requires: tuple[str, ...] = ()

    def covers(self, day: int) -> bool:
        """Whether the day is in its window."""
        return self.earliest_day <= day and (self.latest_day is None or day <= self.latest_day)


@dataclass(frozen=True)
class Taken:
    """A rung that was taken for a bill, and the as-of day of the sweep that took it."""

    position: int
    as_of: date


def due_step(ladder: Iterable[Step], taken: Sequence[Taken], due: date, as_of: date, *, held: bool) -> Step | None:
    """The one rung that is due for a household's oldest open bill: the lowest above all taken ones whose window covers
    the day. One rung a day at most; none for a day before one already swept, so that no rung comes out of order.

    A hold stops escalation; reminders before the due date go out all the same (`requires` says which).
    """
    if any(one.as_of >= as_of for one in taken):
        return None
    above = max((one.position for one in taken), default=-1)
    day = (as_of - due).days
    found = min(
        (step for step in ladder if step.position > above and step.covers(day)),
        key=lambda step: step.position,
        default=None,
    )
    return None if found and held and NO_HOLD in found.requires else found


def next_step(ladder: Iterable[Step], taken: Sequence[Taken], due: date, today: date) -> tuple[Step, date] | None:
    """The rung that comes next and the first day it may be taken; None when the ladder ends or nothing is left."""
    above = max((one.position for one in taken), default=-1)
    after = max((one.as_of + timedelta(days=1) for one in taken), default=date.min)
    for step in sorted(ladder, key=lambda step: step.position):
        earliest = max(due + timedelta(days=step.earliest_day), after)
        still_open = step.latest_day is None or max(earliest, today) <= due + timedelta(days=step.latest_day)
        if step.position > above and still_open:
            return step, earliest
    return None


@dataclass(frozen=True)
class HoldFact:
    """One fact about a source of holds: it opened (`holds`) or closed at an instant. Facts may come in any order."""

    at: datetime
    holds: bool


@dataclass(frozen=True)
class HoldPeriod:
    """A time in which escalation was held; `released_at` None: it still is."""

    since: datetime
    released_at: datetime | None


def hold_periods(facts: Iterable[HoldFact], *, ended: bool = False) -> list[HoldPeriod]:
    """The record of one source, oldest first (D3). A closing at the very instant of an opening counts after it.

    `ended`: the source is over for good, even if its clock said that it opened after it closed.
    """
    periods: list[HoldPeriod] = []
    since: datetime | None = None
    for fact in sorted(facts, key=lambda fact: (fact.at, not fact.holds)):
        if fact.holds:
            since = since or fact.at
        elif since:
            periods.append(HoldPeriod(since, fact.at))
            since = None
    return [*periods, HoldPeriod(since, since if ended else None)] if since else periods


def bucket_of(days: int) -> str | None:
    """The age bucket of an overdue bill (D5); None when it is not overdue."""
    return next((name for name, low, high in BUCKETS if low <= days and (high is None or days <= high)), None)


def bucket_days(name: str) -> tuple[int, int | None]:
    """First and last day of a bucket; KeyError when there is none of that name. A query string makes "+" a blank, and
    people write 1–15 as it is printed."""
    known = {bucket: (low, high) for bucket, low, high in BUCKETS}
    bare = name.replace(" ", "").replace("–", "-").rstrip("+")
    return known[_SAME_BUCKET.get(bare, bare)]
