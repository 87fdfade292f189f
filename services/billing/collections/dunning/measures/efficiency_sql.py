"""SQL of dunning efficiency (D8): steps taken in a span, whom they reached, and what was paid before the next one."""

from sqlalchemy import text

from services.billing.portfolio.stewards.tables import in_office

# Principal net of what came back. `until` is the first day that is a later step's.
EFFICIENCY = text(f"""
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
