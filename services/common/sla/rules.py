"""LAW of service clocks (G2, H2): when is something due, when is a warning due, was it in time. No I/O, no clock.

A limit runs on the wall clock or on working days only. A clock that pauses keeps what it has used; on resuming, what is
left starts to run again. A commitment counts whole working days after the day of receipt and ends with its last day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from services.common.contracts.answers.sla import Outcome
from services.common.domain.calendar import WorkingCalendar, business_date, end_of_business_day

Clock = Literal["wall", "working"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)
WHOLE = 100


@dataclass(frozen=True)
class Limit:
    """How long something may take: `minutes` on the wall clock, or minutes of working days (24 h each)."""

    minutes: int
    clock: Clock = "wall"

    def share(self, percent: int) -> timedelta:
        """`percent` of the limit."""
        return timedelta(minutes=self.minutes) * percent / WHOLE

    def ends(self, start: datetime, calendar: WorkingCalendar) -> datetime:
        """When the limit is used up if the clock runs from `start` without a pause."""
        return advance(start, self.share(WHOLE), self.clock, calendar)


@dataclass(frozen=True)
class Running:
    """A clock that has used `used` of its limit before `since`; `since` is None while it is paused."""

    limit: Limit
    since: datetime | None
    used: timedelta = timedelta()

    def reaches(self, percent: int, calendar: WorkingCalendar) -> datetime | None:
        """When `percent` of the limit is used up; None while paused.

        A share that was used up before the last pause counts as reached when the clock went on.
        """
        if self.since is None:
            return None
        return advance(self.since, max(self.limit.share(percent) - self.used, timedelta()), self.limit.clock, calendar)

    def used_at(self, instant: datetime, calendar: WorkingCalendar) -> timedelta:
        """What the clock has used by `instant`."""
        if self.since is None:
            return self.used
        return self.used + elapsed(self.since, instant, self.limit.clock, calendar)

    def paused(self, instant: datetime, calendar: WorkingCalendar) -> "Running":
        """The clock stops (waiting for the owner or for parts)."""
        return replace(self, since=None, used=self.used_at(instant, calendar))

    def resumed(self, instant: datetime) -> "Running":
        """The clock goes on with what is left."""
        return replace(self, since=instant)


@dataclass(frozen=True)
class Commitment:
    """A promise in working days: kept until the end of `day` (Asia/Shanghai), the last instant being `until`.

    `unannounced_year` is the first year it touches whose holidays are not announced: until then the day may move.
    """

    day: date
    until: datetime
    unannounced_year: int | None

    @property
    def provisional(self) -> bool:
        """Whether the day may still move."""
        return self.unannounced_year is not None


def elapsed(start: datetime, end: datetime, clock: Clock, calendar: WorkingCalendar) -> timedelta:
    """How much of the clock passes between two instants; nothing when `end` is not after `start`."""
    if clock == "wall":
        return max(end - start, timedelta())
    return sum((to - since for since, to in _working_spans(start, end, calendar)), timedelta())


def advance(start: datetime, span: timedelta, clock: Clock, calendar: WorkingCalendar) -> datetime:
    """The instant at which `span` of the clock has passed since `start`, in the time zone of `start`."""
    if clock == "wall" or not span:
        return start + span
    for since, to in _working_spans(start, None, calendar):
        if span <= to - since:
            return (since + span).astimezone(start.tzinfo)
        span -= to - since
    raise AssertionError("days never end")


def _working_spans(
    start: datetime, end: datetime | None, calendar: WorkingCalendar
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working days from `start` to `end` (None: for ever)."""
    while end is None or start < end:
        midnight = end_of_business_day(business_date(start))
        stop = midnight if end is None else min(midnight, end)
        if calendar.is_working(business_date(start)):
            yield start, stop
        start = midnight


def commitment(received_at: datetime, days: int, calendar: WorkingCalendar) -> Commitment:
    """`days` working days after the day of receipt, which itself does not count (H2)."""
    receipt_day = business_date(received_at)
    day = calendar.add_working_days(receipt_day, days)
    provisional_years = (year for year in range(receipt_day.year, day.year + 1) if calendar.is_provisional(year))
    until = (end_of_business_day(day) - timedelta(microseconds=1)).astimezone(received_at.tzinfo)
    return Commitment(day, until, next(provisional_years, None))


def outcome(done_at: datetime, due_at: datetime) -> Outcome:
    """In time means not after the due instant."""
    return "met" if done_at <= due_at else "breached"


def is_overdue(due_at: datetime | None, done_at: datetime | None, now: datetime) -> bool:
    """Whether something still to be done is late."""
    return done_at is None and due_at is not None and due_at < now
