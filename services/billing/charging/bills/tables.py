"""STORE of bills and bill runs: loading what the rules need, and the set-based statements of `issue_sql` (B4)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.billing.charging.bills import issue_sql
from services.billing.charging.slices.rules import Prices
from services.billing.charging.slices.tables import Slice
from services.billing.charging.tariffs.rules import Rate
from services.billing.tables import bill_run
from services.common.contracts.answers.bills import BillingAnomaly, RunAnomaly
from services.common.contracts.events import BATCH, BillsIssued
from services.common.domain.calendar import add_months, format_period
from services.common.fields import LARGEST_BIGINT
from services.common.messaging.names import event_exchange
from services.common.observability.logs import current_trace_id
from services.common.rows import row_of, rows_of

# price and vacancy ratio have four decimals each
WEIGHT_SCALE = 10**8
NOTHING = Prices(rates=())
NO_SCALE: dict[str, object] = {"exact_m2": None, "times": 0, "times_vacant": 0, "plus": 0, "plus_vacant": 0, "over": 1}


@dataclass(frozen=True)
class Posting:
    """What all bills of a slice have in common when they are issued.

    `first_issued_on`: of a reissue, when the first of the bills it replaces was; in the figures it counts from then.
    `moved_from`: the due date by policy alone, where they are issued too late for it.
    """

    due_date: date
    issued_on: date
    now: datetime
    first_issued_on: date | None = None
    moved_from: date | None = None


@dataclass(frozen=True)
class Run:
    """A bill run as it was asked for; `estates` and `fee_items` None: all."""

    id: UUID
    period: date
    estates: list[str] | None
    fee_items: list[str] | None
    dry_run: bool
    requested_by: str
    created_at: datetime


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    estates_total: int
    estates_done: int
    slices: int
    slices_done: int
    slices_parked: int
    bills: int
    amount_fen: int
    anomaly_count: int
    finished_at: datetime | None
    # None: it has no slice
    estates: list[str] | None


@dataclass(frozen=True)
class IssuedBills:
    """New bills of a slice, and whether units were passed over."""

    bills: int
    amount_fen: int
    passed_over: bool


@dataclass(frozen=True)
class UnbilledUnit:
    """A unit that gets no bill though it should; `total`: how many there are in all."""

    unit: str
    fee_item: str | None
    kind: BillingAnomaly
    total: int


@dataclass(frozen=True)
class BillableLine:
    """A line of a dry run that would become a bill."""

    unit: str
    fee_item: str


@dataclass(frozen=True)
class JudgedTotal:
    """Lines of a dry run of one kind; None: all is well."""

    kind: BillingAnomaly | None
    lines: int
    amount_fen: int


@dataclass(frozen=True)
class JudgedLine:
    """A line of a dry run that is not as last time."""

    unit: str
    fee_item: str
    kind: BillingAnomaly
    amount_fen: int
    past_fen: int | None


def load_run(session: Session, run_id: UUID) -> Run | None:
    """The run as it was asked for."""
    return row_of(Run, session.execute(select(bill_run).where(bill_run.c.id == run_id)).first())


RUN_PROGRESS = text("""
SELECT count(DISTINCT estate_id) AS estates_total,
       count(DISTINCT estate_id) - count(DISTINCT estate_id) FILTER (WHERE finished_at IS NULL) AS estates_done,
       count(*) AS slices, count(finished_at) AS slices_done,
       coalesce(sum(bills), 0)::bigint AS bills, coalesce(sum(amount_fen), 0)::bigint AS amount_fen,
       coalesce(sum(anomaly_count), 0)::bigint AS anomaly_count, max(finished_at) AS finished_at,
       count(*) FILTER (WHERE finished_at IS NULL AND EXISTS (
         SELECT FROM parked_event p WHERE p.event_id = s.event_id AND p.replayed_at IS NULL)) AS slices_parked,
       array_agg(DISTINCT e.code) AS estates
