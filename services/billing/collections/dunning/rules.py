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
class DunningPolicy:
    """A group's or an estate's choices (ADR 21).

    `small_amount_fen`: for a claim of this much or less nobody is urged. `gap_days`: least days between two rungs of
    escalation. `promise_days`: how far ahead a promise to pay may lie; `promises_per_rung`: how many of them pause the
    ladder between two rungs.
    """

    small_amount_fen: int = 500
    gap_days: int = 7
    promise_days: int = 15
    promises_per_rung: int = 1


@dataclass(frozen=True)
class Claim:
    """What is demanded of a household on a day, by the sums of its statement."""

    principal_fen: int
    late_fee_fen: int
    credit_fen: int

    @property
    def fen(self) -> int:
        """Principal and late fee less credit; nobody in credit is asked for anything."""
        return self.principal_fen + self.late_fee_fen - self.credit_fen


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

    `without`: the words said to the household left out the bill we ask about: it was in dispute, or not entered yet.
    """

    code: str
    bill_id: int
    as_of: date
    deadline: date | None = None
    without: bool = False


@dataclass(frozen=True)
class Standing:
    """What decides about the bill a household's ladder goes by: its oldest open one that nobody disputes, or without
    one the oldest whose late fee was left alone.

    `claim_fen`: what is claimed of the household on that day. `taken` are the rungs of the household, for whichever
    bill. `covered_until`: the last day the estate was swept for while this bill was out of sight: an older bill stood
    before it, it was in dispute, or it was settled and came back.
    """

    bill_id: int
    due: date
    claim_fen: int
    taken: Sequence[Taken] = ()
    covered_until: date | None = None


def due_step(ladder: Sequence[Step], bill: Standing, as_of: date, policy: DunningPolicy, *, held: bool) -> Step | None:
    """The one rung that is due: the lowest above all that count for the bill (`counts`) whose time it is (`is_time`).

    Nothing is due for a claim that is too small to urge for. One rung a day at most per household, rungs of escalation
    further apart (`gap`); none for a day before one already taken, so that no rung comes out of order. A hold stops
    escalation; reminders before the due date go out all the same (`requires` says which).
    """
    if is_small(bill, policy) or any(action.as_of >= as_of for action in bill.taken):
        return None
    due = min(_open(ladder, bill, as_of, policy), key=lambda step: step.position, default=None)
    if due is None or (due.escalates and (held or as_of < _after_gap(ladder, due, bill, policy))):
        return None
    return due


def is_small(bill: Standing, policy: DunningPolicy) -> bool:
    """Whether nobody is urged for what is claimed."""
    return bill.claim_fen <= policy.small_amount_fen


def counts(step: Step, action: Taken, bill: Standing) -> bool:
    """Whether a rung that was taken counts for the bill: taken for it, or for another when it was old enough itself.

    A notice states all that is overdue; to send it again because another bill has become the oldest would repeat it.
    """
    if action.bill_id == bill.bill_id:
        return True
    return not action.without and (action.as_of - bill.due).days >= step.earliest_day


def is_time(ladder: Sequence[Step], step: Step, bill: Standing, day: int, policy: DunningPolicy) -> bool:
    """Whether a rung may be taken on a day after the due date: its window covers it, or was over before it could be.

    The ladder starts at its first rung for whoever was never written to, however old the debt; a bill that was passed
    over while others had their rungs (`makes_up`) gets every rung of escalation; and none is left out because the one
    before it came too late. Rungs that a hold stopped, or that nobody swept for, are let go.
    """
    if step.covers(day):
        return True
    if not step.escalates or step.earliest_day > day or step.latest_day is None:
        return False
    last = last_urged_on(ladder, bill)
    window_end = bill.due + timedelta(days=step.latest_day)
    return last is None or last + gap(step, policy) > window_end or makes_up(ladder, bill)


def last_urged_on(ladder: Iterable[Step], bill: Standing) -> date | None:
    """The day of the last rung of escalation that counts for the bill; None: nobody was written to about it."""
    by_code = {step.code: step for step in ladder}
    return max(
        (
            action.as_of
            for action in bill.taken
            for rung in [by_code.get(action.code)]
            if (rung.escalates and counts(rung, action, bill) if rung else action.bill_id == bill.bill_id)
        ),
        default=None,
    )


def makes_up(ladder: Iterable[Step], bill: Standing) -> bool:
    """Whether the estate was swept while the bill was out of sight and old enough for the first rung of escalation."""
    first = min((step.earliest_day for step in ladder if step.escalates), default=None)
    return first is not None and bill.covered_until is not None and (bill.covered_until - bill.due).days >= first


def gap(step: Step, policy: DunningPolicy) -> timedelta:
    """How long after the household's last rung of escalation this one may come."""
    return timedelta(days=max(step.gap_days, policy.gap_days))


def next_step(ladder: Sequence[Step], bill: Standing, today: date, policy: DunningPolicy) -> tuple[Step, date] | None:
    """The rung that comes next and the first day it may be taken; None when the ladder ends or nothing is urged for."""
    deadlines = _deadlines(ladder, bill)
    for step in [] if is_small(bill, policy) else sorted(_above(ladder, bill), key=lambda step: step.position):
        days = [bill.due + timedelta(days=step.earliest_day), _next_day(bill), *_release_days(ladder, step, bill)]
        earliest = max(*days, _after_gap(ladder, step, bill, policy) if step.escalates else date.min)
        day = (max(earliest, today) - bill.due).days
        if step.after <= deadlines.keys() and is_time(ladder, step, bill, day, policy):
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


def _open(ladder: Sequence[Step], bill: Standing, as_of: date, policy: DunningPolicy) -> list[Step]:
    day = (as_of - bill.due).days
    over = {code for code, deadline in _deadlines(ladder, bill).items() if deadline is None or deadline < as_of}
    return [step for step in _above(ladder, bill) if step.after <= over and is_time(ladder, step, bill, day, policy)]


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


def _after_gap(ladder: Iterable[Step], step: Step, bill: Standing, policy: DunningPolicy) -> date:
    """The first day that is far enough from the household's last rung of escalation, for whichever bill."""
    gentle = {rung.code for rung in ladder if not rung.escalates}
    days = (action.as_of + gap(step, policy) for action in bill.taken if action.code not in gentle)
    return max(days, default=date.min)


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
