"""SQL of collection rates: sums per key as of any day, from totals; of one month by building from the rollups (J1).

Totals stand for all time; what was booked after the day is taken off again, whole months at a time and then days. For
today that is next to nothing. Money counts from the day it is booked, or from its bill's first day if that is later;
the rollups have it there (ADR 17). A bill counts for every day: what a window's
bills come to, net of voids, is known today and does not depend on the cut-off. Only where no window is asked for does a
bill begin to count: on the day it was booked, its due date or the end of its month, whichever comes first.
"""

from functools import cache

from sqlalchemy import TextClause, text

from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.receivables.ledger.sql import last_day

SCOPE = """scope AS (
  SELECT id, code, region, figures_since FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)
)"""

# From here on a bill counts though it was booked later: one issued late belongs to its month all the same, of which
# the last day is a day (ADR 17).
_COUNTS_FROM = f"LEAST(due_date, {last_day('period')})"

_BILL = "estate_id, fee_item, period, due_date"
_BILL_IN_BUILDING = "estate_id, building, fee_item, period, due_date"

_REST_OF_MONTH = "booked_on > :as_of AND booked_on < :month_end"


def key(group_by: str, row: str, estate: str, steward: str) -> str:
    """SQL of what a figure is grouped by; `row` is a bill, or what stands for bills."""
    return {
        "group": "'group'",
        "region": f"{estate}.region",
        "estate": f"{estate}.code",
        "building": f"{row}.building",
        "steward": f"{steward}.staff_code",
        "fee_item": f"{row}.fee_item",
        "period": f"to_char({row}.period, 'YYYY-MM')",
    }[group_by]


def in_window(window: str, row: str) -> str:
    """SQL: the row belongs to the bills that are asked for."""
    return {
        "period": f"{row}.period = :first",
        "due_in": f"{row}.due_date >= :first AND {row}.due_date < :next",
        "issued": "true",
    }[window]


def is_wanted(filters: frozenset[str], row: str, steward: str) -> str:
    """SQL: the row is of what is asked for by name: more conditions, each with its AND."""
    conditions = {
        "building": f"{row}.building = :building",
        "fee_item": f"{row}.fee_item = :fee_item",
        "steward": f"{steward}.staff_code = :steward",
    }
    return "".join(f" AND {conditions[name]}" for name in sorted(filters))


def steward_of(row: str) -> str:
    """SQL: a join of the steward `w` who answers for the row's building, if anybody does."""
    return f"LEFT JOIN steward w ON w.estate_id = {row}.estate_id AND w.building = {row}.building"


@cache
def rates(
    group_by: str,
    window: str,
    filters: frozenset[str],
    *,
    standing: bool,
    every_estate: bool = False,
    few: bool = False,
) -> TextClause:
    """Sums per key over the bills of a window, and their standing by month when asked.

    `filters` are those of `is_wanted` that are set. Only buildings and stewards need totals that tell buildings apart.
    `every_estate`: an estate without bills has a row of zeros. `few`: only a few estates are asked for.
    """
    by_building = group_by == "building"
    buildings = group_by in ("building", "steward") or bool(filters & {"building", "steward"})
    stewards = group_by == "steward" or "steward" in filters
    numbers = "1, 2" if by_building else "1"
    sums = _sums("r") + (_standing("r") if standing else "")
    return text(f"""
WITH {SCOPE}{f", {STEWARD}" if stewards else ""}
SELECT {key(group_by, "r", "e", "w")} AS key, {"e.code" if by_building else "NULL::text"} AS estate,{sums}
FROM scope e {"LEFT" if every_estate else ""} JOIN ({_rows(window, standing=standing, buildings=buildings, few=few)}
) r ON r.estate_id = e.id {steward_of("r") if stewards else ""}
WHERE {in_window(window, "r")}{is_wanted(filters, "r", "w")}
GROUP BY {numbers} ORDER BY {numbers}
""")


def _sums(row: str) -> str:
    return f"""
  COALESCE(sum({row}.billed_fen), 0)::bigint AS billed_fen,
  COALESCE(sum({row}.collected_fen), 0)::bigint AS collected_fen,
  COALESCE(sum({row}.waived_fen), 0)::bigint AS waived_fen,
  COALESCE(sum({row}.billed_count), 0)::bigint AS billed_count"""


def _standing(row: str) -> str:
    """Due in the month of the day; due by the day; of what was open when the month began, what the month brought in."""
    current = f"FILTER (WHERE {row}.due_date >= :month AND {row}.due_date < :month_end)"
    open_fen = f"{row}.due_fen - {row}.collected_fen - {row}.waived_fen + {row}.month_fen + {row}.month_waived_fen"
    return f""",
  COALESCE(sum({row}.due_fen) {current}, 0)::bigint AS current_billed_fen,
  COALESCE(sum({row}.collected_fen) {current}, 0)::bigint AS current_collected_fen,
  COALESCE(sum({row}.due_fen) FILTER (WHERE {row}.due_date <= :as_of), 0)::bigint AS cumulative_billed_fen,
  COALESCE(sum({row}.collected_fen) FILTER (WHERE {row}.due_date <= :as_of), 0)::bigint AS cumulative_collected_fen,
  COALESCE(sum({open_fen}) FILTER (WHERE {row}.due_date < :month), 0)::bigint AS recovery_open_fen,
  COALESCE(sum({row}.month_fen) FILTER (WHERE {row}.due_date < :month), 0)::bigint AS recovery_collected_fen"""


