"""LAW of arrears risk (D7): what is known of a household on a day, its score, and the reasons in words.

A month counts for what can be said of it on its own `GRACE_DAYS`-th day after the due date and never changes
afterwards, so that a feature of a past day is what it would have been on that day. Nothing here is about a person:
only what was billed, paid, complained of and repaired.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from math import exp, log1p
from typing import get_args

from services.common.contracts.answers.risk import Band, Feature, RiskReason, Wording

GRACE_DAYS = 15  # late: some principal is open at the end of this day after the due date
LOOK_BACK_DAYS = 180
MOST_MONTHS = 12


@dataclass(frozen=True)
class Bill:
    """A bill and the days on which it was settled, open again, settled again, and so on."""

    due: date
    turns: tuple[date, ...] = ()

    def open_after(self, day: date) -> bool:
        """Whether some principal was open at the end of `day`."""
        return sum(turn <= day for turn in self.turns) % 2 == 0

    @property
    def paid_after(self) -> int:
        """Days after the due date, negative before it; GRACE_DAYS + 1 when it was open at the end of the grace."""
        grace = self.due + timedelta(days=GRACE_DAYS)
        if self.open_after(grace):
            return GRACE_DAYS + 1
        return max(-GRACE_DAYS, (max(turn for turn in self.turns if turn <= grace) - self.due).days)


@dataclass(frozen=True)
class Month:
    """The bills of one household that fell due in one month.

    `late` and `paid_after` (days after the due date, at most GRACE_DAYS + 1, negative before it) are as of the day
    after the grace, whatever became of the bills later.
    """

    due: date
    late: bool
    paid_after: int
    bills: tuple[Bill, ...]

    def known_on(self, day: date) -> bool:
        """Whether it could be said on the morning of `day` if the month was late."""
        return self.due + timedelta(days=GRACE_DAYS) < day

    def open_on(self, day: date) -> bool:
        """Whether some of it was overdue and unsettled on the morning of `day`."""
        before = day - timedelta(days=1)
        return any(bill.due < day and bill.open_after(before) for bill in self.bills)


def turns(amount_fen: int, moves: Iterable[tuple[date, int]]) -> tuple[date, ...]:
    """The days on which a bill was settled, open again, …, from fen settled of it by day (negative: undone)."""
    days: list[date] = []
    settled_fen = 0
    for day, of_day in groupby(sorted(moves), key=lambda move: move[0]):
        settled_fen += sum(fen for _, fen in of_day)
        if (settled_fen >= amount_fen) != (len(days) % 2 == 1):
            days.append(day)
    return tuple(days)


def month_of(bills: Sequence[Bill]) -> Month:
    """The month of bills that fell due in it: late if one of them was, and due with the last."""
    after = max(bill.paid_after for bill in bills)
    return Month(max(bill.due for bill in bills), after > GRACE_DAYS, after, tuple(bills))


@dataclass(frozen=True)
class Past:
    """What billing's own events say of a household: months oldest first, days of complaints and of work orders.

    `is_covered`: its credit covers all that is overdue, so nothing of it is left unpaid.
    """

    months: Sequence[Month]
    complaints: Sequence[date] = ()
    orders: Sequence[date] = ()
    is_covered: bool = False

    def known_months(self, day: date) -> int:
        """How many months can be judged on the morning of `day`, of those that count."""
        return min(MOST_MONTHS, sum(month.known_on(day) for month in self.months))


FEATURES: tuple[Feature, ...] = get_args(Feature)


def features(past: Past, day: date) -> dict[Feature, float]:
    """What is known on the morning of `day`, as numbers of about one."""
    months = [month for month in past.months if month.known_on(day)][-MOST_MONTHS:]
    late = [month.late for month in months]
    open_months = 0 if past.is_covered else sum(month.open_on(day) for month in past.months)
    return {
        "late_last": float(late[-1]) if late else 0.0,
        "late_share_3": _share(late[-3:]),
        "late_share_12": _share(late),
        "pays_after_6": _mean([month.paid_after for month in months[-6:]]) / GRACE_DAYS,
        "open_months": log1p(min(MOST_MONTHS, open_months)),
        "late_streak": log1p(_streak(late, of=True)),
        "on_time_streak": log1p(_streak(late, of=False)),
        "complaints": log1p(_recent(past.complaints, day)),
        "orders": log1p(_recent(past.orders, day)),
        "short_history": float(len(months) < 3),
    }


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _streak(late: Sequence[bool], *, of: bool) -> int:
    length = 0
    for flag in reversed(late):
        if flag is not of:
            break
        length += 1
    return length


def _recent(days: Sequence[date], day: date) -> int:
    return sum(day - timedelta(days=LOOK_BACK_DAYS) <= event_day < day for event_day in days)


@dataclass(frozen=True)
class Weight:
    """How a feature counts: standardised by mean and scale, times the coefficient."""

    mean: float
    scale: float
    coefficient: float

    def effect(self, value: float) -> float:
        """What a value adds to the log-odds, against an average household."""
        return self.coefficient * (value - self.mean) / self.scale


@dataclass(frozen=True)
class Model:
    """A fitted logistic regression."""

    intercept: float
    weights: Mapping[Feature, Weight]


def effects(model: Model, values: Mapping[Feature, float]) -> dict[Feature, float]:
    """What each feature adds to the log-odds."""
    return {name: weight.effect(values[name]) for name, weight in model.weights.items()}


def probability(model: Model, values: Mapping[Feature, float]) -> float:
    """How likely the household is late with the bills due next, 0–1."""
    odds = model.intercept + sum(effects(model, values).values())
    return 1 / (1 + exp(-odds)) if odds > -700 else 0.0


def reasons(model: Model, values: Mapping[Feature, float], months: int, most: int = 3) -> list[RiskReason]:
    """What speaks most for being late, strongest first; where nothing does, what speaks most against it.

    Only what can be said of a household with so many months that can be judged: nothing is on record of none.
    """
    strengths = {name: effect for name, effect in effects(model, values).items() if is_so(name, values[name], months)}
    worse = sorted((name for name in strengths if strengths[name] > 0), key=lambda name: -strengths[name])[:most]
    features = worse or sorted(strengths, key=lambda name: strengths[name])[:1]
    return [
        RiskReason(code=name, effect=round(strengths[name], 3), text=_words(name, values[name], months))
        for name in features
    ]


def is_so(name: Feature, value: float, months: int) -> bool:
    """Whether the words for a feature say something that is so: counts of nothing and months that are not there, no."""
    if name == "short_history":
        return value > 0
    return value > 0 if name in _COUNTS else months > 0


def band(chance: float) -> Band:
    """high from 50 %, medium from 20 %: the order in which a steward calls, nothing else."""
    if chance >= 0.5:
        return "high"
    return "medium" if chance >= 0.2 else "low"


def _words(name: Feature, value: float, months: int) -> Wording:
    zh, en = _NOT_LATE if name == "late_last" and value == 0 else _WORDS[name]
    figures = (_figure(name, value), min(months, _SPANS.get(name, months)))
    return Wording({"zh-CN": zh.format(*figures), "en": en.format(*figures)})


def _figure(name: Feature, value: float) -> str:
    if name.startswith("late_share"):
        return f"{value:.0%}"
    if name == "pays_after_6":
        return f"{value * GRACE_DAYS:.0f}"
    return f"{exp(value) - 1:.0f}" if name in _COUNTS else f"{value:.0f}"


_COUNTS = {"open_months", "late_streak", "on_time_streak", "complaints", "orders"}
# how many months, at most, a feature looks back on
_SPANS: dict[Feature, int] = {"late_share_3": 3, "late_share_12": 12, "pays_after_6": 6}
_NOT_LATE = ("上一期按时", "on time with the last bill")
_WORDS: dict[Feature, tuple[str, str]] = {
    "late_last": ("上一期逾期", "late with the last bill"),
    "late_share_3": ("近 {1} 期逾期比例 {0}", "late in {0} of the last {1} month(s)"),
    "late_share_12": ("近 {1} 期逾期比例 {0}", "late in {0} of the last {1} month(s)"),
    "pays_after_6": (
        "近 {1} 期平均在到期后 {0} 天缴费（每期最多计 16 天）",
        "pays {0} days after the due date on average of {1} month(s), each counted up to 16",
    ),
    "open_months": ("现有 {0} 期逾期未结", "{0} overdue month(s) are open"),
    "late_streak": ("连续 {0} 期逾期", "late {0} month(s) in a row"),
    "on_time_streak": ("连续 {0} 期按时", "on time {0} month(s) in a row"),
    "complaints": ("近半年投诉 {0} 次", "{0} complaint(s) in half a year"),
    "orders": ("近半年报修 {0} 次", "{0} work order(s) in half a year"),
    "short_history": ("缴费记录不足三期", "less than three months of history"),
}
