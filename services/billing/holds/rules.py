"""LAW of holds: from facts in any order to the days a household is held (D3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


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


def hold_periods(facts: Iterable[HoldFact], *, ended: bool = False, over: datetime | None = None) -> list[HoldPeriod]:
    """The record of one source, oldest first (D3). A closing at the very instant of an opening counts after it.

    `ended`: the source is over for good, even if its clock said that it opened after it closed. `over`: the instant at
    which its last day ended; a later closing closes nothing.
    """
    periods: list[HoldPeriod] = []
    since: datetime | None = None
    for fact in sorted(facts, key=lambda fact: (fact.at, not fact.holds)):
        if fact.holds:
            since = since or fact.at
        elif since:
            periods.append(HoldPeriod(since, fact.at))
            since = None
    periods += [HoldPeriod(since, since if ended else None)] if since else []
    return periods if over is None else [_until(period, over) for period in periods]


def _until(period: HoldPeriod, over: datetime) -> HoldPeriod:
    end = over if period.released_at is None else min(period.released_at, over)
    return HoldPeriod(period.since, max(period.since, end))
