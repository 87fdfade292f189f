"""LAW of statuses: from what was recorded follows the status of a unit on every day, without gap or overlap (A1).

ADR 20.

A status holds from its day on until the next by date, in whatever order they were recorded; of several for one day the
one recorded last counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from services.billing.portfolio.days import ONE_DAY
from services.common.contracts.answers.portfolio import UnitStatus

# before: what it was until the first change; transfer: it came with another payer
Source = Literal["before", "request", "import", "transfer"]


@dataclass(frozen=True)
class StatusChange:
    """A unit has this status from `from_date` on."""

    status: UnitStatus
    from_date: date
    source: Source


@dataclass(frozen=True)
class StatusDays:
    """A unit has this status from `first` to `last`, both inclusive; `last` None: from then on."""

    status: UnitStatus
    first: date
    last: date | None


def status_days(changes: Sequence[StatusChange]) -> list[StatusDays]:
    """The status of every day, from changes in the order in which they were recorded; the first is from BEGINNING."""
    days: list[StatusDays] = []
    for first, status in sorted({change.from_date: change.status for change in changes}.items()):
        if days and days[-1].status == status:
            continue
        if days:
            days[-1] = replace(days[-1], last=first - ONE_DAY)
        days.append(StatusDays(status, first, None))
    return days


def status_on(days: Sequence[StatusDays], day: date) -> UnitStatus:
    """The status of a day."""
    return next(spell.status for spell in reversed(days) if spell.first <= day)


def differ(before: Sequence[StatusDays], after: Sequence[StatusDays], first: date, last: date) -> bool:
    """Whether any day from `first` to `last` has another status than before."""
    return _cut(before, first, last) != _cut(after, first, last)


def _cut(days: Sequence[StatusDays], first: date, last: date) -> list[StatusDays]:
    return [
        StatusDays(spell.status, max(spell.first, first), min(spell.last or last, last))
        for spell in days
        if spell.first <= last and (spell.last is None or spell.last >= first)
    ]


def is_news(status: UnitStatus, since: date | None, changes: Sequence[StatusChange]) -> bool:
    """Whether a file says something new of a unit: something else than the last file did (A3).

    With a day, `since`: that no file said so of this day, and that it was another then. `changes` begin with the status
    from before, which is a file's too.
    """
    by_file = [change for change in changes if change.source in ("before", "import")]
    if since is None:
        return status != by_file[-1].status
    is_repeat = any((change.status, change.from_date) == (status, since) for change in by_file)
    return not is_repeat and status_on(status_days(changes), since) != status
