"""STORE of the check of the rollups: each row again from bills and ledger, each total again from the rollups (J1, B7).

Two statements, each of one snapshot: postings that commit meanwhile are in both sides or in none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.figures.rates_sql import SCOPE
from services.billing.figures.totals import SUMS

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
_KEY = "estate_id, building, fee_item, period, due_date, booked_on"
_ROLLUPS = text(f"""
WITH {SCOPE}, moved AS (
  SELECT b.estate_id, b.building, b.fee_item, b.period, b.due_date, l.booked_on, l.amount_fen, CASE
    WHEN l.kind = 'bill_voided' THEN 'voided'
    WHEN l.kind = 'waiver_reversed' THEN 'unwaived'
    WHEN l.debit_account = 'receivable' AND l.credit_account IN ('fee_income', 'opening_equity') THEN 'billed'
    WHEN l.debit_account = 'receivable' THEN 'returned'
    WHEN l.debit_account = 'fee_income' THEN 'waived'
    ELSE 'received' END AS what
  FROM ledger_entry l JOIN bill b ON b.id = l.bill_id JOIN scope ON scope.id = b.estate_id
  WHERE 'receivable' IN (l.debit_account, l.credit_account)
), expected AS (
  SELECT {_KEY},
    sum(CASE what WHEN 'billed' THEN amount_fen WHEN 'voided' THEN -amount_fen ELSE 0 END) AS billed_fen,
    sum(CASE what WHEN 'received' THEN amount_fen WHEN 'returned' THEN -amount_fen ELSE 0 END) AS collected_fen,
    sum(CASE what WHEN 'waived' THEN amount_fen WHEN 'unwaived' THEN -amount_fen ELSE 0 END) AS waived_fen,
    sum(CASE what WHEN 'billed' THEN 1 WHEN 'voided' THEN -1 ELSE 0 END) AS billed_count
  FROM moved GROUP BY {_KEY}
), kept AS (SELECT r.* FROM rate_rollup r JOIN scope ON scope.id = r.estate_id)
{_COMPARED.format(key=_KEY)}
""")

_TOTAL_KEY = "level, estate_id, fee_item, period, due_date, booked_on"
_LEVELS = (
    "(VALUES ('total', DATE '-infinity'), ('month', date_trunc('month', r.booked_on)::date), ('day', r.booked_on))"
)
_REST = "estate_id, fee_item, period, due_date"
_TOTALS = text(f"""
WITH {SCOPE}, expected AS (
  SELECT level, r.estate_id, r.fee_item, r.period, r.due_date, booked AS booked_on, {_SUMS}
  FROM rate_rollup r JOIN scope ON scope.id = r.estate_id CROSS JOIN LATERAL {_LEVELS} AS v(level, booked)
  GROUP BY 1, 2, 3, 4, 5, 6
), folded AS (
  SELECT 'total' AS level, {_REST}, DATE '-infinity' AS booked_on, billed_fen, collected_fen, waived_fen, billed_count
  FROM rate_total
  UNION ALL SELECT 'month', {_REST}, booked_in, billed_fen, collected_fen, waived_fen, billed_count FROM rate_month
  UNION ALL SELECT 'day', {_REST}, booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM rate_day
  UNION ALL SELECT level, {_REST}, booked, billed_fen, collected_fen, waived_fen, billed_count
  FROM rate_change r CROSS JOIN LATERAL {_LEVELS} AS v(level, booked)
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