FROM bill_run_slice s JOIN estate e ON e.id = s.estate_id WHERE run_id = CAST(:run_id AS uuid)
""")

RUN_ANOMALIES = text("""
SELECT a.value FROM bill_run_slice s CROSS JOIN LATERAL jsonb_array_elements(s.anomalies) WITH ORDINALITY a(value, n)
WHERE s.run_id = CAST(:run_id AS uuid) ORDER BY s.estate_id, s.from_unit_id, a.n LIMIT :limit
""")


def run_progress(session: Session, run_id: UUID) -> Progress:
    """How far a run is, computed from its slices."""
    return row_of(Progress, session.execute(RUN_PROGRESS, {"run_id": str(run_id)}).one())


def run_anomalies(session: Session, run_id: UUID, limit: int) -> list[RunAnomaly]:
    """The first anomalies of a run, estate by estate."""
    return list(session.scalars(RUN_ANOMALIES, {"run_id": str(run_id), "limit": limit}))


def issue(
    session: Session,
    piece: Slice,
    prices: Prices,
    usages: Sequence[str],
    posting: Posting,
) -> IssuedBills:
    """Issue the bills of a slice with ledger, rollup and events.

    Units may be passed over for an amount of 0 or because no rate covers their usage.
    """
    parameters = _range(piece, prices) | _posting(piece, posting) | _envelope(piece)
    parameters |= {"covered": list(usages), "run_id": str(piece.run_id)}
    return row_of(IssuedBills, issue_sql.ISSUE.execute(session, parameters).one())


def passed_over(
    session: Session, piece: Slice, prices: Prices, usages: Sequence[str], limit: int
) -> list[UnbilledUnit]:
    """Units of the slice that get no bill though they should."""
    parameters = _range(piece, prices) | {"covered": list(usages), "limit": limit}
    return rows_of(UnbilledUnit, session.execute(issue_sql.PASSED_OVER, parameters))


def judge(
    session: Session, piece: Slice, prices: Prices, change_percent: int, limit: int
) -> tuple[list[JudgedTotal], list[JudgedLine]]:
    """A dry run: totals by kind of anomaly and the first lines that are not well."""
    parameters = _range(piece, prices) | {
        "period": piece.period,
        "last_period": add_months(piece.period, -prices.months),
        "change_percent": change_percent,
        "billed_before": session.scalar(issue_sql.BILLED_BEFORE, _range(piece, NOTHING) | {"period": piece.period}),
        "limit": limit,
    }
    totals = rows_of(JudgedTotal, session.execute(issue_sql.JUDGED_TOTALS, parameters))
    return totals, rows_of(JudgedLine, session.execute(issue_sql.JUDGED_SAMPLE, parameters))


def billable(session: Session, piece: Slice, prices: Prices, limit: int) -> list[BillableLine]:
    """The first lines of a dry run that would become bills."""
    parameters = _range(piece, prices) | {"period": piece.period, "limit": limit}
    return rows_of(BillableLine, session.execute(issue_sql.BILLABLE_SAMPLE, parameters))


def _range(piece: Slice, prices: Prices) -> dict[str, object]:
    return {
        "estate_id": piece.estate_id,
        "from_unit_id": piece.from_unit_id,
        "to_unit_id": piece.to_unit_id,
        "rates": json.dumps([row for rate in prices.rates for row in by_grade(rate)]),
        "lines": json.dumps([asdict(line) for line in prices.lines], default=str),
        "apart": list(prices.apart),
        "months": prices.months,
    }


def by_grade(rate: Rate) -> list[dict[str, object]]:
    """A rate as SQL reads it: once, or for each grade it names and then for all others (B1)."""
    grades = rate.grades
    if all(part.grade_factors is None for part in rate.parts):
        return [weights(rate, rate)]
    cases: list[tuple[str | None, list[str] | None]] = [*((grade, None) for grade in grades), (None, grades)]
    return [weights(rate, rate.for_grade(grade)) | {"grade": grade, "others": rest} for grade, rest in cases]


def weights(rate: Rate, grade_rate: Rate | None) -> dict[str, object]:
    """A rate as `issue_sql.RATE` reads it; `grade_rate` None: no factor for these units, they are passed over."""
    key = {"fee_item": rate.fee_item, "usage": rate.usage, "tariff_id": rate.tariff_id, "month_days": rate.month_days}
    if grade_rate is None:
        return key | dict.fromkeys(("m2", "m2_vacant", "flat", "flat_vacant"), "0") | NO_SCALE | {"lacking": True}
    return key | {
        "m2": str(grade_rate.weight("per_area", vacant=False)),
        "m2_vacant": str(grade_rate.weight("per_area", vacant=True)),
        "flat": str(grade_rate.weight("fixed", vacant=False)),
        "flat_vacant": str(grade_rate.weight("fixed", vacant=True)),
        **scaled_weights(grade_rate),
    }


def scaled_weights(rate: Rate) -> dict[str, object]:
    """The rate in whole numbers of 64 bits: fen = floor((m² × 100 × times + plus) / over).

    `exact_m2` is the largest area for which nothing overflows; null when there is none, or a weight has more decimals
    than the scale and would be cut: then numerics compute every amount.
    """
    over = rate.month_days * WEIGHT_SCALE
    exact = [rate.weight(method, vacant=v) * WEIGHT_SCALE for method in ("per_area", "fixed") for v in (False, True)]
    times, times_vacant, flat, flat_vacant = (int(weight) for weight in exact)
    plus, plus_vacant = flat * 100 + over // 2, flat_vacant * 100 + over // 2
    most = (LARGEST_BIGINT - max(plus, plus_vacant)) // max(times, times_vacant, 1)
    if most < 1 or any(weight % 1 for weight in exact):
        return NO_SCALE
    return {
        "exact_m2": str(Decimal(most) / 100),
        "times": times,
        "times_vacant": times_vacant,
        "plus": plus,
        "plus_vacant": plus_vacant,
        "over": over,
    }


def _posting(piece: Slice, posting: Posting) -> dict[str, object]:
    return {
        "source": str(piece.run_id),
        "period": piece.period,
        "due_date": posting.due_date,
        "issued_on": posting.issued_on,
        "rolled_on": posting.first_issued_on or posting.issued_on,
        "now": posting.now,
    }


def _envelope(piece: Slice) -> dict[str, object]:
    return {
        "estate": piece.estate,
        "period_text": format_period(piece.period),
        "batch": BATCH,
        "event": BillsIssued.NAME,
        "version": BillsIssued.VERSION,
        "event_source": BillsIssued.SOURCE,
        "exchange": event_exchange(BillsIssued.SOURCE),
        "aggregate": f"estate:{piece.estate}",
        "trace_id": current_trace_id(),
    }
