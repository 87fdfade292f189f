"""STORE of what a cause is suggested from: one household's payments, steps, complaints, units and owner's file (D2)."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.treatment.rules import RECENT_DAYS, SOON_DAYS, Facts
from services.billing.holds.tables import stands_on
from services.billing.receivables.ledger.sql import open_bill


def _pays_principal(entry: str) -> str:
    """SQL: money of the payer that went to principal; what was placed elsewhere later is there with both its places."""
    return f"{entry}.credit_account = 'receivable' AND {entry}.debit_account NOT IN ('fee_income', 'opening_equity')"


_FACTS = text(f"""
WITH own AS (
  SELECT id, due_date, disputed_at, run_id, amount_fen, paid_fen, waived_fen, voided_at
  FROM bill WHERE household_id = :id AND voided_at IS NULL
), urged AS (
  SELECT b.id,
         (SELECT max(e.booked_on) FROM ledger_entry e WHERE e.bill_id = b.id AND {_pays_principal("e")}) AS paid_on,
         max(a.as_of) AS urged_on
  FROM own b JOIN dunning_action a ON a.household_id = :id AND a.bill_id = b.id
  WHERE b.amount_fen = b.paid_fen GROUP BY b.id
)
SELECT
  COALESCE((SELECT :today - min(due_date) FROM own WHERE {open_bill("own")}), 0) AS overdue_days,
  (SELECT count(*) FROM urged WHERE paid_on >= urged_on) AS reminded,
  (SELECT count(*) FROM urged WHERE paid_on BETWEEN urged_on AND urged_on + CAST(:soon AS int)) AS paid_soon,
  (SELECT count(*) FROM payment_posting p WHERE p.household_id = :id) AS payments,
  (SELECT count(*) FROM own WHERE {open_bill("own")} AND paid_fen > 0) AS part_paid,
  (SELECT count(*) FROM dunning_action a WHERE a.household_id = :id AND a.step = 'demand_letter') AS demands,
  (SELECT count(*) FROM dunning_hold h WHERE h.household_id = :id AND h.source_kind IN ('complaint', 'work_order')
     AND h.since IS NOT NULL
     AND ({stands_on("h", ":today")} OR h.since >= :today - CAST(:recent AS int))) AS service_issues,
  COALESCE((SELECT bool_and(u.status = 'vacant') FROM unit u WHERE u.household_id = :id), false) AS vacant,
  EXISTS (SELECT FROM own WHERE {open_bill("own")} AND disputed_at IS NOT NULL AND run_id IS NULL) AS legacy_dispute,
  file.dispute_liable AS liable, COALESCE(file.segment, h.segment) AS segment
FROM household h LEFT JOIN household_file file ON file.household_id = h.id WHERE h.id = :id
""")


def facts_of(session: Session, household_id: int, today: date) -> Facts:
    """Facts of a household, of its bills and of its owner's file (A2)."""
    key = {"id": household_id, "today": today, "soon": SOON_DAYS, "recent": RECENT_DAYS}
    return Facts(**session.execute(_FACTS, key).one()._asdict())
