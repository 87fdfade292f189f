"""STORY of early warnings: set a target, look every day, warn once, tell the manager who falls behind (J3)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from services.billing.figures.rates import tables as figures
from services.billing.figures.warnings import rules, tables
from services.billing.figures.warnings.rules import BELOW_PLAN, CALENDAR_MISSING, Point, Shortfall, Standing
from services.billing.figures.warnings.tables import GROUP, RaisedWarning, StoredPoint, Target, Warned
from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.warnings import (
    BelowPlan,
    CalendarMissing,
    CollectionTarget,
    EarlyWarning,
    PlannedShare,
)
from services.common.contracts.errors import Invalid
from services.common.contracts.events import CollectionBelowPlan
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar, business_date, format_period
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.common.observability.logs import get_logger
from services.common.paging import page, position

log = get_logger(__name__)
Share = Annotated[Decimal, Field(ge=0, le=1)]


class TargetPoint(BaseModel):
    """One point of a curve as it is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: Annotated[int, Field(ge=1, le=rules.LAST_DAY)]
    rate: Share


def set_target(
    session: Session,
    caller: Caller,
    estate: str | None,
    period: str | None,
    rate: Decimal | None,
    curve: Sequence[TargetPoint] | None,
    now: datetime,
) -> CollectionTarget:
    """Plan the share of a month's bills that should be in: one `rate` for its end, or a `curve` by day (J3).

    Without an estate for the group, without a period for every month; `period` is the month in which bills are due.
    Errors: Forbidden, NotFound, Invalid.
    """
    caller.require(Permission.SET_COLLECTION_TARGET)
    estate_id = _place(session, caller, estate)
    points = _points(rate, curve)
    month = first_of(period, "period") if period else None
    stored_curve = [StoredPoint(day=point.day, rate=str(point.rate)) for point in points]
    target = Target(estate, month, stored_curve, caller.sub, now)
    tables.set_target(session, estate_id, target)
    return _target(target)


def list_targets(session: Session, caller: Caller, estate: str | None) -> Page[CollectionTarget]:
    """Targets of the caller's estates and of the group."""
    caller.require(Permission.READ_FIGURES)
    codes = caller.estate_filter(estate)
    targets = tables.targets(session, None if codes is None else sorted(codes))
    return Page(items=[_target(target) for target in targets], next_cursor=None)


def list_warnings(
    session: Session,
    caller: Caller,
    kind: str | None,
    estate: str | None,
    since: date | None,
    limit: int,
    cursor: str | None,
) -> Page[EarlyWarning]:
    """Warnings, newest first (J3).

    A warning without an estate is the group's and shown to all staff, unless one estate is asked for.
    """
    caller.require(Permission.READ_FIGURES)
    codes = caller.estate_filter(estate)
    after = position(cursor, int)
    filters = {"kind": kind, "since": since, "one": estate is not None, "before": after[0] if after else None}
    filters |= {"estates": None if codes is None else sorted(codes), "limit": limit + 1}
    rows, next_cursor = page(tables.newest(session, filters), limit, lambda row: [row.id])
    return Page(items=[_warning(row) for row in rows], next_cursor=next_cursor)


def warn(session: Session, now: datetime, calendar: WorkingCalendar, lead_days: int) -> int:
    """Look at the day that has ended and at the calendar; returns how many warnings are new (J3).

    May run in any replica, as often as it likes: a warning is written once per estate, month and day. The manager is
    told on the first of several days below plan.
    """
    today = business_date(now)
    behind = shortfalls(session, today - timedelta(days=1))
    new = _warn_below_plan(session, behind, today - timedelta(days=1), now)
    missing = [_calendar_missing(year) for year in rules.years_missing(calendar, today, lead_days)]
    new += len(tables.raise_once(session, missing, now))
    if new:
        log.info("early warnings raised", extra={"warnings": new, "day": today})
    return new


def shortfalls(session: Session, day: date) -> list[Shortfall]:
    """Estates below their plan at the end of a day."""
    behind = (rules.shortfall(standing, curve, day) for standing, curve in _against_plan(session, day))
    return [shortfall for shortfall in behind if shortfall]


