"""LAW of business days and periods. Instants are UTC; a business day is a date in Asia/Shanghai.

Working days follow the State Council's announcements with 调休 make-up days. A year that is not announced yet is
provisional: weekends only, and the caller is told, because `chinese_calendar` answers such years silently wrong.
"""

import calendar as gregorian
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
ANNOUNCED_YEARS = range(2004, 2027)
YEARS = range(1900, 3000)  # of months that callers may name: what lies a month, a year, a century off is still a date


def business_date(instant: datetime) -> date:
    """The business day on which an aware instant falls."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(SHANGHAI).date()


def end_of_business_day(day: date) -> datetime:
    """The first instant after `day`, as an aware Shanghai time."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=SHANGHAI)


def start_of_business_day(day: date) -> datetime:
    """The first instant of `day`, as an aware Shanghai time."""
    return datetime.combine(day, time.min, tzinfo=SHANGHAI)


def parse_period(period: str) -> date:
    """ "2026-10" → the first day of that month; ValueError otherwise, and for years beyond any bill."""
    year, separator, month = period.partition("-")
    digits = f"{year}{month}"
    if not (separator and len(year) == 4 and len(month) == 2 and digits.isascii() and digits.isdecimal()):
        raise ValueError("a period is YYYY-MM")
    if int(year) not in YEARS:
        raise ValueError(f"a period lies in the years {YEARS.start} to {YEARS.stop - 1}")
    return date(int(year), int(month), 1)


def format_period(day: date) -> str:
    """The month of `day` as "YYYY-MM"."""
    return f"{day.year:04d}-{day.month:02d}"


def month_length(day: date) -> int:
    """How many days the month of `day` has."""
    return gregorian.monthrange(day.year, day.month)[1]


def add_months(day: date, months: int, on_day: int | None = None) -> date:
    """`months` later, on day `on_day` (default: the same); a day the month lacks becomes its last day."""
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    return first.replace(day=min(on_day or day.day, month_length(first)))


@dataclass(frozen=True)
class WorkingCalendar:
    """Chinese working days (H2). `overrides` says of single days whether they are worked, above all else.

    `announced` are the years whose public holidays are known; others count weekends only and are provisional.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)
    announced: frozenset[int] = frozenset(ANNOUNCED_YEARS)

    def is_working(self, day: date) -> bool:
        """Whether `day` is worked."""
        if day in self.overrides:
            return self.overrides[day]
        if day.year in self.announced and day.year in ANNOUNCED_YEARS:
            return bool(chinese_calendar.is_workday(day))
        return day.weekday() < 5

    def is_provisional(self, year: int) -> bool:
        """True while the year's public holidays are not announced."""
        return year not in self.announced

    def add_working_days(self, receipt_day: date, days: int) -> date:
        """The `days`-th working day after `received`, which itself does not count."""
        day = receipt_day
        while days > 0:
            day += timedelta(days=1)
            days -= self.is_working(day)
        return day

    def next_working_day(self, day: date) -> date:
        """`day` itself when it is worked, else the next one that is."""
        return day if self.is_working(day) else self.add_working_days(day, 1)
