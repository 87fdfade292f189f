"""LAW of cycles: which months one bill is for, and which run issues it (B3). Imported by `rules.py`, and as pure.

Cycles are months, calendar quarters and calendar years. A run is asked for a month: in arrears it issues the cycle that
ends with that month, in advance the one that begins with it; in any other month the estate gets nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from services.common.contracts.answers.tariffs import BillingCycle, BillingTiming
from services.common.domain.calendar import WorkingCalendar, add_months

MONTHS: dict[BillingCycle, int] = {"monthly": 1, "quarterly": 3, "annual": 12}
NOTICE_DAYS = 15


@dataclass(frozen=True)
class Cycle:
    """Whole months in a row, from the one that starts on `first`."""

    first: date
    months: int

    @property
    def last(self) -> date:
        """The last day."""
        return add_months(self.first, self.months) - timedelta(days=1)

    @property
    def starts(self) -> list[date]:
        """The first day of each month."""
        return [add_months(self.first, n) for n in range(self.months)]

    @property
    def before(self) -> "Cycle":
        """As many months, right before these."""
        return Cycle(add_months(self.first, -self.months), self.months)

    def overlaps(self, other: "Cycle") -> bool:
        """Whether they have a month in common."""
        return self.first <= other.last and other.first <= self.last

    def without(self, billed_cycles: Collection["Cycle"]) -> "list[Cycle]":
        """The stretches of months that were not billed yet."""
        billed_months = {month for cycle in billed_cycles for month in cycle.starts}
        stretches: list[Cycle] = []
        for month in self.starts:
            if month in billed_months:
                continue
            if stretches and stretches[-1].last + timedelta(days=1) == month:
                stretches[-1] = Cycle(stretches[-1].first, stretches[-1].months + 1)
            else:
                stretches.append(Cycle(month, 1))
        return stretches


def cycle_of(cycle: BillingCycle, month: date) -> Cycle:
    """The month, calendar quarter or calendar year in which the month that starts on `month` lies."""
    months = MONTHS[cycle]
    return Cycle(add_months(month, -((month.month - 1) % months)), months)


def issued_in(cycle: BillingCycle, timing: BillingTiming, month: date) -> Cycle | None:
    """What a run for that month issues; None where it is not the month in which a cycle is billed."""
    candidate = cycle_of(cycle, month)
    billed_in = candidate.starts[-1] if timing == "arrears" else candidate.first
    return candidate if month == billed_in else None


@dataclass(frozen=True)
class BillingPolicy:
    """When bills of an estate are due (B3); shipped: monthly, in arrears, 15th of the next month, not rolled.

    `notice_days`: no bill is due earlier than so many days after it was issued.
    """

    cycle: BillingCycle
    timing: BillingTiming
    due_day: int
    month_offset: int
    roll_to_working_day: bool
    notice_days: int = NOTICE_DAYS

    def issued_in(self, month: date) -> Cycle | None:
        """The cycle that a run for that month issues; None: it issues nothing."""
        return issued_in(self.cycle, self.timing, month)

    def consumed_by(self, cycle: Cycle) -> Cycle:
        """The months whose consumption is billed along: nobody can meter in advance, so it is the cycle before."""
        return cycle if self.timing == "arrears" else cycle.before


def due_date(policy: BillingPolicy, period: date, issued_on: date, calendar: WorkingCalendar) -> date:
    """The due date of a bill for the cycle in which a month lies: the policy's day, or `notice_days` after the day of
    issue where that is later; so no bill is born overdue (ADR 19)."""
    earliest = issued_on + timedelta(days=policy.notice_days)
    return _working_day(policy, max(_due_day(policy, period), earliest), calendar)


def usual_due_date(policy: BillingPolicy, period: date, calendar: WorkingCalendar) -> date:
    """The due date of a bill that is issued in good time."""
    return _working_day(policy, _due_day(policy, period), calendar)


def _due_day(policy: BillingPolicy, period: date) -> date:
    """In arrears `month_offset` months after the cycle's last month, in advance as many before its first; a day the
    month lacks is its last day."""
    cycle = cycle_of(policy.cycle, period)
    from_month = cycle.starts[-1] if policy.timing == "arrears" else cycle.first
    months = policy.month_offset if policy.timing == "arrears" else -policy.month_offset
    return add_months(from_month, months, policy.due_day)


def _working_day(policy: BillingPolicy, day: date, calendar: WorkingCalendar) -> date:
    """A day off is the next working day, only where policy says so."""
    return calendar.next_working_day(day) if policy.roll_to_working_day else day
