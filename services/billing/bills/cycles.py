"""LAW of cycles: which months one bill is for, and which run issues it (B3). Imported by `rules.py`, and as pure.

Cycles are months, calendar quarters and calendar years. A run is asked for a month: in arrears it issues the cycle that
ends with that month, in advance the one that begins with it; in any other month the estate gets nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from services.common.calendar import add_months

MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}


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

    def without(self, billed: Collection["Cycle"]) -> "list[Cycle]":
        """The stretches of months that were not billed yet."""
        taken = {month for one in billed for month in one.starts}
        stretches: list[Cycle] = []
        for month in self.starts:
            if month in taken:
                continue
            if stretches and stretches[-1].last + timedelta(days=1) == month:
                stretches[-1] = Cycle(stretches[-1].first, stretches[-1].months + 1)
            else:
                stretches.append(Cycle(month, 1))
        return stretches


def cycle_of(cycle: str, month: date) -> Cycle:
    """The month, calendar quarter or calendar year in which the month that starts on `month` lies."""
    months = MONTHS[cycle]
    return Cycle(add_months(month, -((month.month - 1) % months)), months)


def issued_in(cycle: str, timing: str, month: date) -> Cycle | None:
    """What a run for that month issues; None where it is not the month in which a cycle is billed."""
    found = cycle_of(cycle, month)
    billed_in = found.starts[-1] if timing == "arrears" else found.first
    return found if month == billed_in else None
