"""STORE of a sweep: one estate's slice as one statement, `rules.due_step` in SQL (D1, D3, decision 5).

For each household its oldest open bill that nobody disputes; for that bill the rung that is due, and then what the
household is told: an action and its part of an event. Households without open bills are not looked at, those without a
rung to take drop out in `wanting`, before anything is asked about their past.

Amounts are added up in `part`, not joined: the planner cannot know how many there are.
"""

from sqlalchemy import text

from services.billing.dunning.holds import STANDS_ON
from services.billing.dunning.ladder_sql import COVERED, RUNGS, WITHOUT
from services.billing.ledger.late_fee import LATE_FEE
from services.billing.ledger.tables import OPEN

# Open bills as far as a rung may reach, by household and due date as the index has them. `total_fen` of the first bill
# is what a notice states: all that is overdue, or before the due date all that falls due with it.
_OLDEST = f"""reach AS (
  SELECT CAST(:as_of AS date) - min(earliest_day) AS until FROM base
), open_bill AS MATERIALIZED (
  SELECT household_id, id, due_date, building, amount_fen - paid_fen - waived_fen AS fen, disputed_at
  FROM bill WHERE estate_id = :estate_id AND {OPEN} AND due_date <= (SELECT until FROM reach)
), disputed AS MATERIALIZED (
  SELECT id FROM open_bill WHERE disputed_at IS NOT NULL
), placed AS (
  SELECT *, row_number() OVER household AS place, first_value(due_date) OVER household AS first_due
  FROM open_bill WHERE disputed_at IS NULL WINDOW household AS (PARTITION BY household_id ORDER BY due_date, id)
), oldest AS (
  SELECT household_id, min(id) FILTER (WHERE place = 1) AS bill_id, min(due_date) AS due_date,
         min(building) FILTER (WHERE place = 1) AS building,
         sum(fen) FILTER (WHERE due_date < :as_of OR due_date = first_due)::bigint AS fen
  FROM placed GROUP BY household_id
)"""

_DUE = f"""standing AS (
  SELECT o.*, h.code AS household, h.arrears_cause AS cause, CAST(:as_of AS date) - o.due_date AS days,
         past.above, past.last_on, past.told
  FROM oldest o JOIN household h ON h.id = o.household_id
  CROSS JOIN LATERAL (
    SELECT max(r.position) FILTER (WHERE c.counts) AS above, max(a.as_of) AS last_on,
           array_agg(a.step) FILTER (WHERE c.counts AND (a.deadline IS NULL OR a.deadline < :as_of)) AS told
    FROM dunning_action a
    LEFT JOIN rung r ON r.cause = h.arrears_cause AND r.code = a.step
    CROSS JOIN LATERAL (SELECT a.bill_id = o.bill_id OR (
      r.code IS NOT NULL AND a.as_of - o.due_date >= r.earliest_day AND NOT {WITHOUT}) AS counts) c
    WHERE a.household_id = o.household_id) past
), wanting AS MATERIALIZED (
  SELECT * FROM standing s
  WHERE (last_on IS NULL OR last_on < :as_of) AND EXISTS (
    SELECT FROM rung r WHERE r.cause = s.cause AND (s.above IS NULL OR r.position > s.above)
      AND r.earliest_day <= s.days AND (r.escalates OR r.latest_day IS NULL OR s.days <= r.latest_day))
), due AS MATERIALIZED (
  SELECT o.*, step.*, step.escalates
    AND EXISTS (SELECT FROM dunning_hold h WHERE h.household_id = o.household_id AND {STANDS_ON}) AS held
  FROM wanting o
  CROSS JOIN LATERAL (SELECT {COVERED} - o.due_date AS covered_day OFFSET 0) sight
  CROSS JOIN LATERAL (
    SELECT r.code, r.position, r.kind, r.template, r.channels, r.deadline_days, r.escalates, r.gap_days,
           COALESCE(sight.covered_day >= r.first_day, false) AS late
    FROM rung r
    WHERE r.cause = o.cause AND (o.above IS NULL OR r.position > o.above) AND r.earliest_day <= o.days
      AND (r.latest_day IS NULL OR o.days <= r.latest_day OR r.escalates AND sight.covered_day >= r.first_day)
      AND (cardinality(r.after) = 0 OR r.after <@ o.told)
    ORDER BY r.position LIMIT 1) step
  WHERE NOT (step.late AND step.escalates AND COALESCE(o.last_on + step.gap_days > :as_of, false))
)"""

_STEWARD = """steward AS (
  SELECT DISTINCT ON (building) building, staff_code FROM stewardship
  WHERE estate_id = :estate_id AND (to_date IS NULL OR to_date >= :as_of) ORDER BY building, from_date
)"""

SWEEP = text(f"""
WITH cause AS (
  SELECT DISTINCT arrears_cause AS cause FROM household WHERE estate_id = :estate_id
), {RUNGS}, {_OLDEST}, {_DUE}, subject AS (
  SELECT household_id FROM due WHERE NOT held AND days > 0
), {LATE_FEE}, part AS (
  SELECT household_id, bill_id, due_date, days, position, code, deadline_days, kind, template, channels, household,
         building, fen, 0 AS fee_fen
  FROM due WHERE NOT held
  UNION ALL
  SELECT household_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, due_fen
  FROM late_fee WHERE bill_id NOT IN (SELECT id FROM disputed)
), told AS MATERIALIZED (
  SELECT household_id, max(bill_id) AS bill_id, sum(fen)::bigint AS overdue_fen, sum(fee_fen)::bigint AS late_fee_fen,
         max(days) AS overdue_days, max(due_date) AS due_date,
         CAST(:as_of AS date) + max(deadline_days) AS deadline, max(position) AS position, max(code) AS step,
         max(kind) AS kind, max(template) AS template, max(channels) AS channels, max(household) AS household,
         max(building) AS building
  FROM part GROUP BY household_id
), taken AS (
  INSERT INTO dunning_action (household_id, bill_id, slice_id, overdue_fen, late_fee_fen, estate_id, overdue_days,
                              as_of, due_date, deadline, position, step)
  SELECT household_id, bill_id, :slice_id, overdue_fen, late_fee_fen, :estate_id, overdue_days, :as_of, due_date,
         deadline, position, step
  FROM told ORDER BY household_id
), {_STEWARD}, item AS (
  SELECT (row_number() OVER (ORDER BY t.household_id) - 1) / :batch AS batch, t.household_id, json_build_object(
    'household', t.household, 'building', t.building,
    'cause', concat_ws(':', 'dunning', t.household, t.bill_id, t.step),
    'step', t.step, 'kind', t.kind, 'template', t.template, 'channels', t.channels, 'steward', w.staff_code,
    'due_date', t.due_date, 'overdue_days', t.overdue_days, 'overdue_fen', t.overdue_fen,
    'late_fee_fen', t.late_fee_fen, 'deadline', t.deadline) AS body
  FROM told t LEFT JOIN steward w ON w.building = t.building
), event AS (
  INSERT INTO outbox (event_id, event, version, source, aggregate, data, occurred_at, trace_id, exchange, routing_key,
                      due_at)
  SELECT gen_random_uuid(), :event, :version, :source, :aggregate,
         json_build_object('sweep_id', CAST(:sweep_id AS text), 'estate', CAST(:estate AS text),
                           'as_of', CAST(:as_of AS date), 'items', json_agg(body ORDER BY household_id)),
         :now, :trace_id, :exchange, :event, :now
  FROM item GROUP BY batch ORDER BY batch
)
SELECT (SELECT count(*) FROM told) AS actions, (SELECT count(*) FROM due WHERE held) AS held
""")
