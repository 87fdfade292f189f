"""STORE of the check of the rollups: each row again from bills and ledger, each total again from the rollups (J1, B7).

Two statements, each of one snapshot: postings that commit meanwhile are in both sides or in none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.figures.rates.rates_sql import SCOPE
from services.billing.figures.rates.totals import SUMS
from services.billing.receivables.ledger.rollups import rolled

SHOWN = 100
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in SUMS)

# One line per key on which the two sides differ; the side that lacks the key has zeros.
_COMPARED = f"""
, sides AS (
  SELECT {{key}}, 1 AS side, billed_fen, collected_fen, waived_fen, billed_count FROM expected
  UNION ALL SELECT {{key}}, 2, billed_fen, collected_fen, waived_fen, billed_count FROM kept
), differing AS (
  SELECT {{key}}, {
    ", ".join(
        f"COALESCE(sum({name}) FILTER (WHERE side = {side}), 0)::bigint AS {what}_{name}"
        for side, what in ((1, "expected"), (2, "kept"))
        for name in SUMS
    )
}
  FROM sides GROUP BY {{key}}
)
SELECT scope.code AS estate, d.*, count(*) OVER () AS found
FROM differing d JOIN scope ON scope.id = d.estate_id
WHERE {" OR ".join(f"expected_{name} <> kept_{name}" for name in SUMS)}
ORDER BY {{key}} LIMIT :shown
"""
_BILL = "estate_id, building, fee_item, period, due_date"
_KEY = f"{_BILL}, booked_on"
_ROLLUPS = text(f"""
WITH {SCOPE}, rolled AS ({rolled(_BILL, "bill b", "b.voided_at IS NULL AND b.estate_id IN (SELECT id FROM scope)")}
), expected AS (
  SELECT {_BILL}, rolled_on AS booked_on, {", ".join(SUMS)} FROM rolled
), kept AS (SELECT r.* FROM rate_rollup r JOIN scope ON scope.id = r.estate_id)
{_COMPARED.format(key=_KEY)}
""")

_TOTAL_KEY = "level, estate_id, building, fee_item, period, due_date, booked_on"
_WITHOUT = """('total', '', DATE '-infinity'), ('month', '', date_trunc('month', r.booked_on)::date),
    ('day', '', r.booked_on)"""
_WITH = """('building', r.building, DATE '-infinity'),
    ('building_month', r.building, date_trunc('month', r.booked_on)::date)"""
_KEPT = """SELECT '{level}' AS level, estate_id, {building} AS building, fee_item, period, due_date,
    {booked} AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM {table}"""
_WAITS = """SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked,
    r.billed_fen, r.collected_fen, r.waived_fen, r.billed_count
  FROM {table} r CROSS JOIN LATERAL (VALUES {levels}) AS v(level, building, booked)"""
_FOLDED = "\n  UNION ALL ".join(
    [
        _KEPT.format(level="total", building="''", booked="DATE '-infinity'", table="rate_total"),
        _KEPT.format(level="month", building="''", booked="booked_in", table="rate_month"),
        _KEPT.format(level="day", building="''", booked="booked_on", table="rate_day"),
        _KEPT.format(level="building", building="building", booked="DATE '-infinity'", table="rate_building"),
        _KEPT.format(level="building_month", building="building", booked="booked_in", table="rate_building_month"),
        _WAITS.format(table="rate_change", levels=_WITHOUT),
        _WAITS.format(table="rate_building_change", levels=_WITH),
    ]
)
_TOTALS = text(f"""
WITH {SCOPE}, expected AS (
  SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked AS booked_on, {_SUMS}
  FROM rate_rollup r JOIN scope ON scope.id = r.estate_id
  CROSS JOIN LATERAL (VALUES {_WITHOUT}, {_WITH}) AS v(level, building, booked)
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), folded AS (
  {_FOLDED}
), kept AS (SELECT f.* FROM folded f JOIN scope ON scope.id = f.estate_id)
{_COMPARED.format(key=_TOTAL_KEY)}
""")


@dataclass(frozen=True)
class Found:
    """Keys that differ: the first of them, and how many there are in all."""

    rows: Sequence[Row[Any]]

    @property
    def count(self) -> int:
        """All, not only those shown."""
        return int(self.rows[0].found) if self.rows else 0


def rollups(session: Session, estates: Sequence[str] | None) -> Found:
    """Rollup rows that are not what bills and ledger say."""
    return Found(session.execute(_ROLLUPS, {"estates": estates, "shown": SHOWN}).all())


def folded(session: Session, estates: Sequence[str] | None) -> Found:
    """Totals, with the changes that wait, that are not what the rollups say."""
    return Found(session.execute(_TOTALS, {"estates": estates, "shown": SHOWN}).all())
