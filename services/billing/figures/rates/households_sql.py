"""SQL of the rate by households: who paid the bills of a window in full, from bills and ledger (J1).

The exception: no rollup can add up households, for one counts once however many bills it has. So this reads the bills
of one window, found by their block-range index, and takes off what the ledger booked after the day.
"""

from functools import cache

from sqlalchemy import Index, TextClause, text

from services.billing.figures.rates.rates_sql import SCOPE, in_window, is_wanted, key, steward_of
from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.receivables.ledger.rollups import is_dated_back
from services.billing.receivables.ledger.sql import first_day
from services.billing.tables import bill

Index("bill_window_idx", bill.c.period, bill.c.due_date, bill.c.estate_id, postgresql_using="brin")


@cache
def paid_up(group_by: str, window: str, filters: frozenset[str]) -> TextClause:
    """Households billed, and those of them that paid all they were billed, per key; `window` is period or due_in.

    `later` is what was settled of a bill after the day: by money, and by money or waiver. Its issue settles nothing,
    and bills that are void do not count at all. Nothing is settled of a bill before its first day (ADR 17).
    """
    counts = f"({first_day('b')} <= :as_of OR :as_of < e.figures_since)"
    by_building = group_by == "building"
    stewards = group_by == "steward" or "steward" in filters
    return text(f"""
WITH {SCOPE}, {f"{STEWARD}, " if stewards else ""}later AS (
  SELECT l.bill_id,
         sum(CASE WHEN l.credit_account = 'receivable' THEN l.amount_fen ELSE -l.amount_fen END) AS settled_fen,
         sum(CASE WHEN 'fee_income' IN (l.debit_account, l.credit_account) THEN 0
                  WHEN l.credit_account = 'receivable' THEN l.amount_fen ELSE -l.amount_fen END) AS paid_fen
  FROM ledger_entry l JOIN scope ON scope.id = l.estate_id
  WHERE l.booked_on > :as_of AND (NOT {is_dated_back("l")} OR COALESCE(l.value_on, l.booked_on) > :as_of)
    AND l.bill_id IS NOT NULL AND 'receivable' IN (l.debit_account, l.credit_account)
    AND (l.debit_account <> 'receivable' OR l.kind = 'waiver_reversed'
         OR l.credit_account NOT IN ('fee_income', 'opening_equity'))
  GROUP BY l.bill_id
), billed AS (
  SELECT {key(group_by, "b", "e", "w")} AS key, {"e.code AS estate," if by_building else ""} b.household_id,
         sum(CASE WHEN {counts} THEN b.amount_fen - b.paid_fen - b.waived_fen + COALESCE(l.settled_fen, 0)
                  ELSE b.amount_fen END) = 0
           AND sum(CASE WHEN {counts} THEN b.paid_fen - COALESCE(l.paid_fen, 0) ELSE 0 END) > 0 AS paid
  FROM bill b JOIN scope e ON e.id = b.estate_id {steward_of("b") if stewards else ""}
  LEFT JOIN later l ON l.bill_id = b.id
  WHERE b.voided_at IS NULL AND {in_window(window, "b")}{is_wanted(filters, "b", "w")}
  GROUP BY {"1, 2, 3" if by_building else "1, 2"}
)
SELECT key, {"estate" if by_building else "NULL::text"} AS estate, count(*) AS households_billed,
       count(*) FILTER (WHERE paid) AS households_paid
FROM billed GROUP BY {"1, 2" if by_building else "1"}
""")
