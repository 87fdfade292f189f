"""STORY of figures: scope, sums from the rollups, rates (J1, D5). Every figure is identical however it is asked for."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.figures import tables
from services.billing.figures.rules import BUCKET_LABELS, first_of, month, rate
from services.billing.portfolio.tables import find_estate
from services.common.access import STAFF_ROLES, Caller
from services.common.calendar import add_months
from services.common.contracts.errors import Invalid

GroupBy = Literal["group", "region", "estate", "building", "steward", "fee_item"]


@dataclass(frozen=True)
class RateCut:
    """What to count: bills of a period, or due in a month, or all issued; and which estates, buildings, items."""

    group_by: GroupBy = "estate"
    period: str | None = None
    due_in: str | None = None
    estate: str | None = None
    building: str | None = None
    steward: str | None = None
    fee_item: str | None = None


def collection_rates(session: Session, caller: Caller, cut: RateCut, as_of: date) -> dict[str, Any]:
    """Principal received by the day `as_of` ÷ principal billed, waivers apart (J1).

    `{items: [{key, billed_fen, collected_fen, waived_fen, billed_count, rate}], as_of, period, due_in}`; rate 0–1, null
    where nothing is billed. Without a period: all bills issued by `as_of`. A building's item names its `estate` too.
    Errors: Forbidden (outside the scope), Invalid (period; period and due_in together).
    """
    caller.require(*STAFF_ROLES)
    if cut.period is not None and cut.due_in is not None:
        raise Invalid("Ask by period or by due month.", [{"loc": "due_in", "msg": "not together with period"}])
    rows = tables.collection_rates(session, cut.group_by, _window(cut), _parameters(caller, cut, as_of))
    items = [_item(row) for row in rows]
    if cut.group_by == "group" and not items:
        items = [_sums("group", 0, 0, 0, 0)]
    return {"items": items, "as_of": as_of, "period": cut.period, "due_in": cut.due_in}


def estate_figures(session: Session, caller: Caller, estate: str, today: date) -> dict[str, Any]:
    """One estate's dashboard: rates of the month and overall, receivable by age, households. NotFound, Forbidden."""
    caller.require(*STAFF_ROLES)
    find_estate(session, caller, estate)
    return {"estate": estate} | _figures(session, [estate], today)


def group_figures(session: Session, caller: Caller, today: date) -> dict[str, Any]:
    """The same over all estates in scope, and a line for each of them in `estates`."""
    caller.require(*STAFF_ROLES)
    codes = caller.estate_filter()
    scope = None if codes is None else sorted(codes)
    lines = [_windows([row]) | {"estate": row.estate} for row in _rates(session, scope, today)]
    return _figures(session, scope, today) | {"estates": lines}


def estate_windows(session: Session, today: date) -> dict[str, dict[str, Any]]:
    """Current, cumulative and recovery figures of every estate, for the metrics."""
    return {row.estate: _windows([row]) for row in _rates(session, None, today)}


def estate_buckets(session: Session, today: date) -> dict[str, dict[str, int]]:
    """Open principal of every estate by age, for the metrics."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(BUCKET_LABELS, 0))
    for row in tables.receivable(session, None, today):
        found[row.estate][BUCKET_LABELS[row.bucket]] = row.fen
    return found


def _window(cut: RateCut) -> str:
    if cut.period is not None:
        return "period"
    return "due_in" if cut.due_in is not None else "issued"


def _parameters(caller: Caller, cut: RateCut, as_of: date) -> dict[str, Any]:
    codes = caller.estate_filter(cut.estate)
    first = None
    if cut.period is not None:
        first = first_of(cut.period, "period")
    elif cut.due_in is not None:
        first = first_of(cut.due_in, "due_in")
    return {
        "estates": None if codes is None else sorted(codes),
        "building": cut.building,
        "steward": cut.steward,
        "fee_item": cut.fee_item,
        "as_of": as_of,
        "first": first,
        "next": first and add_months(first, 1),
    }


def _item(row: Row[Any]) -> dict[str, Any]:
    place = {"estate": row.estate} if "estate" in row._fields else {}
    counts = (row.billed_fen or 0, row.collected_fen or 0, row.waived_fen or 0, row.billed_count or 0)
    return _sums(row.key, *counts) | place


def _sums(key: str | None, billed: int, collected: int, waived: int, count: int) -> dict[str, Any]:
    return {
        "key": key,
        "billed_fen": billed,
        "collected_fen": collected,
        "waived_fen": waived,
        "billed_count": count,
        "rate": rate(collected, billed),
    }


def _rates(session: Session, estates: list[str] | None, today: date) -> Sequence[Row[Any]]:
    first, last = month(today)
    return tables.estate_rates(session, estates, first, last, today)


def _windows(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    def total(name: str) -> int:
        return sum(getattr(row, name) for row in rows)

    figures: dict[str, Any] = {}
    for window, whole in (("current", "billed"), ("cumulative", "billed"), ("recovery", "open")):
        base, received = total(f"{window}_{whole}"), total(f"{window}_collected")
        figures |= {f"{window}_{whole}_fen": base, f"{window}_collected_fen": received}
        figures[f"{window}_rate"] = rate(received, base)
    return figures


def _figures(session: Session, estates: list[str] | None, today: date) -> dict[str, Any]:
    windows = _windows(_rates(session, estates, today))
    buckets = dict.fromkeys(BUCKET_LABELS, 0)
    for row in tables.receivable(session, estates, today):
        buckets[BUCKET_LABELS[row.bucket]] += row.fen
    receivable = sum(buckets.values())
    counts = tables.households(session, estates, today)._asdict()
    return {"as_of": today, "rate": windows["current_rate"], **windows, **counts} | {
        "receivable_fen": receivable,
        "overdue_fen": receivable - buckets["not_due"],
        "receivable_by_bucket": buckets,
    }
