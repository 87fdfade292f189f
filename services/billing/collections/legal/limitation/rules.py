"""LAW of the limitation clock (诉讼时效, D4): until when a claim may be brought to court, and what starts it anew.

Three years (民法典第188条) from the day after the due date. A delivered demand, proceedings, a promise or a part
payment start it anew (第195条). The first day does not count and the last is the same day of the third year, or the
last of a month that lacks it (第201、202条): a claim due on 29 February 2024 expires with 28 February 2027. A demand
after the end revives nothing; a promise or a payment after it does (第192条). `clock_sql` says the same in SQL; a
property test holds the two equal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from services.common.contracts.answers.legal import RestartKind
from services.common.domain.calendar import add_months

YEARS = 3
WARN_BEFORE = (30, 90, 180)
ACKNOWLEDGES: tuple[RestartKind, ...] = ("promise", "part_payment")


@dataclass(frozen=True)
class Restart:
    """Something that starts the clock anew, on its day."""

    on: date
    kind: RestartKind


@dataclass(frozen=True)
class Limitation:
    """A claim's clock on a day. `days_left` is 0 on the last day and negative after it; `warn` is the threshold that
    was passed last, None while far off and after the end."""

    started_on: date
    restarted_on: date | None
    restarted_by: RestartKind | None
    expires_on: date
    days_left: int
    warn: int | None


def limitation(due: date, restarts: Iterable[Restart], as_of: date) -> Limitation:
    """The clock of a bill due on `due`, as it stands on `as_of`; what happens later is ignored, and so is what was
    before the bill was overdue. Any order of restarts gives the same clock."""
    from_day, by = due, None
    for restart in sorted((r for r in restarts if due < r.on <= as_of), key=_in_time):
        if restart.kind in ACKNOWLEDGES or restart.on <= expiry(from_day):
            from_day, by = restart.on, restart.kind
    last = expiry(from_day)
    left = (last - as_of).days
    return Limitation(due + timedelta(days=1), from_day if by else None, by, last, left, warning(left))


def expiry(from_day: date) -> date:
    """The last day of a period that began after `from_day`."""
    return add_months(from_day, 12 * YEARS)


def warning(days_left: int) -> int | None:
    """The smallest threshold that covers the days left."""
    return next((days for days in WARN_BEFORE if 0 <= days_left <= days), None)


def _in_time(restart: Restart) -> tuple[date, bool, str]:
    """By day; on one day an acknowledgement first, for what follows finds the clock running."""
    return restart.on, restart.kind not in ACKNOWLEDGES, restart.kind