def gaps(session: Session, day: date) -> dict[str, Decimal]:
    """Planned share less actual, 0 when on plan, of every estate with a plan and bills due in the month."""
    gap_by_estate = {}
    for standing, curve in _against_plan(session, day):
        shortfall = rules.shortfall(standing, curve, day)
        gap_by_estate[standing.estate] = shortfall.gap if shortfall else Decimal(0)
    return gap_by_estate


def _against_plan(session: Session, day: date) -> Iterable[tuple[Standing, list[Point]]]:
    month = day.replace(day=1)
    plans = tables.in_force(session, month)
    if not plans:
        return
    cut = figures.Cut("estate", "due_in", day, first=month)
    rates = {row.key: row for row in figures.collection_rates(session, cut)}
    for plan in plans:
        row = rates.get(plan.estate)
        if row is not None and row.billed_fen > 0:
            yield Standing(plan.estate_id, plan.estate, row.billed_fen, row.collected_fen), _curve(plan.curve)


def _warn_below_plan(session: Session, behind: Sequence[Shortfall], day: date, now: datetime) -> int:
    month = day.replace(day=1)
    warnings = [Warned(BELOW_PLAN, each.standing.estate_id, month, day, _facts(each)) for each in behind]
    new = tables.raise_once(session, warnings, now)
    warned_estates = tables.warned_on(session, BELOW_PLAN, month, day - timedelta(days=1))
    for each in behind:
        if each.standing.estate_id in new - warned_estates:
            record(session, _event_of(each, month, day), aggregate=f"estate:{each.standing.estate}", at=now)
    return len(new)


def _event_of(shortfall: Shortfall, month: date, day: date) -> CollectionBelowPlan:
    return CollectionBelowPlan(
        estate=shortfall.standing.estate,
        period=format_period(month),
        day=day,
        planned_rate=shortfall.planned,
        billed_fen=shortfall.standing.billed_fen,
        collected_fen=shortfall.standing.collected_fen,
        missing_fen=shortfall.missing_fen,
    )


def _facts(shortfall: Shortfall) -> BelowPlan:
    standing = shortfall.standing
    return BelowPlan(
        planned_rate=float(shortfall.planned),
        rate=standing.collected_fen / standing.billed_fen,
        billed_fen=standing.billed_fen,
        collected_fen=standing.collected_fen,
        missing_fen=shortfall.missing_fen,
    )


def _calendar_missing(year: int) -> Warned:
    # about the year, whatever the day: said once
    first = date(year, 1, 1)
    return Warned(CALENDAR_MISSING, GROUP, first, first, CalendarMissing(year=year))


def _place(session: Session, caller: Caller, estate: str | None) -> int:
    if estate is not None:
        return int(find_estate(session, caller, estate).id)
    caller.require_every_estate()
    return GROUP


def _points(rate: Decimal | None, curve: Sequence[TargetPoint] | None) -> list[Point]:
    if (rate is None) == (curve is None):
        raise Invalid("A target is one rate or a curve.", [{"loc": "rate", "msg": "give either rate or curve"}])
    points = [Point(rules.LAST_DAY, rate)] if rate is not None else [Point(p.day, p.rate) for p in curve or ()]
    if errors := rules.complaints(points):
        raise Invalid("The curve is not valid.", errors)
    return points


def _curve(points: Iterable[StoredPoint]) -> list[Point]:
    return [Point(point["day"], Decimal(point["rate"])) for point in points]


def _target(target: Target) -> CollectionTarget:
    return CollectionTarget(
        estate=target.estate,
        period=format_period(target.period) if target.period else None,
        curve=[PlannedShare(day=point.day, rate=float(point.rate)) for point in _curve(target.curve)],
        set_by=target.set_by,
        set_at=target.set_at,
    )


def _warning(row: RaisedWarning) -> EarlyWarning:
    return EarlyWarning(
        id=row.id,
        kind=row.kind,
        estate=row.estate,
        period=format_period(row.period),
        day=row.day,
        facts=row.facts,
        raised_at=row.raised_at,
    )
