"""STORE of the check of the rollups: each row again from bills and ledger, each total again from the rollups (J1, B7).

Two statements, each of one snapshot: postings that commit meanwhile are in both sides or in none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.figures.rates.rates_sql import SCOPE
from services.billing.figures.rates.totals import SUMS
from services.billing.receivables.ledger.rollups import rollup
from services.common.contracts.answers.rates import TotalLevel
from services.common.rows import rows_of

MOST_DIFFERENCES = 100
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in SUMS)

_BILL = "estate_id, building, fee_item, period, due_date"
_KEY = f"{_BILL}, booked_on"
_TOTAL_KEY = f"level, {_KEY}"


def _comparison(key: str) -> str:
    """SQL of one line per key on which `expected` and `kept` differ; the side that lacks the key has zeros."""
    sides = [
        f"COALESCE(sum({name}) FILTER (WHERE side = {side}), 0)::bigint AS {what}_{name}"
        for side, what in ((1, "expected"), (2, "kept"))
        for name in SUMS
    ]
    return f"""
, sides AS (
  SELECT {key}, 1 AS side, billed_fen, collected_fen, waived_fen, billed_count FROM expected
  UNION ALL SELECT {key}, 2, billed_fen, collected_fen, waived_fen, billed_count FROM kept
), differing AS (
  SELECT {key}, {", ".join(sides)}
  FROM sides GROUP BY {key}
)
SELECT scope.code AS estate, d.*, count(*) OVER () AS found
FROM differing d JOIN scope ON scope.id = d.estate_id
WHERE {" OR ".join(f"expected_{name} <> kept_{name}" for name in SUMS)}
ORDER BY {key} LIMIT :shown
"""


_ROLLUPS = text(f"""
WITH {SCOPE}, rolled AS ({rollup(_BILL, "bill b", "b.voided_at IS NULL AND b.estate_id IN (SELECT id FROM scope)")}
), expected AS (
  SELECT {_BILL}, rolled_on AS booked_on, {", ".join(SUMS)} FROM rolled
), kept AS (SELECT r.* FROM rate_rollup r JOIN scope ON scope.id = r.estate_id)
{_comparison(_KEY)}
""")


def _levels(row: str) -> str:
    """SQL of the totals a change goes into, without buildings: (level, building, booked)."""
    return f"""('total', '', DATE '-infinity'), ('month', '', date_trunc('month', {row}.booked_on)::date),
    ('day', '', {row}.booked_on)"""


def _building_levels(row: str) -> str:
    """SQL of the totals with buildings that a change goes into."""
    return f"""('building', {row}.building, DATE '-infinity'),
    ('building_month', {row}.building, date_trunc('month', {row}.booked_on)::date)"""


def _sums_of(table: str, level: str, building: str, booking_day: str) -> str:
    return f"""SELECT '{level}' AS level, estate_id, {building} AS building, fee_item, period, due_date,
    {booking_day} AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM {table}"""


def _waiting(table: str, levels: str) -> str:
    return f"""SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked,
    r.billed_fen, r.collected_fen, r.waived_fen, r.billed_count
  FROM {table} r CROSS JOIN LATERAL (VALUES {levels}) AS v(level, building, booked)"""


_FOLDED_TOTALS = "\n  UNION ALL ".join(
    [
        _sums_of("rate_total", "total", "''", "DATE '-infinity'"),
        _sums_of("rate_month", "month", "''", "booked_in"),
        _sums_of("rate_day", "day", "''", "booked_on"),
        _sums_of("rate_building", "building", "building", "DATE '-infinity'"),
        _sums_of("rate_building_month", "building_month", "building", "booked_in"),
        _waiting("rate_change", _levels("r")),
        _waiting("rate_building_change", _building_levels("r")),
    ]
)
_TOTALS = text(f"""
WITH {SCOPE}, expected AS (
  SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked AS booked_on, {_SUMS}
  FROM rate_rollup r JOIN scope ON scope.id = r.estate_id
  CROSS JOIN LATERAL (VALUES {_levels("r")}, {_building_levels("r")}) AS v(level, building, booked)
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), folded AS (
  {_FOLDED_TOTALS}
), kept AS (SELECT f.* FROM folded f JOIN scope ON scope.id = f.estate_id)
{_comparison(_TOTAL_KEY)}
""")


@dataclass(frozen=True)
class Difference:
    """A key under which two sides differ, with the sums of both; `found`: how many such keys there are in all."""

    estate: str
    building: str
    fee_item: str
    period: date
    due_date: date
    booked_on: date
    expected_billed_fen: int
    expected_collected_fen: int
    expected_waived_fen: int
    expected_billed_count: int
    kept_billed_fen: int
    kept_collected_fen: int
    kept_waived_fen: int
    kept_billed_count: int
    found: int


@dataclass(frozen=True)
class TotalDifference(Difference):
    """The same of a total."""

    level: TotalLevel


def rollups(session: Session, estates: Sequence[str] | None) -> list[Difference]:
    """Rollup rows that are not what bills and ledger say, the first of them."""
    return rows_of(Difference, session.execute(_ROLLUPS, {"estates": estates, "shown": MOST_DIFFERENCES}))


def folded(session: Session, estates: Sequence[str] | None) -> list[TotalDifference]:
    """Totals, with the changes that wait, that are not what the rollups say, the first of them."""
    return rows_of(TotalDifference, session.execute(_TOTALS, {"estates": estates, "shown": MOST_DIFFERENCES}))
