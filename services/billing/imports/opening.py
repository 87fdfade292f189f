"""STORE of opening balances: bills that come from elsewhere, posted against opening_equity (A3, B7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.imports.tables import as_json
from services.billing.receivables.ledger.sql import first_day
from services.common.rows import rows_of


@dataclass(frozen=True)
class BroughtIn:
    """A bill that is new, as other services are told of it."""

    estate: str
    fee_item: str
    period: date
    due_date: date
    bill_id: int
    household: str
    household_id: int
    amount_fen: int
    open_fen: int


# One statement: bills, both ledger entries of each, the deltas of the figures. A bill is of the household that paid for
# the unit when its period began (A1). The rollup gets one row per key: an upsert cannot meet the same row twice. What
# belongs to a closed month is booked on the first open day (B8).
BRING_IN = text(f"""
WITH given AS MATERIALIZED (
  SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g(
    unit_id bigint, fee_item text, period date, amount_fen bigint, paid_fen bigint, due_date date, issued_on date,
    paid_on date)
), issued AS (
  INSERT INTO bill (unit_id, household_id, amount_fen, paid_fen, estate_id, period, due_date, issued_on, building,
                    fee_item)
  SELECT u.id, coalesce(past.household_id, u.household_id), g.amount_fen, g.paid_fen, u.estate_id, g.period,
         g.due_date, g.issued_on, u.building, g.fee_item
  FROM given g JOIN unit u ON u.id = g.unit_id
  LEFT JOIN unit_payer past ON past.unit_id = u.id AND past.from_date <= g.period
    AND (past.to_date IS NULL OR past.to_date >= g.period)
  ORDER BY u.estate_id, g.fee_item, u.id, g.period
  RETURNING id, unit_id, household_id, amount_fen, paid_fen, estate_id, period, due_date, issued_on, first_issued_on,
            building, fee_item
), first_open AS (
  SELECT estate_id, (max(period) + INTERVAL '1 month')::date AS first_open FROM ledger_close GROUP BY estate_id
), brought AS (
  SELECT i.*, greatest(i.issued_on, o.first_open) AS booked_on, greatest(g.paid_on, o.first_open) AS paid_on
  FROM issued i JOIN given g USING (unit_id, fee_item, period) LEFT JOIN first_open o USING (estate_id)
), entry AS (
  INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind,
                            debit_account, credit_account, source)
  SELECT amount_fen, id, household_id, CAST(:now AS timestamptz), estate_id, booked_on, 'opening_bill',
         'receivable', 'opening_equity', :source FROM brought
  UNION ALL
  SELECT paid_fen, id, household_id, CAST(:now AS timestamptz), estate_id, paid_on, 'opening_paid',
         'opening_equity', 'receivable', :source FROM brought WHERE paid_fen > 0
), delta AS (
  SELECT estate_id, building, fee_item, period, due_date, booked_on, amount_fen AS billed_fen,
         0 AS collected_fen, 1 AS billed_count FROM brought
  UNION ALL
  SELECT estate_id, building, fee_item, period, due_date, greatest(paid_on, {first_day("brought")}), 0, paid_fen, 0
  FROM brought WHERE paid_fen > 0
), rolled AS (
  INSERT INTO rate_rollup AS r (estate_id, building, fee_item, period, due_date, booked_on, billed_fen, collected_fen,
                                billed_count)
  SELECT estate_id, building, fee_item, period, due_date, booked_on, sum(billed_fen), sum(collected_fen),
         sum(billed_count)
  FROM delta GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (estate_id, building, fee_item, period, due_date, booked_on) DO UPDATE
  SET billed_fen = r.billed_fen + excluded.billed_fen, collected_fen = r.collected_fen + excluded.collected_fen,
      billed_count = r.billed_count + excluded.billed_count
)
SELECT e.code AS estate, b.fee_item, b.period, b.due_date, b.id AS bill_id, h.code AS household, b.household_id,
       b.amount_fen, b.amount_fen - b.paid_fen AS open_fen
FROM brought b JOIN estate e ON e.id = b.estate_id JOIN household h ON h.id = b.household_id
ORDER BY e.code, b.fee_item, b.period, b.due_date, b.id
""")


def bring_in(session: Session, rows: Sequence[Mapping[str, object]], source: str, now: datetime) -> list[BroughtIn]:
    """Write bills that are new; returns them in the order of their batches."""
    if not rows:
        return []
    return rows_of(BroughtIn, session.execute(BRING_IN, {"rows": as_json(rows), "source": source, "now": now}))
