"""LAW of dunning (D1, D3, D5): which rung of the ladder is due, when the next one is, whether a hold stands.

`sweep_sql.SWEEP` says `due_step` in SQL for all households of an estate at once; a property test holds the two equal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.common.contracts.answers.dunning import Bucket, StepChannel, StepKind

NO_HOLD = "no_hold"
AFTER = "after:"

BUCKETS: tuple[tuple[Bucket, int, int | None], ...] = (
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
    gap_days: int = 1

    def covers(self, day: int) -> bool:
        """Whether the day is in its window."""
        return self.earliest_day <= day and (self.latest_day is None or day <= self.latest_day)

    @property
    def escalates(self) -> bool:
        """It urges for money, so a hold stops it; a reminder before the due date does not."""
        return NO_HOLD in self.requires

    @property
    def after(self) -> frozenset[str]:
        """Rungs that must count for the bill, and whose deadline must be over, before this one."""
        return frozenset(name.removeprefix(AFTER) for name in self.requires if name.startswith(AFTER))


@dataclass(frozen=True)
class Taken:
    """A rung taken for the household, on the as-of day of its sweep, when `bill_id` was its oldest bill.

    `without`: the bill we ask about was in dispute then, so the words said to the household left it out.
    """

    code: str
    bill_id: int
    as_of: date
    deadline: date | None = None
    without: bool = False


@dataclass(frozen=True)
class Standing:
    """What decides about a household's oldest open and undisputed bill.

    `taken` are the rungs of the household, for whichever bill. `covered_until`: the last day the estate was swept for
    while this bill was out of sight: an older bill stood before it, it was in dispute, or it was settled and came back.
    """

    bill_id: int
    due: date
    taken: Sequence[Taken] = ()
    covered_until: date | None = None


def due_step(ladder: Sequence[Step], bill: Standing, as_of: date, *, held: bool) -> Step | None:
    """The one rung that is due: the lowest above all that count for the bill (`counts`), its window covering the day.

    One rung a day at most per household; none for a day before one already taken, so that no rung comes out of order.
    A hold stops escalation; reminders before the due date go out all the same (`requires` says which).

    A bill that was passed over while others had their rungs (`makes_up`) gets every rung of escalation, in order and
    `gap_days` apart: late rather than never. Rungs missed because of a hold, or because nobody swept, are let go: the
    bill goes on where its age puts it.
    """
    if any(taken_step.as_of >= as_of for taken_step in bill.taken):
        return None
    late = makes_up(ladder, bill)
    due = min(_open(ladder, bill, as_of, late=late), key=lambda step: step.position, default=None)
    if due is None or (due.escalates and (held or (late and as_of < _after_gap(due, bill)))):
        return None
    return due


def counts(step: Step, action: Taken, bill: Standing) -> bool:
    """Whether a rung that was taken counts for the bill: taken for it, or for another when it was old enough itself.

    A notice states all that is overdue; to send it again because another bill has become the oldest would repeat it.
    """
    if action.bill_id == bill.bill_id:
        return True
    return not action.without and (action.as_of - bill.due).days >= step.earliest_day


def makes_up(ladder: Iterable[Step], bill: Standing) -> bool:
    """Whether the estate was swept while the bill was out of sight and old enough for the first rung of escalation."""
    first = min((step.earliest_day for step in ladder if step.escalates), default=None)
    return first is not None and bill.covered_until is not None and (bill.covered_until - bill.due).days >= first


def next_step(ladder: Sequence[Step], bill: Standing, today: date) -> tuple[Step, date] | None:
    """The rung that comes next and the first day it may be taken; None when the ladder ends or nothing is left."""
    late = makes_up(ladder, bill)
    for step in sorted(_above(ladder, bill), key=lambda step: step.position):
        earliest = max(
            bill.due + timedelta(days=step.earliest_day), _next_day(bill), *_release_days(ladder, step, bill)
        )
        if late and step.escalates:
            return (
                (step, max(earliest, _after_gap(step, bill))) if step.after <= _deadlines(ladder, bill).keys() else None
            )
        if step.after <= _deadlines(ladder, bill).keys() and step.covers((max(earliest, today) - bill.due).days):
            return step, earliest
    return None


def _above(ladder: Sequence[Step], bill: Standing) -> list[Step]:
    """Rungs above all that count."""
    by_code = {step.code: step for step in ladder}
    counting = [
        by_code[action.code]
        for action in bill.taken
        if action.code in by_code and counts(by_code[action.code], action, bill)
    ]
    above = max((step.position for step in counting), default=None)
    return [step for step in ladder if above is None or step.position > above]


def _open(ladder: Sequence[Step], bill: Standing, as_of: date, *, late: bool) -> list[Step]:
    day = (as_of - bill.due).days
    over = {code for code, deadline in _deadlines(ladder, bill).items() if deadline is None or deadline < as_of}
    return [
        step
        for step in _above(ladder, bill)
        if step.earliest_day <= day and (step.covers(day) or (late and step.escalates)) and step.after <= over
    ]


def _deadlines(ladder: Sequence[Step], bill: Standing) -> dict[str, date | None]:
    """Rungs that count for the bill, each with the deadline it set; of several the first to end."""
    by_code = {step.code: step for step in ladder}
    deadline_by_code: dict[str, date | None] = {}
    for action in bill.taken:
        rung = by_code.get(action.code)
        if action.bill_id == bill.bill_id or (rung and counts(rung, action, bill)):
            deadlines = (
                [deadline_by_code[action.code], action.deadline]
                if action.code in deadline_by_code
                else [action.deadline]
            )
            deadline_by_code[action.code] = None if None in deadlines else min(day for day in deadlines if day)
    return deadline_by_code


def _release_days(ladder: Sequence[Step], step: Step, bill: Standing) -> list[date]:
    """The days after the deadlines this rung waits for."""
    deadlines = _deadlines(ladder, bill)
    return [deadline + timedelta(days=1) for code in step.after if (deadline := deadlines.get(code))]


def _next_day(bill: Standing) -> date:
    return max((action.as_of + timedelta(days=1) for action in bill.taken), default=date.min)


def _after_gap(step: Step, bill: Standing) -> date:
    return max((action.as_of + timedelta(days=step.gap_days) for action in bill.taken), default=date.min)


def bucket_of(days: int) -> Bucket | None:
    """The age bucket of an overdue bill (D5); None when it is not overdue."""
    return next((name for name, low, high in BUCKETS if low <= days and (high is None or days <= high)), None)


def bucket_days(name: str) -> tuple[int, int | None]:
    """First and last day of a bucket; KeyError when there is none of that name. A query string makes "+" a blank, and
    people write 1–15 as it is printed."""
    days_by_bucket: dict[str, tuple[int, int | None]] = {bucket: (low, high) for bucket, low, high in BUCKETS}
    bare = name.replace(" ", "").replace("–", "-").rstrip("+")
    return days_by_bucket[_SAME_BUCKET.get(bare, bare)]


MESSAGE_CHANNELS: tuple[StepChannel, ...] = ("sms", "email", "letter")
TASK_CHANNELS: tuple[StepChannel, ...] = ("staff_task",)

# template → its kind and the channels it has words for (notifications keeps the words)
WORDINGS: Mapping[str, tuple[StepKind, tuple[StepChannel, ...]]] = {
    "dunning.reminder": ("message", MESSAGE_CHANNELS),
    "dunning.overdue_notice": ("message", MESSAGE_CHANNELS),
    "dunning.visit_task": ("task", TASK_CHANNELS),
    "dunning.demand_letter": ("message", MESSAGE_CHANNELS),
    "dunning.formal_notice": ("message", MESSAGE_CHANNELS),
    "dunning.legal_file_task": ("task", TASK_CHANNELS),
    "dunning.plan_offer_task": ("task", TASK_CHANNELS),
    "dunning.problem_task": ("task", TASK_CHANNELS),
    "dunning.vacancy_task": ("task", TASK_CHANNELS),
    "dunning.settlement_task": ("task", TASK_CHANNELS),
}
