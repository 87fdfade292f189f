"""LAW of days in the portfolio: where they begin, and how far ahead something may be said (A1)."""

from datetime import date, timedelta

BEGINNING = date(1900, 1, 1)
YEARS_AHEAD = 30
ONE_DAY = timedelta(days=1)


def latest_day(today: date) -> date:
    """The last day for which anything may be recorded."""
    return date(min(today.year + YEARS_AHEAD, date.max.year), 1, 1) - ONE_DAY
