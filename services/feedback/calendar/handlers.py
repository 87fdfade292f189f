"""STORY of the calendar: a year is announced, provisional promises are computed anew (H2)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.common.contracts.answers.complaints import AnnouncedYear
from services.common.contracts.errors import Finding, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import end_of_business_day, start_of_business_day
from services.common.domain.permissions import Permission
from services.feedback.calendar import tables
from services.feedback.complaints import rules
from services.feedback.complaints import tables as complaints
from services.feedback.settings import settings
from services.feedback.sla import tables as sla


def announce_year(
    session: Session, caller: Caller, year: int, holidays: Sequence[date], makeup_days: Sequence[date], now: datetime
) -> AnnouncedYear:
    """Take over the State Council's announcement; open complaints touching the year are computed anew.

    `holidays`: days off, `makeup_days`: weekend days that are worked (调休). Invalid for a day of another year or one
    that is both.
    """
    caller.require(Permission.ANNOUNCE_YEAR)
    _require_plausible(year, holidays, makeup_days)
    tables.keep_year(session, year, {**dict.fromkeys(holidays, False), **dict.fromkeys(makeup_days, True)}, now)
    begins, ends = start_of_business_day(date(year, 1, 1)), end_of_business_day(date(year, 12, 31))
    complaints.wait_for_year(session, year, begins, ends)
    return AnnouncedYear(year=year, holidays=len(set(holidays)), makeup_days=len(set(makeup_days)))


def _require_plausible(year: int, holidays: Sequence[date], makeup_days: Sequence[date]) -> None:
    both = set(holidays) & set(makeup_days)
    errors = [Finding(loc=str(day), msg="both a holiday and a make-up day") for day in sorted(both)]
    errors += [Finding(loc=str(day), msg=f"not in {year}") for day in (*holidays, *makeup_days) if day.year != year]
    if not holidays:
        errors.append(Finding(loc="holidays", msg="an announcement names the public holidays"))
    if errors:
        raise Invalid("The announcement is not plausible.", errors)


def recompute_provisional(session: Session) -> int:
    """Move the promises that waited for a year known by now; returns how many. Several replicas share the work."""
    calendar, chain = tables.working_calendar(session), sla.chain(session)
    waiting = complaints.claim_provisional(
        session, tables.announced_years(session), settings().complaint_recompute_batch
    )
    for complaint in waiting:
        after = rules.recomputed(complaint, calendar)
        complaints.save(session, after)
        sla.ALARMS.replan(session, after.id, rules.planned_alarms(after, chain))
    return len(waiting)
