"""STORY of figures: scope, sums from the rollups, rates (J1, D5). Every figure is identical however it is asked for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from services.billing.figures.rates import check, tables
from services.billing.figures.rates.rules import BUCKET_LABELS, by_age, rate
from services.billing.figures.rates.tables import OpenByAge, PaidUp, RateSums, Standing
from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate
from services.common.contracts.answers.rates import (
    AskedHouseholds,
    AskedWindows,
    CollectionRate,
    CollectionRates,
    Differences,
    EstateFigures,
    EstateWindows,
    Figures,
    GroupFigures,
    RatesBy,
    RollupCheck,
    RollupDifference,
    TotalDifference,
    Windows,
)
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import format_period
from services.common.domain.permissions import Permission

PaidUpByKey = Mapping[tuple[str | None, str | None], PaidUp]  # by key and estate
NO_WINDOWS = AskedWindows(
    current_billed_fen=None,
    current_collected_fen=None,
    current_rate=None,
    cumulative_billed_fen=None,
    cumulative_collected_fen=None,
    cumulative_rate=None,
    recovery_open_fen=None,
    recovery_collected_fen=None,
    recovery_rate=None,
)
NO_HOUSEHOLDS = AskedHouseholds(households_billed=None, households_paid=None, household_rate=None)


@dataclass(frozen=True)
class RateCut:
    """What to count: bills of a period, or due in a month, or all issued; and which estates, buildings, items."""

    group_by: RatesBy = "estate"
    period: str | None = None
    due_in: str | None = None
    estate: str | None = None
    building: str | None = None
    steward: str | None = None
    fee_item: str | None = None
    # beside the sums: current, cumulative and recovery rate as of the day; households that paid in full
    windows: bool = False
    households: bool = False


def collection_rates(session: Session, caller: Caller, cut: RateCut, as_of: date) -> CollectionRates:
    """Principal received by the day `as_of` ÷ principal billed, waivers apart (J1).

    Without a period: all bills issued by `as_of`. A group has a row even when nothing is billed.
    Errors: Forbidden (outside the scope), Invalid (period; questions that do not go together).
    """
    caller.require(Permission.READ_FIGURES)
    question = _question(caller, cut, as_of)
    rows = _sums(session, question, windows=cut.windows)
    paid_up = _paid_up(session, question) if cut.households else None
    return CollectionRates(
        items=[_item(row, _asked_windows(row), _asked_households(row, paid_up)) for row in rows],
        next_cursor=None,
        as_of=as_of,
        period=cut.period,
        due_in=cut.due_in,
    )


def estate_figures(session: Session, caller: Caller, estate: str, today: date) -> EstateFigures:
    """One estate's dashboard: rates of the month and overall, receivable by age, households. NotFound, Forbidden."""
    caller.require(Permission.READ_FIGURES)
    find_estate(session, caller, estate)
    return EstateFigures(estate=estate, **_figures(session, [estate], today))


def group_figures(session: Session, caller: Caller, today: date) -> GroupFigures:
    """The same over all estates in scope, and a line for each of them."""
    caller.require(Permission.READ_GROUP_FIGURES)
    codes = caller.estate_filter()
    scope = None if codes is None else sorted(codes)
    rows = tables.estate_rates(session, scope, today)
    lines = [EstateWindows(estate=row.key, **_windows([row])) for row in rows]
    return GroupFigures(**_figures(session, scope, today), estates=lines)


def estate_windows(session: Session, today: date) -> dict[str, Windows]:
    """Current, cumulative and recovery figures of every estate, for the metrics."""
    return {row.key: _windows([row]) for row in tables.estate_rates(session, None, today)}


def estate_buckets(session: Session, today: date) -> dict[str, dict[str, int]]:
    """Open principal of every estate by age, for the metrics; zeros where nothing is open, so that no series ends."""
    buckets: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(BUCKET_LABELS, 0))
    for row in tables.receivable(session, None, today):
        ages = buckets[row.estate]
        if row.bucket is not None and row.fen is not None:
            ages[BUCKET_LABELS[row.bucket]] = row.fen
    return buckets


def rollup_check(session: Session, caller: Caller, estate: str | None) -> RollupCheck:
    """Recompute the rollups from bills and ledger, and the totals from the rollups (J1, B7); for operators.

    At most 100 differences of each are shown. Errors: Forbidden (role, scope).
    """
    caller.require(Permission.CHECK_ROLLUPS)
    codes = caller.estate_filter(estate)
    scope = None if codes is None else sorted(codes)
    rollups, totals = check.rollups(session, scope), check.folded(session, scope)
    return RollupCheck(
        rollups=Differences(
            differences=_count(rollups), items=[_difference(row, row.booked_on) for row in rollups], next_cursor=None
        ),
        totals=Differences(
            differences=_count(totals), items=[_total_difference(row) for row in totals], next_cursor=None
        ),
    )


def _count(rows: Sequence[check.Difference]) -> int:
    """All, not only those shown."""
    return rows[0].found if rows else 0


def _total_difference(row: check.TotalDifference) -> TotalDifference:
    of_all_time = row.level in ("total", "building")
    return TotalDifference(level=row.level, **_difference(row, None if of_all_time else row.booked_on))


