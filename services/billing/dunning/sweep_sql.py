"""STORE of a sweep: one estate's slice as one statement, `rules.due_step` in SQL (D1, D3, decision 5).

For each household its oldest open bill; for that bill the lowest rung above all taken ones whose window covers the
day, one rung a day at most. A rung that requires no hold waits while one stands, and is counted as held. Amounts are
added up in `part`, not joined: the planner cannot know how many there are.
"""

from sqlalchemy import text

from services.billing.dunning.holds import STANDS
from services.billing.figures.tables import STEWARD
from services.billing.ledger.late_fee import LATE_FEE
from services.billing.ledger.tables import OPEN

SWEEP = text(f"""
WITH ladder AS (
  SELECT * FROM dunning_step WHERE estate_id = (
    SELECT max(s.estate_id) FROM dunning_step s WHERE s.estate_id IN (:estate_id, 0))
), oldest AS (
  SELECT DISTINCT ON (household_id) household_id, id AS bill_id, due_date
  FROM bill WHERE estate_id = :estate_id AND {OPEN}
  ORDER BY household_id, due_date, id
), due AS (
  SELECT o.household_id, o.bill_id, o.due_date, CAST(:as_of AS date) - o.due_date AS days, step.*,
    'no_hold' = ANY (step.requires)
      AND EXISTS (SELECT FROM dunning_hold h WHERE h.household_id = o.household_id AND {STANDS}) AS held
  FROM oldest o
  LEFT JOIN LATERAL (SELECT max(a.position) AS position, max(a.as_of) AS as_of FROM dunning_action a
                     WHERE a.household_id = o.household_id AND a.bill_id = o.bill_id) taken ON true
  JOIN LATERAL (SELECT l.code, l.position, l.requires, l.deadline_days FROM ladder l
                WHERE l.position > COALESCE(taken.position, -1)
                  AND CAST(:as_of AS date) - o.due_date >= l.earliest_day
                  AND (l.latest_day IS NULL OR CAST(:as_of AS date) - o.due_date <= l.latest_day)
                ORDER BY l.position LIMIT 1) step ON true
  WHERE taken.as_of IS NULL OR taken.as_of < :as_of
), subject AS (
  SELECT household_id FROM due WHERE NOT held AND days > 0
), {LATE_FEE}, part AS (
  SELECT household_id, bill_id, due_date, days, position, code, deadline_days, 0 AS fen, 0 AS fee_fen
  FROM due WHERE NOT held
  UNION ALL
  SELECT d.household_id, NULL, NULL, NULL, NULL, NULL, NULL, b.amount_fen - b.paid_fen - b.waived_fen, 0
  FROM due d JOIN bill b ON b.estate_id = :estate_id AND b.household_id = d.household_id
    AND b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen
    AND b.due_date <= greatest(CAST(:as_of AS date) - 1, d.due_date)
  WHERE NOT d.held
  UNION ALL
  SELECT household_id, NULL, NULL, NULL, NULL, NULL, NULL, 0, due_fen FROM late_fee
), taken AS (
  INSERT INTO dunning_action (household_id, bill_id, slice_id, overdue_fen, late_fee_fen, estate_id, overdue_days,
                              as_of, due_date, deadline, position, step)
  SELECT household_id, max(bill_id), :slice_id, sum(fen), sum(fee_fen), :estate_id, max(days), :as_of, max(due_date),
         CAST(:as_of AS date) + max(deadline_days), max(position), max(code)
  FROM part GROUP BY household_id ORDER BY household_id
  ON CONFLICT (household_id, bill_id, step) DO NOTHING
  RETURNING id
)
SELECT (SELECT count(*) FROM taken) AS actions, (SELECT count(*) FROM due WHERE held) AS held
""")

# What a slice did, as batches of `DunningItem` in the outbox. `steward` is the building's on that day (A4).
TELL = text(f"""
WITH {STEWARD}, step AS (
  SELECT * FROM dunning_step WHERE estate_id = (
    SELECT max(s.estate_id) FROM dunning_step s WHERE s.estate_id IN (:estate_id, 0))
), item AS (
  SELECT (row_number() OVER (ORDER BY a.id) - 1) / :batch AS batch, a.id, json_build_object(
    'household', h.code, 'building', b.building, 'cause', concat_ws(':', 'dunning', h.code, a.bill_id, a.step),
    'step', a.step, 'kind', s.kind, 'template', s.template, 'channels', s.channels, 'steward', w.staff_code,
    'due_date', a.due_date, 'overdue_days', a.overdue_days, 'overdue_fen', a.overdue_fen,
    'late_fee_fen', a.late_fee_fen, 'deadline', a.deadline) AS body
  FROM dunning_action a
  JOIN household h ON h.id = a.household_id
  JOIN bill b ON b.id = a.bill_id
  JOIN step s ON s.code = a.step
  LEFT JOIN steward w ON w.estate_id = a.estate_id AND w.building = b.building
  WHERE a.slice_id = :slice_id
)
INSERT INTO outbox (event_id, event, version, source, aggregate, data, occurred_at, trace_id, exchange, routing_key,
                    due_at)
SELECT gen_random_uuid(), :event, :version, :source, :aggregate,
       json_build_object('sweep_id', :sweep_id, 'estate', :estate, 'as_of', CAST(:as_of AS date),
                          'items', json_agg(body ORDER BY id)),
       :now, :trace_id, :exchange, :event, :now
FROM item GROUP BY batch ORDER BY batch
""")
