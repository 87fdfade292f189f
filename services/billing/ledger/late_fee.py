"""STORE of the late fee for many households at once: `rules.late_fee` in SQL (C1, decision 5).

`LATE_FEE` is a chain of common table expressions. It needs one before it, `subject(household_id)`, and the parameters
`:as_of` and `:past`; it ends in `late_fee(bill_id, household_id, accrued_fen, due_fen)`. Bills without late fee are
left out. `:past` says whether bills settled since `:as_of` are wanted too: that looks at every bill of the households.
Plans that freeze accrual (C3) are not in the ledger, so they are not here either.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

_OPEN = "b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen"

# Large parts are never joined to each other, only to small ones and by index: the planner cannot know their sizes.
# Days are intervals, as in rules.py: a rate of the 10th covers (9th, …], a payment takes effect after its day.
LATE_FEE = f"""
late_policy AS (
  SELECT e.id AS estate_id, p.late_fee_capped, p.grace_days, p.grace_mode,
         (SELECT max(r.estate_id) FROM late_fee_rate r WHERE r.estate_id IN (e.id, 0)) AS rates_of
  FROM estate e
  JOIN LATERAL (SELECT * FROM collection_policy c WHERE c.estate_id IN (e.id, 0)
                ORDER BY c.estate_id DESC LIMIT 1) p ON true
  WHERE e.late_fee_clause <> ''
), late_rate AS (
  SELECT p.estate_id, r.daily, r.effective_from - 1 AS from_on,
         COALESCE(lead(r.effective_from) OVER (PARTITION BY p.estate_id ORDER BY r.effective_from) - 1,
                  DATE 'infinity') AS to_on
  FROM late_policy p JOIN late_fee_rate r ON r.estate_id = p.rates_of
), late_candidate AS (
  SELECT b.* FROM subject s JOIN household h ON h.id = s.household_id
  JOIN bill b ON b.estate_id = h.estate_id AND b.household_id = h.id AND {_OPEN}
  UNION ALL
  SELECT b.* FROM subject s JOIN late_fee_left f USING (household_id) JOIN bill b ON b.id = f.bill_id AND NOT ({_OPEN})
  UNION ALL
  SELECT b.* FROM subject s JOIN bill b ON b.household_id = s.household_id AND NOT ({_OPEN})
  WHERE :past AND NOT EXISTS (SELECT FROM late_fee_left f WHERE f.bill_id = b.id)
    AND EXISTS (SELECT FROM ledger_entry n WHERE n.bill_id = b.id AND COALESCE(n.value_on, n.booked_on) > :as_of)
), late_bill AS (
  SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.due_date + p.grace_days AS free_until,
         CASE p.grace_mode WHEN 'from_due' THEN b.due_date ELSE b.due_date + p.grace_days END AS start_on,
         p.late_fee_capped
  FROM late_candidate b JOIN late_policy p ON p.estate_id = b.estate_id
  WHERE b.voided_at IS NULL AND b.due_date + p.grace_days < :as_of
), late_point AS (
  SELECT id AS bill_id, household_id, estate_id, late_fee_capped, amount_fen, start_on AS on_day, amount_fen AS delta
  FROM late_bill
  UNION ALL
  SELECT b.id, b.household_id, b.estate_id, b.late_fee_capped, b.amount_fen,
         CASE WHEN e.debit_account = 'opening_equity' OR COALESCE(e.value_on, e.booked_on) <= b.free_until
              THEN b.start_on
              ELSE COALESCE(e.value_on, e.booked_on) END,
         CASE WHEN e.credit_account = 'receivable' THEN -e.amount_fen ELSE e.amount_fen END
  FROM late_bill b JOIN ledger_entry e ON e.bill_id = b.id
  WHERE (e.credit_account = 'receivable'
         OR e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity'))
    AND (e.debit_account = 'opening_equity' OR COALESCE(e.value_on, e.booked_on) < :as_of)
), late_segment AS (
  SELECT *, greatest(0, sum(delta) OVER by_day) AS balance,
         lead(on_day, 1, CAST(:as_of AS date)) OVER by_day AS until
  FROM late_point WINDOW by_day AS (PARTITION BY bill_id ORDER BY on_day)
), late_accrued AS (
  SELECT s.bill_id, s.household_id,
         least(CASE WHEN s.late_fee_capped THEN s.amount_fen END,
               round(sum(s.balance * r.daily
                         * (least(s.until, r.to_on) - greatest(s.on_day, r.from_on)))))::bigint AS accrued_fen
  FROM late_segment s
  JOIN late_rate r ON r.estate_id = s.estate_id AND r.from_on < s.until AND r.to_on > s.on_day
  WHERE s.balance > 0
  GROUP BY s.bill_id, s.household_id, s.late_fee_capped, s.amount_fen
), late_fee AS (
  SELECT a.bill_id, a.household_id, a.accrued_fen, greatest(0, a.accrued_fen - COALESCE((
    SELECT sum(CASE WHEN e.credit_account = 'late_fee_income' THEN e.amount_fen ELSE -e.amount_fen END)
    FROM ledger_entry e WHERE e.bill_id = a.bill_id AND COALESCE(e.value_on, e.booked_on) <= :as_of
      AND 'late_fee_income' IN (e.debit_account, e.credit_account)), 0))::bigint AS due_fen
  FROM late_accrued a
)"""

LATE_FEES_DUE = text(f"""
WITH subject AS (SELECT unnest(CAST(:households AS bigint[])) AS household_id), {LATE_FEE}
SELECT household_id, sum(due_fen)::bigint AS due_fen FROM late_fee GROUP BY household_id
""")


def late_fees_due(session: Session, households: Sequence[int], as_of: date, *, past: bool = False) -> dict[int, int]:
    """Late fee due in fen per household id; households without any are left out.

    `past`: as it was at the end of a day gone by, with the bills settled since.
    """
    if not households:
        return {}
    rows = session.execute(LATE_FEES_DUE, {"households": list(households), "as_of": as_of, "past": past})
    return {row.household_id: row.due_fen for row in rows if row.due_fen}
