"""Billing: credit kept for a refund pays nothing; money counts in the figures from its bill's first day (B6, J1).

What was received and waived in months that are open moves to the first day of its bill. Months that are closed keep
what was reported (ADR 17): money booked before `figures_since` counts on the day it was booked.

Revision ID: billing_0019
"""

from alembic import op

revision = "billing_0019"
down_revision = "billing_0018"
branch_labels = None
depends_on = None

RESERVED = """
ALTER TABLE household ADD COLUMN reserved_fen BIGINT DEFAULT '0' NOT NULL;
ALTER TABLE household ADD CONSTRAINT household_reserved_fen_check CHECK (reserved_fen BETWEEN 0 AND credit_fen)
"""
# A reissue counts from the day on which the first of the bills it replaces was issued.
FIRST_ISSUED = """
LOCK TABLE rate_rollup IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE estate ADD COLUMN figures_since DATE;
ALTER TABLE bill ADD COLUMN first_issued_on DATE;
UPDATE estate SET figures_since = c.since FROM (
  SELECT estate_id, (max(period) + INTERVAL '1 month')::date AS since FROM ledger_close GROUP BY estate_id
) c WHERE c.estate_id = estate.id;
WITH RECURSIVE line AS (
  SELECT id, reissue_of AS earlier, issued_on FROM bill WHERE reissue_of IS NOT NULL
  UNION ALL
  SELECT l.id, b.reissue_of, b.issued_on FROM line l JOIN bill b ON b.id = l.earlier
), first AS (SELECT id, min(issued_on) AS issued_on FROM line GROUP BY id)
UPDATE bill SET first_issued_on = first.issued_on FROM first WHERE first.id = bill.id
"""
# Each change of a bill goes from the day on which it counted to the one on which it counts.
RESTATED = """
WITH entry AS (
  SELECT b.*, l.amount_fen AS fen, l.booked_on, l.debit_account, l.credit_account, e.figures_since,
    l.kind = 'waiver_reversed' AS is_undone,
    l.debit_account = 'receivable' AND l.credit_account IN ('fee_income', 'opening_equity')
      AND l.kind <> 'waiver_reversed' AS is_charge,
    CASE l.kind WHEN 'credit_applied' THEN COALESCE(l.value_on, l.booked_on) ELSE l.booked_on END AS was_on,
    LEAST(COALESCE(b.first_issued_on, b.issued_on), b.due_date, (b.period + INTERVAL '1 month -1 day')::date)
      AS first_day
  FROM ledger_entry l JOIN bill b ON b.id = l.bill_id JOIN estate e ON e.id = b.estate_id
  WHERE b.voided_at IS NULL AND 'receivable' IN (l.debit_account, l.credit_account)
), moved AS (
  SELECT *, CASE WHEN is_charge THEN LEAST(booked_on, first_issued_on) ELSE GREATEST(was_on, first_day) END AS now_on
  FROM entry
  WHERE CASE WHEN is_charge THEN first_issued_on < booked_on
             ELSE was_on < first_day AND (figures_since IS NULL OR was_on >= figures_since) END
), side AS (
  SELECT m.estate_id, m.building, m.fee_item, m.period, m.due_date, d.day,
    d.sign * fen * (CASE WHEN is_charge THEN 1 ELSE 0 END) AS billed,
    d.sign * fen * (CASE WHEN is_charge OR is_undone OR debit_account = 'fee_income' THEN 0
                         WHEN credit_account = 'receivable' THEN 1 ELSE -1 END) AS collected,
    d.sign * fen * (CASE WHEN is_undone THEN -1 WHEN debit_account = 'fee_income' THEN 1 ELSE 0 END) AS waived,
    d.sign * (CASE WHEN is_charge THEN 1 ELSE 0 END) AS count
  FROM moved m CROSS JOIN LATERAL (VALUES (m.was_on, -1), (m.now_on, 1)) AS d(day, sign)
)
INSERT INTO rate_rollup AS r (estate_id, building, fee_item, period, due_date, booked_on, billed_fen, collected_fen,
                              waived_fen, billed_count)
SELECT estate_id, building, fee_item, period, due_date, day, sum(billed), sum(collected), sum(waived), sum(count)
FROM side GROUP BY 1, 2, 3, 4, 5, 6
HAVING sum(billed) <> 0 OR sum(collected) <> 0 OR sum(waived) <> 0 OR sum(count) <> 0 ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (estate_id, building, fee_item, period, due_date, booked_on) DO UPDATE
SET billed_fen = r.billed_fen + excluded.billed_fen, collected_fen = r.collected_fen + excluded.collected_fen,
    waived_fen = r.waived_fen + excluded.waived_fen, billed_count = r.billed_count + excluded.billed_count
"""


def upgrade() -> None:
    """Nothing is reserved yet; figures of open months follow the law, those of closed months stay."""
    op.execute(RESERVED)
    op.execute(FIRST_ISSUED)
    op.execute(RESTATED)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
