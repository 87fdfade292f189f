"""STORE of working days announced after the release."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.domain.calendar import ANNOUNCED_YEARS, WorkingCalendar
from services.feedback.tables import calendar_day, calendar_year


def working_calendar(session: Session) -> WorkingCalendar:
    """The calendar with everything announced so far."""
    days = {row.day: row.working for row in session.execute(select(calendar_day.c.day, calendar_day.c.working))}
    return WorkingCalendar(days, frozenset(announced_years(session)))


def announced_years(session: Session) -> list[int]:
    """Years whose working days are known, by this release or by an announcement."""
    return [*ANNOUNCED_YEARS, *session.scalars(select(calendar_year.c.year))]


def keep_year(session: Session, year: int, days: Mapping[date, bool], at: datetime) -> None:
    """Replace what is known of `year`: `days` are those that differ from an ordinary week."""
    session.execute(delete(calendar_day).where(func.extract("year", calendar_day.c.day) == year))
    if days:
        session.execute(insert(calendar_day).values([{"day": day, "working": days[day]} for day in sorted(days)]))
    statement = insert(calendar_year).values(year=year, announced_at=at)
    session.execute(statement.on_conflict_do_update(index_elements=["year"], set_={"announced_at": at}))