def _difference(row: check.Difference, booked_on: date | None) -> RollupDifference:
    return RollupDifference(
        estate=row.estate,
        building=row.building or None,
        fee_item=row.fee_item,
        period=format_period(row.period),
        due_date=row.due_date,
        booked_on=booked_on,
        expected_billed_fen=row.expected_billed_fen,
        expected_collected_fen=row.expected_collected_fen,
        expected_waived_fen=row.expected_waived_fen,
        expected_billed_count=row.expected_billed_count,
        kept_billed_fen=row.kept_billed_fen,
        kept_collected_fen=row.kept_collected_fen,
        kept_waived_fen=row.kept_waived_fen,
        kept_billed_count=row.kept_billed_count,
    )


def _question(caller: Caller, cut: RateCut, as_of: date) -> tables.Cut:
    if cut.period is not None and cut.due_in is not None:
        raise Invalid("Ask by period or by due month.", [{"loc": "due_in", "msg": "not together with period"}])
    window = "period" if cut.period is not None else "due_in" if cut.due_in is not None else "issued"
    month = cut.period or cut.due_in
    if cut.windows and month:
        raise Invalid("The windows are about all bills.", [{"loc": "windows", "msg": f"not together with {window}"}])
    if cut.households and not month:
        raise Invalid("Households are counted by month.", [{"loc": "households", "msg": "needs period or due_in"}])
    codes = caller.estate_filter(cut.estate)
    filters = {"building": cut.building, "steward": cut.steward, "fee_item": cut.fee_item}
    return tables.Cut(
        group_by=cut.group_by,
        window=window,
        as_of=as_of,
        first=first_of(month, window) if month else None,
        estates=None if codes is None else sorted(codes),
        filters={name: value for name, value in filters.items() if value is not None},
    )


def _sums(session: Session, question: tables.Cut, *, windows: bool) -> Sequence[RateSums]:
    rows: Sequence[RateSums] = (
        tables.standing_rates(session, question) if windows else tables.collection_rates(session, question)
    )
    if not rows and question.group_by == "group":
        return [Standing("group") if windows else RateSums("group")]
    return rows


def _paid_up(session: Session, question: tables.Cut) -> PaidUpByKey:
    return {(row.key, row.estate): row for row in tables.paid_up(session, question)}


def _item(row: RateSums, windows: AskedWindows, households: AskedHouseholds) -> CollectionRate:
    return CollectionRate(
        key=row.key,
        estate=row.estate,
        billed_fen=row.billed_fen,
        collected_fen=row.collected_fen,
        waived_fen=row.waived_fen,
        billed_count=row.billed_count,
        rate=rate(row.collected_fen, row.billed_fen),
        **windows,
        **households,
    )


def _asked_windows(row: RateSums) -> AskedWindows:
    return AskedWindows(**_windows([row])) if isinstance(row, Standing) else NO_WINDOWS


def _asked_households(row: RateSums, paid_up: PaidUpByKey | None) -> AskedHouseholds:
    """How many were billed, how many of them owe nothing of it and paid at least some, and the rate of both."""
    if paid_up is None:
        return NO_HOUSEHOLDS
    households = paid_up.get((row.key, row.estate), PaidUp(row.key, row.estate, 0, 0))
    billed_count, paid_count = households.households_billed, households.households_paid
    return AskedHouseholds(
        households_billed=billed_count, households_paid=paid_count, household_rate=rate(paid_count, billed_count)
    )


def _windows(rows: Sequence[Standing]) -> Windows:
    """Due in the month, due by the day, and what the month brought in of what was open when it began."""
    current, now = sum(row.current_billed_fen for row in rows), sum(row.current_collected_fen for row in rows)
    due, received_fen = (
        sum(row.cumulative_billed_fen for row in rows),
        sum(row.cumulative_collected_fen for row in rows),
    )
    old, recovered_fen = sum(row.recovery_open_fen for row in rows), sum(row.recovery_collected_fen for row in rows)
    return Windows(
        current_billed_fen=current,
        current_collected_fen=now,
        current_rate=rate(now, current),
        cumulative_billed_fen=due,
        cumulative_collected_fen=received_fen,
        cumulative_rate=rate(received_fen, due),
        recovery_open_fen=old,
        recovery_collected_fen=recovered_fen,
        recovery_rate=rate(recovered_fen, old),
    )


def _figures(session: Session, estates: list[str] | None, today: date) -> Figures:
    windows = _windows(tables.estate_rates(session, estates, today))
    ages = _ages(tables.receivable(session, estates, today))
    counts = tables.households(session, estates, today)
    return Figures(
        as_of=today,
        rate=windows["current_rate"],
        **windows,
        households=counts.households,
        overdue_households=counts.overdue_households,
        held_households=counts.held_households,
        receivable_fen=sum(ages),
        overdue_fen=sum(ages[1:]),
        receivable_by_bucket=by_age(ages),
    )


def _ages(rows: Iterable[OpenByAge]) -> list[int]:
    """Open principal by number of bucket."""
    ages = [0] * len(BUCKET_LABELS)
    for row in rows:
        if row.bucket is not None and row.fen is not None:
            ages[row.bucket] += row.fen
    return ages