def _rows(window: str, *, standing: bool, buildings: bool, few: bool) -> str:
    """SQL of the rows as of the day that are added up.

    billed_fen and billed_count are as the window counts them, due_fen is whatever the day; month_fen and
    month_waived_fen of collected_fen and waived_fen were booked in the month of the day.
    """
    if not buildings:
        return _as_of(window, standing=standing)
    # The rollups of one month, or of a few estates, are found by key; all others' are too many to add up.
    if few or window != "issued":
        return _exact("rate_rollup", _BILL_IN_BUILDING, window)
    return _of_buildings(standing=standing)


def _as_of(window: str, *, standing: bool) -> str:
    by_issue = window == "issued"
    months = _booked_later("rate_month", _BILL, "booked_in >= :month_end", by_issue=by_issue)
    days = _booked_later("rate_day", _BILL, _REST_OF_MONTH, by_issue=by_issue)
    month = _of_month("rate_day", _BILL) if standing else ""
    return _total("rate_total", _BILL) + months + days + month + "\n  UNION ALL" + _exact("rate_change", _BILL, window)


def _of_buildings(*, standing: bool) -> str:
    columns = _BILL_IN_BUILDING
    months = _booked_later("rate_building_month", columns, "booked_in >= :month_end", by_issue=True)
    days = _booked_later("rate_rollup", columns, _REST_OF_MONTH, by_issue=True)
    month = _of_month("rate_rollup", columns) if standing else ""
    return _total("rate_building", columns) + months + days + month + _waiting(columns)


def _total(table: str, columns: str) -> str:
    """Of all days."""
    return f"""
  SELECT {columns}, billed_fen, billed_count, billed_fen AS due_fen, collected_fen, waived_fen,
         0::bigint AS month_fen, 0::bigint AS month_waived_fen FROM {table}"""


def _booked_later(table: str, columns: str, booking_day: str, *, by_issue: bool) -> str:
    """What was booked after the day, taken off again; bills only where they count from a day on (`issued`)."""
    amount, count = (_late("billed_fen"), _late("billed_count")) if by_issue else ("0::bigint", "0")
    return f"""
  UNION ALL SELECT {columns}, {amount}, {count}, 0::bigint, -collected_fen, -waived_fen, 0::bigint, 0::bigint
  FROM {table} WHERE {booking_day}"""


def _late(column: str) -> str:
    return f"CASE WHEN {_COUNTS_FROM} > :as_of THEN -{column} ELSE 0 END"


def _of_month(table: str, columns: str) -> str:
    """What was booked in the month of the day, up to the day."""
    return f"""
  UNION ALL SELECT {columns}, 0::bigint, 0, 0::bigint, 0::bigint, 0::bigint, collected_fen, waived_fen
  FROM {table} WHERE booked_on >= :month AND booked_on <= :as_of"""


def _waiting(columns: str) -> str:
    """Changes that wait, where the days of the month are read from the rollups: those have them already."""
    counts = f"(booked_on < :month_end OR {_COUNTS_FROM} <= :as_of)"
    return f"""
  UNION ALL SELECT {columns}, CASE WHEN {counts} THEN billed_fen ELSE 0 END,
    CASE WHEN {counts} THEN billed_count ELSE 0 END, billed_fen,
    CASE WHEN booked_on < :month_end THEN collected_fen ELSE 0 END,
    CASE WHEN booked_on < :month_end THEN waived_fen ELSE 0 END, 0::bigint, 0::bigint
  FROM rate_building_change"""


def _exact(table: str, columns: str, window: str) -> str:
    """Row by row, for each knows the day it was booked on."""
    amount, count = ("billed_fen", "billed_count")
    if window == "issued":
        amount, count = (_count_of(amount), _count_of(count))
    return f"""
  SELECT {columns}, {amount} AS billed_fen, {count} AS billed_count, billed_fen AS due_fen,
         CASE WHEN booked_on <= :as_of THEN collected_fen ELSE 0 END AS collected_fen,
         CASE WHEN booked_on <= :as_of THEN waived_fen ELSE 0 END AS waived_fen,
         CASE WHEN booked_on BETWEEN :month AND :as_of THEN collected_fen ELSE 0 END AS month_fen,
         CASE WHEN booked_on BETWEEN :month AND :as_of THEN waived_fen ELSE 0 END AS month_waived_fen
  FROM {table}"""


def _count_of(column: str) -> str:
    return f"CASE WHEN LEAST(booked_on, {_COUNTS_FROM}) <= :as_of THEN {column} ELSE 0 END"
