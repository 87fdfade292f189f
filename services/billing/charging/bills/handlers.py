"""STORY of bill runs: plan slices → each slice issues its bills (or only judges them) → progress (B3, B4, B6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.bills import by_slice as computed
from services.billing.charging.bills import tables
from services.billing.charging.bills.tables import BillableLine, JudgedLine, JudgedTotal, Posting, UnbilledUnit
from services.billing.charging.slices import rules
from services.billing.charging.slices import tables as slices
from services.billing.charging.slices.lines import Job
from services.billing.charging.slices.rules import Prices
from services.billing.charging.slices.tables import Outcome, RatesUsed, Slice
from services.billing.charging.tariffs import coverage
from services.billing.charging.tariffs import rules as tariff_rules
from services.billing.charging.tariffs.cycles import BillingPolicy, Cycle, due_date, usual_due_date
from services.billing.charging.tariffs.rules import USAGES, TariffAnomaly, TariffVersion, by_price
from services.billing.charging.tariffs.versions import fee_items, load_versions
from services.billing.periods import first_of
from services.billing.portfolio.tables import estates_in_scope
from services.billing.receivables.credits.applying import apply_credits
from services.billing.settings import Settings
from services.billing.tables import bill_run
from services.common.contracts.answers.base import Created
from services.common.contracts.answers.bills import BillingAnomaly, BillRun, RunAnomaly
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import BillRunSliceRequested
from services.common.database import allow_long_statements
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar, add_months, business_date, format_period
from services.common.domain.money import yuan
from services.common.domain.permissions import Permission
from services.common.messaging import record_many
from services.common.observability.logs import get_logger
from services.common.once import by_id, insert_once, same_request

SHOWN_ANOMALIES = 1_000
SHOWN_MOVED = 3
CALENDAR = WorkingCalendar()
EARLIEST_PERIOD = date(1990, 1, 1)
log = get_logger(__name__)


@dataclass(frozen=True)
class RunRequest:
    """What a run is asked to do. `period` is YYYY-MM; `estates` and `fee_items` None mean all."""

    period: str
    estates: list[str] | None = None
    fee_items: list[str] | None = None
    dry_run: bool = False


def start_bill_run(
    session: Session, caller: Caller, request_id: UUID, request: RunRequest, *, now: datetime, settings: Settings
) -> Created:
    """Plan a run and ask for each of its slices (B4). The same call again answers the same and plans nothing.

    Errors: Forbidden, Invalid (period, unknown estate or fee item, empty list), Conflict (id used for another request).
    """
    caller.require(Permission.ISSUE_BILLS)
    run: dict[str, Any] = {
        "period": _period(request.period, business_date(now)),
        "estates": _sorted_names(request.estates, "estates"),
        "fee_items": _sorted_names(request.fee_items, "fee_items"),
        "dry_run": request.dry_run,
        "requested_by": caller.sub,
    }
    estate_ids = list(estates_in_scope(session, caller, run["estates"]).values())
    if insert_once(session, bill_run, {"id": request_id, "created_at": now} | run):
        _check_fee_items(session, estate_ids, run["fee_items"])
        slice_sizes = slices.plan(session, request_id, estate_ids, settings.slice_units)
        _request_slices(session, request_id, rules.together(slice_sizes, settings.slice_units), now)
    same_request("bill run", by_id(session, bill_run, request_id), run)
    return Created(id=request_id)


def _period(period: str, today: date) -> date:
    first = first_of(period)
    if not EARLIEST_PERIOD <= first <= add_months(today, 1):
        msg = f"not between {format_period(EARLIEST_PERIOD)} and next month"
        raise Invalid("The period cannot be billed.", [{"loc": "period", "msg": msg}])
    return first


def _sorted_names(values: Sequence[str] | None, loc: str) -> list[str] | None:
    if values is not None and not values:
        raise Invalid(f"{loc} is empty.", [{"loc": loc, "msg": "name at least one, or leave it out for all"}])
    return None if values is None else sorted(set(values))


def _check_fee_items(session: Session, estate_ids: Sequence[int], names: Sequence[str] | None) -> None:
    """A name nobody has a tariff of is a mistake: the run would bill nothing and look well done."""
    unknown = sorted(set(names) - fee_items(session, estate_ids)) if names else []
    if unknown:
        raise Invalid("There is no such fee item.", [{"loc": "fee_items", "msg": f"no tariff of {', '.join(unknown)}"}])


def _request_slices(session: Session, run_id: UUID, groups: Sequence[Sequence[int]], now: datetime) -> None:
    events = [BillRunSliceRequested(run_id=run_id, slice_id=first, more=more) for first, *more in groups]
    event_ids = record_many(session, events, aggregate=f"bill_run:{run_id}", at=now)
    if event_ids:
        slices.name_requests(session, zip(groups, event_ids, strict=True))


# --- some slices ---------------------------------------------------------------------------------------------------


def take(session: Session, event: BillRunSliceRequested, attempt: int, *, now: datetime, settings: Settings) -> None:
    """Bill the slices of a request; when that failed, ask for each by itself, so that one estate fails alone (B4)."""
    slice_ids = [event.slice_id, *event.more]
    if attempt > 1 and event.more:
        _request_slices(session, event.run_id, [[slice_id] for slice_id in slice_ids], now)
    else:
        bill_slices(session, slice_ids, now=now, settings=settings)


def bill_slices(session: Session, slice_ids: Sequence[int], *, now: datetime, settings: Settings) -> None:
    """Bill slices of a run, or judge them in a dry run. A slice that is done is left alone (B4)."""
    allow_long_statements(session, settings.bill_run_statement_timeout_ms)
    slices.lock(session, slice_ids)
    pieces = [piece for piece in slices.load(session, slice_ids) if not piece.is_finished]
    versions = load_versions(session, [piece.estate_id for piece in pieces])
    outcomes = [_bill(session, piece, versions[piece.estate_id], now, settings) for piece in pieces]
    slices.finish(session, outcomes, now)


def _bill(
    session: Session, piece: Slice, versions: Sequence[TariffVersion], now: datetime, settings: Settings
) -> Outcome:
    policy = piece.policy
    # Today's month is open, unless it was closed while we waited for the lock over midnight: then it is the next day.
    issued_on = max(business_date(now), piece.first_open)
    posting = _posting(policy, piece.period, issued_on, now)
    anomalies = Anomalies(piece.estate, settings.slice_anomalies)
    cycle = policy.issued_in(piece.period)
    bases = _bill_bases(session, piece, versions, cycle, policy.consumed_by(cycle), now, settings) if cycle else []
    bills = amount_fen = 0
    for basis in bases:
        anomalies.add_tariff_anomalies(basis.anomalies)
        months = replace(piece, period=basis.period)
        if piece.dry_run:
            count, fen = _judge(session, months, basis, anomalies, posting, settings)
        else:
            count, fen = _issue(session, months, basis, anomalies, posting)
        bills, amount_fen = bills + count, amount_fen + fen
    if not piece.dry_run:
        apply_credits(session, piece.credited_households, str(piece.run_id), now)
    rates_used = RatesUsed(policy, posting.due_date, bases[0].prices.rates if bases else [])
    log.info("bill run slice done", extra={"run_id": str(piece.run_id), "estate": piece.estate, "bills": bills})
    return Outcome(piece.id, bills, amount_fen, rates_used, anomalies.sample, anomalies.count)


def _posting(policy: BillingPolicy, period: date, issued_on: date, now: datetime) -> Posting:
    due, usual = due_date(policy, period, issued_on, CALENDAR), usual_due_date(policy, period, CALENDAR)
    return Posting(due, issued_on, now, moved_from=None if due == usual else usual)


def issue_as_due(
    session: Session,
    piece: Slice,
    months: int,
    due_date: date,
    first_issued_on: date,
    *,
    now: datetime,
    settings: Settings,
) -> None:
    """Bill so many months of a slice, due on a day that is given: a reissue (B5). No credit is applied.

    The caller holds the estate alone.
    """
    cycle = Cycle(piece.period, months)
    versions = load_versions(session, [piece.estate_id])[piece.estate_id]
    basis = _bill_bases(session, piece, versions, cycle, cycle, now, settings)[0]
    issued_on = max(business_date(now), piece.first_open)
    posting = Posting(due_date, issued_on, now, first_issued_on=first_issued_on)
    issued_bills = tables.issue(session, piece, basis.prices, basis.usages, posting)
    rates_used = RatesUsed(piece.policy, due_date, basis.prices.rates)
    slices.finish(session, [Outcome(piece.id, issued_bills.bills, issued_bills.amount_fen, rates_used)], now)


@dataclass(frozen=True)
class BillBasis:
    """What bills of one first month are made from: prices, the usages for which there is any, and what is wrong."""

    period: date
    prices: Prices
    usages: Sequence[str]
    anomalies: Sequence[TariffAnomaly] = ()


def _bill_bases(
    session: Session,
    piece: Slice,
    versions: Sequence[TariffVersion],
    cycle: Cycle,
    consumption_cycle: Cycle,
    now: datetime,
    settings: Settings,
) -> list[BillBasis]:
    """What a slice bills (B3): a cycle by rate, the consumption of another; then lines for other months."""
    prices = by_price(versions)
    job = Job(piece, cycle, consumption_cycle, prices, piece.fee_items, settings.unusual_consumption_percent, now)
    mixed_lines = coverage.mixed_lines(prices, cycle)
    rates = [rate for rate in tariff_rules.rates(versions, cycle.first, cycle.months) if job.wants(rate.fee_item)]
    rates = [rate for rate in rates if (rate.fee_item, rate.usage) not in mixed_lines]
    rates = tariff_rules.since(rates, piece.opened_on, cycle.last)
    lines, apart = computed.compute(session, job, rates)
    wrong = coverage.tariff_anomalies(versions, cycle, piece.opened_on) if piece.first else []
    anomalies = [anomaly for anomaly in wrong if _concerns(piece, anomaly.fee_item)] + lines.anomalies
    own = lines.by_month.pop(cycle.first, [])
    main = BillBasis(cycle.first, Prices(rates, own, apart, cycle.months), job.usages, anomalies)
    others = sorted(lines.by_month.items())
    return [main, *(BillBasis(month, Prices((), month_lines), USAGES) for month, month_lines in others)]


def _concerns(piece: Slice, fee_item: str | None) -> bool:
    return piece.fee_items is None or fee_item is None or fee_item in piece.fee_items


def _issue(
    session: Session, piece: Slice, basis: BillBasis, anomalies: "Anomalies", posting: Posting
) -> tuple[int, int]:
    issued_bills = tables.issue(session, piece, basis.prices, basis.usages, posting)
    if issued_bills.passed_over:
        _name_passed_over(session, piece, basis, anomalies)
    return issued_bills.bills, issued_bills.amount_fen


def _name_passed_over(session: Session, piece: Slice, basis: BillBasis, anomalies: "Anomalies") -> None:
    # Where an estate has no rate at all, one anomaly says so; not one for each of its units.
    if basis.prices.rates or basis.prices.lines:
        rows = tables.passed_over(session, piece, basis.prices, basis.usages, anomalies.room)
        anomalies.add_passed_over(rows)


def _judge(
    session: Session, piece: Slice, basis: BillBasis, anomalies: "Anomalies", posting: Posting, settings: Settings
) -> tuple[int, int]:
    """What the run would issue; writes nothing but what it found."""
    _name_passed_over(session, piece, basis, anomalies)
    totals, sample = tables.judge(session, piece, basis.prices, settings.amount_change_percent, anomalies.room)
    anomalies.add_judged(totals, sample)
    would_bill = [total for total in totals if total.kind != "already_billed"]
    bills = sum(total.lines for total in would_bill)
    if bills and posting.moved_from is not None:
        anomalies.add_moved(posting, bills, tables.billable(session, piece, basis.prices, SHOWN_MOVED))
    return bills, sum(total.amount_fen for total in would_bill)


class Anomalies:
    """What a slice found: the first `limit` in words, all of them counted."""

    def __init__(self, estate: str, limit: int) -> None:
        self.estate = estate
        self.limit = limit
        self.sample: list[RunAnomaly] = []
        self.count = 0

    @property
    def room(self) -> int:
        """How many more are shown; at least one is fetched, because each row carries the count of all."""
        return max(self.limit - len(self.sample), 1)

    def add_tariff_anomalies(self, anomalies: Iterable[TariffAnomaly]) -> None:
        """Prices that cannot be billed, and units that a price cannot bill."""
        for anomaly in anomalies:
            self._show(anomaly.unit, anomaly.fee_item, anomaly.kind, anomaly.detail)
            self.count += 1

    def add_passed_over(self, rows: Sequence[UnbilledUnit]) -> None:
        """Units that get no bill though they should."""
        for row in rows:
            self._show(row.unit, row.fee_item, row.kind, PASSED_OVER[row.kind])
        self.count += rows[0].total if rows else 0

    def add_judged(self, totals: Iterable[JudgedTotal], rows: Iterable[JudgedLine]) -> None:
        """Lines of a dry run that are not as last time."""
        for row in rows:
            past = f"; last period {yuan(row.past_fen)} yuan" if row.past_fen else ""
            self._show(row.unit, row.fee_item, row.kind, f"{JUDGEMENTS[row.kind]}: {yuan(row.amount_fen)} yuan{past}")
        self.count += sum(total.lines for total in totals if total.kind is not None)

    def add_moved(self, posting: Posting, bills: int, rows: Iterable[BillableLine]) -> None:
        """Bills whose due date is later than policy alone would have it: all counted, few in words."""
        detail = f"due on {posting.due_date} instead of {posting.moved_from}: issued on {posting.issued_on}"
        for row in rows:
            self._show(row.unit, row.fee_item, "due_date_moved", detail)
        self.count += bills

    def _show(self, unit: str | None, fee_item: str | None, kind: BillingAnomaly, detail: str) -> None:
        if len(self.sample) < self.limit:
            path = f"{self.estate}/{unit}" if unit is not None else None
            self.sample.append(RunAnomaly(estate=self.estate, unit=path, fee_item=fee_item, kind=kind, detail=detail))


PASSED_OVER: dict[BillingAnomaly, str] = {
    "zero_area": "the floor area is 0",
    "zero_amount": "the amount comes to 0",
    "no_grade_factor": "the tariff has no factor for the grade of this unit",
    "missing_tariff": "no published tariff covers the usage of this unit",
}
JUDGEMENTS: dict[BillingAnomaly, str] = {
    "already_billed": "billed before, will be left as it is",
    "amount_changed": "the amount differs much from last period",
    "never_billed": "the unit was never billed while a run billed others of the estate",
}


# --- progress ------------------------------------------------------------------------------------------------------


def get_bill_run(session: Session, caller: Caller, run_id: UUID) -> BillRun:
    """Progress of a run, computed from its slices (B4).

    NotFound when there is none, Forbidden when it covers an estate outside the caller's scope.
    """
    caller.require(Permission.READ_BILL_RUN)
    run = tables.load_run(session, run_id)
    if run is None:
        raise NotFound("There is no such bill run.")
    progress = tables.run_progress(session, run_id)
    for code in progress.estates or []:
        caller.require_estate(code)
    status = rules.run_status(progress.slices, progress.slices_done, progress.slices_parked)
    return BillRun(
        id=run_id,
        period=format_period(run.period),
        dry_run=run.dry_run,
        status=status,
        estates_total=progress.estates_total,
        estates_done=progress.estates_done,
        bills=progress.bills,
        amount_fen=progress.amount_fen,
        anomalies=tables.run_anomalies(session, run_id, SHOWN_ANOMALIES),
        anomalies_total=progress.anomaly_count,
        created_at=run.created_at,
        finished_at=(progress.finished_at or run.created_at) if status == "done" else None,
    )
