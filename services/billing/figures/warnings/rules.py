"""LAW of early warnings (J3): what share of a month's bills should be in on a day, and when too little is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

from services.common.contracts.answers.warnings import WarningKind
from services.common.domain.calendar import WorkingCalendar, month_length

BELOW_PLAN: WarningKind = "collection_below_plan"
CALENDAR_MISSING: WarningKind = "calendar_missing"
KINDS: tuple[WarningKind, ...] = (BELOW_PLAN, CALENDAR_MISSING)
LAST_DAY = 31


@dataclass(frozen=True)
class Point:
    """By the end of a day of the month this share, 0–1, should have come in. A day the month lacks is its last one."""

    day: int
    rate: Decimal


@dataclass(frozen=True)
class Standing:
    """What is due in a month and what of it had come in by the end of a day, in fen."""

    estate_id: int
    estate: str
    billed_fen: int
    collected_fen: int


@dataclass(frozen=True)
class Shortfall:
    """An estate below its plan; `missing_fen` more would have been enough."""

    standing: Standing
    planned: Decimal
    missing_fen: int

    @property
    def gap(self) -> Decimal:
        """Planned share less the share that came in."""
        return self.planned - Decimal(self.standing.collected_fen) / self.standing.billed_fen


def complaints(curve: Sequence[Point]) -> list[dict[str, str]]:
    """What is wrong with a curve, in problem-document form: days must rise, and shares must not fall."""
    if not curve:
        return [{"loc": "curve", "msg": "needs at least one point"}]
    errors = []
    for index, (before, after) in enumerate(pairwise(curve), start=1):
        if after.day <= before.day:
            errors.append({"loc": f"curve.{index}.day", "msg": "must be later than the day before it"})
        if after.rate < before.rate:
            errors.append({"loc": f"curve.{index}.rate", "msg": "must not be less than the one before it"})
    return errors


def planned(curve: Sequence[Point], on: date) -> Decimal:
    """The share planned for the end of a day: on a straight line between points, from nothing before the first.

    After the last point its share stands. So a single point on day 31 is a target for the end of the month.
    """
    last = month_length(on)
    before, share = 0, Decimal(0)
    for point in curve:
        day = min(point.day, last)
        if on.day < day:
            return share + (point.rate - share) * (on.day - before) / (day - before)
        before, share = day, point.rate
    return share


def shortfall(standing: Standing, curve: Sequence[Point], on: date) -> Shortfall | None:
    """How far an estate is below its plan at the end of a day; None when it is not, or nothing is due."""
    share = planned(curve, on)
    missing = share * standing.billed_fen - standing.collected_fen
    if standing.billed_fen <= 0 or missing <= 0:
        return None
    return Shortfall(standing, share, int(missing.to_integral_value(ROUND_CEILING)))


def years_missing(calendar: WorkingCalendar, today: date, lead_days: int) -> Iterable[int]:
    """Years that begin within `lead_days`, or have begun, whose public holidays nobody has announced to us."""
    horizon = (today + timedelta(days=lead_days)).year
    return [year for year in range(today.year, horizon + 1) if calendar.is_provisional(year)]
