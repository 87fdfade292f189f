"""STORE of collection rates: sums per key as of any day, from totals; of one month by building from the rollups (J1).

Totals stand for all time; what was booked after the day is taken off again, whole months at a time and then days. For
today that is next to nothing. Money counts from the day it is booked. A bill counts for every day: what a window's
bills come to, net of voids, is known today and does not depend on the cut-off. Only where no window is asked for does a
bill begin to count: on the day it was booked, its due date or the end of its month, whichever comes first.
"""

from functools import cache

from sqlalchemy import TextClause, text

from services.billing.portfolio.stewards.tables import STEWARD

SCOPE = """scope AS (
  SELECT id, code, region FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)
)"""

KEYS = {
    "group": "'group'",
    "region": "e.region",
    "estate": "e.code",
    "building": "r.building",
    "steward": "w.staff_code",
    "fee_item": "r.fee_item",
    "period": "to_char(r.period, 'YYYY-MM')",
}

WINDOWS = {
    "period": "r.period = :first",
    "due_in": "r.due_date >= :first AND r.due_date < :next",
    "issued": "true",
}

# From here on a bill counts though it was booked later: one issued late belongs to its month all the same.
_COUNTS_FROM = "LEAST(due_date, (period + INTERVAL '1 month')::date)"
_NOTHING = "0::bigint"

_LATE = {
    "billed": f"CASE WHEN {_COUNTS_FROM} > :as_of THEN -billed_fen ELSE 0 END",
    "count": f"CASE WHEN {_COUNTS_FROM} > :as_of THEN -billed_count ELSE 0 END",
}

_REST_OF_MONTH = "booked_on > :as_of AND booked_on < :month_end"

# Columns of a row as of the day: billed_fen and billed_count as the window counts them, due_fen whatever the day;
# month_fen and month_waived_fen of collected_fen and waived_fen were booked in the month of the day.
_COLUMNS = "estate_id, {building}fee_item, period, due_date"

_TOTAL = """
  SELECT {columns}, billed_fen, billed_count, billed_fen AS due_fen, collected_fen, waived_fen,
         0::bigint AS month_fen, 0::bigint AS month_waived_fen FROM {table}"""

_LATER = """
  UNION ALL SELECT {columns}, {billed}, {count}, 0::bigint, -collected_fen, -waived_fen, 0::bigint, 0::bigint
  FROM {table} WHERE {booked}"""

_MONTH = """
  UNION ALL SELECT {columns}, 0::bigint, 0, 0::bigint, 0::bigint, 0::bigint, collected_fen, waived_fen
  FROM {table} WHERE booked_on >= :month AND booked_on <= :as_of"""

# Changes that wait, where the days of the month are read from the rollups: those have them already.
_WAITING = """
  UNION ALL SELECT {columns}, CASE WHEN {counts} THEN billed_fen ELSE 0 END,
    CASE WHEN {counts} THEN billed_count ELSE 0 END, billed_fen,
    CASE WHEN booked_on < :month_end THEN collected_fen ELSE 0 END,
    CASE WHEN booked_on < :month_end THEN waived_fen ELSE 0 END, 0::bigint, 0::bigint
  FROM rate_building_change"""

_EXACT = """
  SELECT {columns}, {billed} AS billed_fen, {count} AS billed_count, billed_fen AS due_fen,
         CASE WHEN booked_on <= :as_of THEN collected_fen ELSE 0 END AS collected_fen,
         CASE WHEN booked_on <= :as_of THEN waived_fen ELSE 0 END AS waived_fen,
         CASE WHEN booked_on BETWEEN :month AND :as_of THEN collected_fen ELSE 0 END AS month_fen,
         CASE WHEN booked_on BETWEEN :month AND :as_of THEN waived_fen ELSE 0 END AS month_waived_fen
  FROM {table}"""

_SUMS = """
  COALESCE(sum(r.billed_fen), 0)::bigint AS billed_fen, COALESCE(sum(r.collected_fen), 0)::bigint AS collected_fen,
  COALESCE(sum(r.waived_fen), 0)::bigint AS waived_fen, COALESCE(sum(r.billed_count), 0)::bigint AS billed_count"""

