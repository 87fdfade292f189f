"""SQL of the arrears ledger (D5): overdue bills by household, listed or added up.

Only open bills are looked at, and of households without an overdue one those whose late fee was left alone: they are
there with no principal. A household whose credit covers all that is overdue is in no list and no sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.measures.rules import AMOUNT_BANDS
from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.receivables.ledger.sql import open_bill
from services.common.contracts.answers.dunning import ArrearsBy
from services.common.contracts.answers.portfolio import Cause
from services.common.rows import rows_of


def _overdue(columns: str, group_by: str = "") -> str:
    """SQL up to `household_overdue (household_id, overdue_fen, …`, which it leaves open for an order or its end.

    `wanted` are more columns of it and `group_by` what they are grouped by, beside the household; each with its comma.
    """
    return f"""
WITH {STEWARD}, owed AS (
  SELECT household_id, building, due_date, id, estate_id, amount_fen - paid_fen - waived_fen AS fen, disputed_at
  FROM bill b WHERE {open_bill("b")} AND due_date < :as_of AND household_id > :after
  UNION ALL
  SELECT b.household_id, b.building, b.due_date, b.id, b.estate_id, 0, NULL
  FROM late_fee_left f JOIN bill b ON b.id = f.bill_id
  WHERE b.voided_at IS NULL AND b.due_date < :as_of AND b.household_id > :after AND NOT EXISTS (
    SELECT FROM bill o WHERE o.household_id = b.household_id AND {open_bill("o")} AND o.due_date < :as_of)
), overdue AS (
  SELECT b.household_id, b.building, b.due_date, b.id, w.staff_code, :as_of - b.due_date AS days, e.code AS estate,
         h.arrears_cause, b.fen, b.disputed_at
  FROM owed b
  JOIN household h ON h.id = b.household_id
  JOIN estate e ON e.id = b.estate_id
  LEFT JOIN steward w ON w.estate_id = b.estate_id AND w.building = b.building
  WHERE (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
    AND (CAST(:building AS text) IS NULL OR b.building = :building)
    AND (CAST(:steward AS text) IS NULL OR w.staff_code = :steward)
    AND (CAST(:cause AS text) IS NULL OR h.arrears_cause = :cause)
    AND h.id <> ALL (CAST(:in_credit AS bigint[]))
), household_overdue AS (
  SELECT {columns} household_id, sum(fen)::bigint AS overdue_fen, count(*) AS bills,
    min(due_date) AS oldest_due_date, max(days) AS overdue_days,
    COALESCE(sum(fen) FILTER (WHERE disputed_at IS NOT NULL), 0)::bigint AS disputed_fen,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 1 AND 15), 0)::bigint AS b1,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 16 AND 30), 0)::bigint AS b2,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS b3,
    COALESCE(sum(fen) FILTER (WHERE days BETWEEN 61 AND 365), 0)::bigint AS b4,
    COALESCE(sum(fen) FILTER (WHERE days > 365), 0)::bigint AS b5
  FROM overdue GROUP BY {group_by} household_id
  HAVING max(days) >= :low AND (CAST(:high AS int) IS NULL OR max(days) <= :high)"""


_OLDEST = """(array_agg(building ORDER BY due_date, id))[1] AS building,
    (array_agg(staff_code ORDER BY due_date, id))[1] AS steward,"""
_LIST = text(f"""{_overdue(_OLDEST)}
  ORDER BY household_id LIMIT :limit
)
SELECT o.*, h.code AS household, e.code AS estate, h.arrears_cause AS cause, h.credit_fen
FROM household_overdue o JOIN household h ON h.id = o.household_id JOIN estate e ON e.id = h.estate_id
ORDER BY o.household_id
""")

# What a bill is grouped by before its household is counted, and what a household is.
_OF_BILL = {"cause": "arrears_cause", "building": "building", "steward": "staff_code"}
_LOWS = ", ".join(str(low) for _, low in AMOUNT_BANDS[1:])
_OF_HOUSEHOLD = {
    "bucket": "width_bucket(overdue_days, ARRAY[1, 16, 31, 61, 366])::text",
    "amount": f"width_bucket(overdue_fen, ARRAY[{_LOWS}]::bigint[])::text",
}


def _summary(group_by: str) -> str:
    key = _OF_BILL.get(group_by)
    place = "estate" if group_by == "building" else "NULL::text"
    columns, by = (f"{place} AS place, {key} AS key,", f"{place}, {key}," if group_by == "building" else f"{key},")
    if key is None:
        columns, by = "NULL::text AS place,", ""
    outer = "key" if key else _OF_HOUSEHOLD[group_by]
    return f"""{_overdue(columns, by)}
)
SELECT place AS estate, {outer} AS key, count(*) AS households, sum(bills)::bigint AS bills,
  sum(overdue_fen)::bigint AS overdue_fen, sum(disputed_fen)::bigint AS disputed_fen, sum(b1)::bigint AS b1,
  sum(b2)::bigint AS b2, sum(b3)::bigint AS b3, sum(b4)::bigint AS b4, sum(b5)::bigint AS b5
FROM household_overdue GROUP BY 1, 2 ORDER BY 1, 2
"""


_SUMMARIES = {name: text(_summary(name)) for name in (*_OF_BILL, *_OF_HOUSEHOLD)}


@dataclass(frozen=True)
class ByAge:
    """Overdue principal, what of it is in dispute, and its parts by age."""

    bills: int
    overdue_fen: int
    disputed_fen: int
    b1: int
    b2: int
    b3: int
    b4: int
    b5: int


@dataclass(frozen=True)
class HouseholdArrears(ByAge):
    """What a household owes, with building and steward of its oldest overdue bill."""

    household_id: int
    household: str
    estate: str
    building: str
    steward: str | None
    cause: Cause
    credit_fen: int
    oldest_due_date: date
    overdue_days: int


@dataclass(frozen=True)
class SummedArrears(ByAge):
    """What households owe that are alike; `key` of buckets and bands is their number, from 1 and from 0."""

    key: str | None
    estate: str | None
    households: int


def arrears(
    session: Session, cut: Mapping[str, object], days: tuple[int, int | None], after: int, limit: int, as_of: date
) -> list[HouseholdArrears]:
    """Overdue households by id, their oldest bill's age between `days`."""
    more = {"low": days[0], "high": days[1], "after": after, "limit": limit, "as_of": as_of}
    return rows_of(HouseholdArrears, session.execute(_LIST, {**cut, **more}))


def summary(
    session: Session, cut: Mapping[str, object], days: tuple[int, int | None], group_by: ArrearsBy, as_of: date
) -> list[SummedArrears]:
    """Sums and household counts by one thing."""
    more = {"low": days[0], "high": days[1], "after": 0, "as_of": as_of}
    return rows_of(SummedArrears, session.execute(_SUMMARIES[group_by], {**cut, **more}))
