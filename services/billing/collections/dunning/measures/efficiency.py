"""STORY of dunning efficiency (D8): what each step of the ladder brought in, from the steps taken and the ledger.

A payment counts for the latest step before it only (on the day of a step: for that step), and only on bills that step
spoke of. The ledger is append-only and steps stay, so the same question has the same answer until more is paid.
"""

from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.measures.rules import WINDOWS, EfficiencyBy, share
from services.billing.portfolio.stewards.tables import in_office
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission

# Principal net of what came back. `until` is the first day that is a later step's.
_EFFICIENCY = text(f"""
WITH step AS (
  SELECT a.id, a.household_id, a.estate_id, a.bill_id, a.step, a.position, a.as_of,
         GREATEST(a.as_of - 1, a.due_date) AS speaks_until,
         lead(a.as_of, 1, DATE '9999-12-31') OVER (PARTITION BY a.household_id ORDER BY a.as_of, a.id) AS until
  FROM dunning_action a JOIN estate e ON e.id = a.estate_id
  WHERE a.as_of BETWEEN CAST(:from_date AS date) AND CAST(:to_date AS date) + CAST(:long AS int)
    AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
), asked AS (
  SELECT s.*, w.staff_code FROM step s JOIN bill b ON b.id = s.bill_id
  LEFT JOIN LATERAL (
    SELECT staff_code FROM stewardship t
    WHERE t.estate_id = s.estate_id AND t.building = b.building AND {in_office("t", "s.as_of")}) w ON true
  WHERE s.as_of BETWEEN CAST(:from_date AS date) AND CAST(:to_date AS date)
), paid AS (
  SELECT s.id, COALESCE(sum(p.fen) FILTER (WHERE p.paid_on <= s.as_of + CAST(:short AS int)), 0)::bigint AS short_fen,
         COALESCE(sum(p.fen), 0)::bigint AS long_fen
  FROM asked s CROSS JOIN LATERAL (
    SELECT COALESCE(e.value_on, e.booked_on) AS paid_on,
           CASE WHEN e.credit_account = 'receivable' THEN e.amount_fen ELSE -e.amount_fen END AS fen
    FROM ledger_entry e JOIN bill b ON b.id = e.bill_id
    WHERE e.household_id = s.household_id AND b.due_date <= s.speaks_until
      AND COALESCE(e.value_on, e.booked_on) BETWEEN s.as_of AND LEAST(s.until - 1, s.as_of + CAST(:long AS int))
      AND (e.credit_account = 'receivable' AND e.debit_account NOT IN ('fee_income', 'opening_equity')
           OR e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity'))) p
  GROUP BY s.id
), talked AS (
  SELECT s.id, count(c.id) AS contacts FROM asked s
  JOIN dunning_sweep_slice l ON l.id = (SELECT slice_id FROM dunning_action a WHERE a.id = s.id)
  JOIN dunning_contact c ON c.household_id = s.household_id AND c.step = s.step AND c.contacted_at >= l.finished_at
  WHERE NOT EXISTS (
    SELECT FROM dunning_action a JOIN dunning_sweep_slice n ON n.id = a.slice_id
    WHERE a.household_id = s.household_id AND a.step = s.step AND a.id > s.id AND n.finished_at <= c.contacted_at)
  GROUP BY s.id
)
SELECT CASE CAST(:group_by AS text) WHEN 'step' THEN s.step ELSE s.staff_code END AS key,
       CASE CAST(:group_by AS text) WHEN 'step' THEN min(s.position) END AS place,
       count(*) AS taken, count(DISTINCT s.household_id) AS households,
       COALESCE(sum(t.contacts), 0)::bigint AS contacts,
       count(DISTINCT s.household_id) FILTER (WHERE p.short_fen > 0) AS paid_short,
       count(DISTINCT s.household_id) FILTER (WHERE p.long_fen > 0) AS paid_long,
       COALESCE(sum(p.short_fen), 0)::bigint AS short_fen, COALESCE(sum(p.long_fen), 0)::bigint AS long_fen
FROM asked s LEFT JOIN paid p ON p.id = s.id LEFT JOIN talked t ON t.id = s.id
GROUP BY 1 ORDER BY place, 1
""")


def dunning_efficiency(
    session: Session, caller: Caller, estate: str | None, from_date: date, to_date: date, group_by: EfficiencyBy
) -> dict[str, Any]:
    """Per step or steward: `{key, taken, households, contacts, paid_within_7, paid_within_30, recovered_7_fen,
    recovered_30_fen, share_7, share_30}` of steps taken in the span; shares are of households. Invalid, Forbidden."""
    caller.require(Permission.READ_FIGURES)
    if from_date > to_date:
        raise Invalid("The span ends before it begins.", [{"loc": "from", "msg": "not after to"}])
    codes = caller.estate_filter(estate)
    asked = {"from_date": from_date, "to_date": to_date, "group_by": group_by, "short": WINDOWS[0], "long": WINDOWS[1]}
    rows = session.execute(_EFFICIENCY, asked | {"estates": None if codes is None else sorted(codes)})
    return {"from": from_date, "to": to_date, "group_by": group_by, "items": [_item(row) for row in rows]}


def _item(row: Row[Any]) -> dict[str, Any]:
    return {
        "key": row.key,
        "taken": row.taken,
        "households": row.households,
        "contacts": row.contacts,
        "paid_within_7": row.paid_short,
        "paid_within_30": row.paid_long,
        "recovered_7_fen": row.short_fen,
        "recovered_30_fen": row.long_fen,
        "share_7": share(row.paid_short, row.households),
        "share_30": share(row.paid_long, row.households),
    }