# Due in the month of the day; due by the day; and of what was open when the month began, what the month brought in.
_STANDING = """,
  COALESCE(sum(r.due_fen) FILTER (WHERE r.due_date >= :month AND r.due_date < :month_end), 0)::bigint
    AS current_billed_fen,
  COALESCE(sum(r.collected_fen) FILTER (WHERE r.due_date >= :month AND r.due_date < :month_end), 0)::bigint
    AS current_collected_fen,
  COALESCE(sum(r.due_fen) FILTER (WHERE r.due_date <= :as_of), 0)::bigint AS cumulative_billed_fen,
  COALESCE(sum(r.collected_fen) FILTER (WHERE r.due_date <= :as_of), 0)::bigint AS cumulative_collected_fen,
  COALESCE(sum(r.due_fen - r.collected_fen - r.waived_fen + r.month_fen + r.month_waived_fen)
           FILTER (WHERE r.due_date < :month), 0)::bigint AS recovery_open_fen,
  COALESCE(sum(r.month_fen) FILTER (WHERE r.due_date < :month), 0)::bigint AS recovery_collected_fen"""

_RATES = """
WITH {scope}{stewards}
SELECT {key} AS key, {place}{sums}
FROM scope e {join} JOIN ({rows}
) r ON r.estate_id = e.id {steward_of}
WHERE {window}{filters}
GROUP BY {numbers} ORDER BY {numbers}
"""

_STEWARD_OF = "LEFT JOIN steward w ON w.estate_id = r.estate_id AND w.building = r.building"

_FILTERS = {
    "fee_item": "r.fee_item = :fee_item",
    "building": "r.building = :building",
    "steward": "w.staff_code = :steward",
}


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

    `filters` are names of `_FILTERS` that are set. Only buildings and stewards need totals that tell buildings apart.
    `every_estate`: an estate without bills has a row of zeros. `few`: only a few estates are asked for.
    """
    by_building = group_by == "building"
    buildings = group_by in ("building", "steward") or bool(filters & {"building", "steward"})
    stewards = group_by == "steward" or "steward" in filters
    return text(
        _RATES.format(
            scope=SCOPE,
            stewards=f", {STEWARD}" if stewards else "",
            key=KEYS[group_by],
            place="e.code AS estate," if by_building else "",
            sums=_SUMS + (_STANDING if standing else ""),
            join="LEFT" if every_estate else "",
            rows=_rows(window, standing=standing, buildings=buildings, few=few),
            steward_of=_STEWARD_OF if stewards else "",
            window=WINDOWS[window],
            filters="".join(f" AND {_FILTERS[name]}" for name in sorted(filters)),
            numbers="1, 2" if by_building else "1",
        )
    )


def _rows(window: str, *, standing: bool, buildings: bool, few: bool) -> str:
    if not buildings:
        return _as_of(window, standing=standing)
    # The rollups of one month, or of a few estates, are found by key; all others' are too many to add up.
    if few or window != "issued":
        return _exact("rate_rollup", "building, ", window)
    return _of_buildings(standing=standing)


def _as_of(window: str, *, standing: bool) -> str:
    columns = _COLUMNS.format(building="")
    off = _LATE if window == "issued" else {"billed": _NOTHING, "count": "0"}
    months = _LATER.format(columns=columns, table="rate_month", booked="booked_in >= :month_end", **off)
    days = _LATER.format(columns=columns, table="rate_day", booked=_REST_OF_MONTH, **off)
    month = _MONTH.format(columns=columns, table="rate_day") if standing else ""
    total = _TOTAL.format(columns=columns, table="rate_total")
    return total + months + days + month + "\n  UNION ALL" + _exact("rate_change", "", window)


def _of_buildings(*, standing: bool) -> str:
    columns = _COLUMNS.format(building="building, ")
    months = _LATER.format(columns=columns, table="rate_building_month", booked="booked_in >= :month_end", **_LATE)
    days = _LATER.format(columns=columns, table="rate_rollup", booked=_REST_OF_MONTH, **_LATE)
    month = _MONTH.format(columns=columns, table="rate_rollup") if standing else ""
    waiting = _WAITING.format(columns=columns, counts=f"(booked_on < :month_end OR {_COUNTS_FROM} <= :as_of)")
    return _TOTAL.format(columns=columns, table="rate_building") + months + days + month + waiting


def _exact(table: str, building: str, window: str) -> str:
    counts = (
        f"CASE WHEN LEAST(booked_on, {_COUNTS_FROM}) <= :as_of THEN {{}} ELSE 0 END" if window == "issued" else "{}"
    )
    return _EXACT.format(
        columns=_COLUMNS.format(building=building),
        table=table,
        billed=counts.format("billed_fen"),
        count=counts.format("billed_count"),
    )
