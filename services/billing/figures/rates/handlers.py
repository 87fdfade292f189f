"""STORY of figures: scope, sums from the rollups, rates (J1, D5). Every figure is identical however it is asked for."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.figures.rates import check, tables
from services.billing.figures.rates.rules import BUCKET_LABELS, rate
from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate
from services.common.access import STAFF_ROLES, Caller
from services.common.contracts.errors import Invalid

GroupBy = Literal["group", "region", "estate", "building", "steward", "fee_item", "period"]
WINDOWS = {"current": "billed", "cumulative": "billed", "recovery": "open"}


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
    # beside the sums: current, cumulative and recovery rate as of the day; households that paid in full
    windows: bool = False
    households: bool = False


def collection_rates(session: Session, caller: Caller, cut: RateCut, as_of: date) -> dict[str, Any]:
    """Principal received by the day `as_of` ÷ principal billed, waivers apart (J1).

    `{items: [{key, billed_fen, collected_fen, waived_fen, billed_count, rate}], as_of, period, due_in}`; rate 0–1, null
    where nothing is billed. Without a period: all bills issued by `as_of`. A building's item names its `estate` too.
    `windows` adds the fields of `_windows`, `households` those of `_paid_up`.
    Errors: Forbidden (outside the scope), Invalid (period; questions that do not go together).
    """
    caller.require(*STAFF_ROLES)
    question = _question(caller, cut, as_of)
    rows = tables.collection_rates(session, question, standing=cut.windows)
    items = [_item(row, windows=cut.windows) for row in rows]
    if cut.group_by == "group" and not items:
        items = [_sums("group", 0, 0, 0, 0) | (_windows([]) if cut.windows else {})]
    if cut.households:
        items = _with_households(items, tables.paid_up(session, question))
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
    lines = [_windows([row]) | {"estate": row.key} for row in tables.estate_rates(session, scope, today)]
    return _figures(session, scope, today) | {"estates": lines}


def estate_windows(session: Session, today: date) -> dict[str, dict[str, Any]]:
    """Current, cumulative and recovery figures of every estate, for the metrics."""
    return {row.key: _windows([row]) for row in tables.estate_rates(session, None, today)}


def estate_buckets(session: Session, today: date) -> dict[str, dict[str, int]]:
    """Open principal of every estate by age, for the metrics; zeros where nothing is open, so that no series ends."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(BUCKET_LABELS, 0))
    for row in tables.receivable(session, None, today):
        ages = found[row.estate]
        if row.bucket is not None:
            ages[BUCKET_LABELS[row.bucket]] = row.fen
    return found


def rollup_check(session: Session, caller: Caller, estate: str | None) -> dict[str, Any]:
    """Recompute the rollups from bills and ledger, and the totals from the rollups (J1, B7); for operators.

    `{rollups: {differences, items}, totals: {differences, items}}`; an item has the key and, of each sum, what is
    expected and what is kept; at most 100 are shown. Errors: Forbidden (role, scope).
    """
    caller.require("group_admin", "finance", "auditor")
    codes = caller.estate_filter(estate)
    scope = None if codes is None else sorted(codes)
    return {"rollups": _found(check.rollups(session, scope)), "totals": _found(check.folded(session, scope))}


def _found(found: check.Found) -> dict[str, Any]:
    hidden = ("found", "estate_id")
    items = [{name: value for name, value in row._asdict().items() if name not in hidden} for row in found.rows]
    for item in items:
        if item.get("level") in ("total", "building"):
            del item["booked_on"]
        if not item["building"]:
            del item["building"]
    return {"differences": found.count, "items": items}


def _question(caller: Caller, cut: RateCut, as_of: date) -> tables.Cut:
    if cut.period is not None and cut.due_in is not None:
        raise Invalid("Ask by period or by due month.", [{"loc": "due_in", "msg": "not together with period"}])
    window = "period" if cut.period is not None else "due_in" if cut.due_in is not None else "issued"
    asked = cut.period or cut.due_in
    if cut.windows and asked:
        raise Invalid("The windows are about all bills.", [{"loc": "windows", "msg": f"not together with {window}"}])
    if cut.households and not asked:
        raise Invalid("Households are counted by month.", [{"loc": "households", "msg": "needs period or due_in"}])
    codes = caller.estate_filter(cut.estate)
    filters = {"building": cut.building, "steward": cut.steward, "fee_item": cut.fee_item}
    return tables.Cut(
        group_by=cut.group_by,
        window=window,
        as_of=as_of,
        first=first_of(asked, window) if asked else None,
        estates=None if codes is None else sorted(codes),
        filters={name: value for name, value in filters.items() if value is not None},
    )


def _item(row: Row[Any], *, windows: bool) -> dict[str, Any]:
    place = {"estate": row.estate} if "estate" in row._fields else {}
    sums = _sums(row.key, row.billed_fen, row.collected_fen, row.waived_fen, row.billed_count)
    return sums | place | (_windows([row]) if windows else {})


def _with_households(items: list[dict[str, Any]], counted: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    found = {(row.key, getattr(row, "estate", None)): row for row in counted}
    return [item | _paid_up(found.get((item["key"], item.get("estate")))) for item in items]


def _paid_up(row: Row[Any] | None) -> dict[str, Any]:
    """How many were billed, how many of them owe nothing of it and paid at least some, and the rate of both."""
    billed, paid = (row.households_billed, row.households_paid) if row else (0, 0)
    return {"households_billed": billed, "households_paid": paid, "household_rate": rate(paid, billed)}


def _sums(key: str | None, billed: int, collected: int, waived: int, count: int) -> dict[str, Any]:
    return {
        "key": key,
        "billed_fen": billed,
        "collected_fen": collected,
        "waived_fen": waived,
        "billed_count": count,
        "rate": rate(collected, billed),
    }


def _windows(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    """Due in the month, due by the day, and what the month brought in of what was open when it began."""

    def total(name: str) -> int:
        return sum(getattr(row, name) for row in rows)

    figures: dict[str, Any] = {}
    for window, whole in WINDOWS.items():
        base, received = total(f"{window}_{whole}_fen"), total(f"{window}_collected_fen")
        figures |= {f"{window}_{whole}_fen": base, f"{window}_collected_fen": received}
        figures[f"{window}_rate"] = rate(received, base)
    return figures


def _figures(session: Session, estates: list[str] | None, today: date) -> dict[str, Any]:
    windows = _windows(tables.estate_rates(session, estates, today))
    buckets = dict.fromkeys(BUCKET_LABELS, 0)
    for row in tables.receivable(session, estates, today):
        if row.bucket is not None:
            buckets[BUCKET_LABELS[row.bucket]] += row.fen
    receivable = sum(buckets.values())
    counts = tables.households(session, estates, today)._asdict()
    return {"as_of": today, "rate": windows["current_rate"], **windows, **counts} | {
        "receivable_fen": receivable,
        "overdue_fen": receivable - buckets["not_due"],
        "receivable_by_bucket": buckets,
    }
