"""LAW of the closure programme (D6): when a household may be visited, and which stage comes next.

Appointments keep to the contact window on every day of the week, evenings and weekends too, and to a cap over any run
of days. Stages are data; an outcome moves a case on, facts (paid, plan, complaint) end or pause it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.common.contracts.answers.closure import CaseStatus, MeetingOutcome
from services.common.domain.calendar import SHANGHAI

SERVICE_PROBLEM, LAWYERS_LETTER = "service_problem", "lawyers_letter"
_ABOUT_SERVICE = frozenset({"dissatisfied", "legacy_dispute"})
_LONGEST_SEARCH = 400


@dataclass(frozen=True)
class ContactPolicy:
    """Window [opens, closes) in Shanghai time, and at most `cap_count` appointments in any `cap_days` days."""

    opens: time
    closes: time
    cap_count: int
    cap_days: int


@dataclass(frozen=True)
class Stage:
    """A stage and how long a case may stay in it; `after_outcome`: taken instead of the other one of its position."""

    code: str
    position: int
    days: int
    after_outcome: str | None = None


def next_possible(earliest: datetime, others: Iterable[datetime], policy: ContactPolicy) -> datetime:
    """`wanted` itself when it keeps to window and cap, else the first time from then on that does.

    `others` are the household's other appointments, past and planned.
    """
    days = sorted(other.astimezone(SHANGHAI).date() for other in others)
    local = earliest.astimezone(SHANGHAI)
    candidate = _into_window(local, policy)
    for _ in range(_LONGEST_SEARCH):
        if fits_cap(candidate.date(), days, policy):
            return earliest if candidate == local else candidate
        candidate = datetime.combine(candidate.date() + timedelta(days=1), policy.opens, tzinfo=SHANGHAI)
    raise ValueError("no time is free for more than a year")


def fits_cap(day: date, days: Sequence[date], policy: ContactPolicy) -> bool:
    """Whether one more on `day` leaves every run of `cap_days` days with at most `cap_count`."""
    runs = (day - timedelta(days=back) for back in range(policy.cap_days))
    return all(
        sum(first <= other < first + timedelta(days=policy.cap_days) for other in days) < policy.cap_count
        for first in runs
    )


def next_stage(
    stages: Sequence[Stage], current: Stage, outcome: MeetingOutcome, since: date, on: date, cause: str
) -> Stage | None:
    """The stage that follows an outcome of that day; None: the case stays where it is.

    Refused goes on; not reached goes on once the stage's days are over; a problem with our service is fixed before
    anybody writes a lawyer's letter; promised and fixed wait for the money.
    """
    if outcome == SERVICE_PROBLEM and current.after_outcome == SERVICE_PROBLEM:
        return None
    on_the_side = outcome == SERVICE_PROBLEM and _at(stages, current.position, SERVICE_PROBLEM)
    if on_the_side:
        return on_the_side
    moves = outcome in ("refused", SERVICE_PROBLEM) or (outcome == "not_reached" and on > stage_ends(current, since))
    above = sorted({stage.position for stage in stages if stage.position > current.position})
    if not moves or not above:
        return None
    about_service = outcome == SERVICE_PROBLEM or cause in _ABOUT_SERVICE
    special = _at(stages, above[0], SERVICE_PROBLEM) if about_service else None
    return special or _at(stages, above[0], None)


def stage_ends(stage: Stage, since: date) -> date:
    """The last day a case should be in the stage."""
    return since + timedelta(days=stage.days)


def status_of(open_fen: int, credit_fen: int, *, complaint: bool, plan: bool) -> CaseStatus:
    """closed: nothing of what it was enrolled for is open, or the household's credit covers it; paused: a complaint or
    a performing plan stands; active."""
    if open_fen <= credit_fen:
        return "closed"
    return "paused" if complaint or plan else "active"


def _at(stages: Sequence[Stage], position: int, after_outcome: str | None) -> Stage | None:
    candidates = (s for s in stages if s.position == position and s.after_outcome == after_outcome)
    return next(candidates, None)


def _into_window(local: datetime, policy: ContactPolicy) -> datetime:
    """The time itself inside the window, else the next opening."""
    opening = datetime.combine(local.date(), policy.opens, tzinfo=SHANGHAI)
    if local < opening:
        return opening
    if local < datetime.combine(local.date(), policy.closes, tzinfo=SHANGHAI):
        return local
    return opening + timedelta(days=1)
