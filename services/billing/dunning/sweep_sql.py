"""STORE of a sweep: the slices of some estates as one statement, `rules.due_step` in SQL (D1, D3, decision 5).

For each household its oldest open bill that nobody disputes; for that bill the rung that is due, and then what the
household is told: an action and its part of an event. Households without open bills are not looked at, those without a
rung to take drop out in `wanting`, before anything is asked about their past.

The planner cannot know how many rows a part has and thinks of few. Amounts meet their households in a FULL JOIN, which
is never a nested loop; nobody has a fee who is not told of it, so it is a LEFT JOIN in effect.
"""

from services.billing.bills.prepared import Prepared
from services.billing.dunning.holds import STANDS_ON
from services.billing.dunning.ladder_sql import ABSENT, COVERED, RUNGS, WITHOUT
from services.billing.ledger.late_fee import LATE_FEE
from services.billing.ledger.tables import OPEN

# Open bills as far as a rung may reach, by household and due date as the index has them. `total_fen` of the first bill
# is what a notice states: all that is overdue, or before the due date all that falls due with it.
_OLDEST = f"""open_bill AS MATERIALIZED (
  SELECT household_id, id, due_date, estate_id, building, amount_fen - paid_fen - waived_fen AS fen, disputed_at
  FROM bill WHERE estate_id = ANY (:estate_ids) AND {OPEN}
    AND due_date <= :as_of - (SELECT least((SELECT min(earliest_day) FROM dunning_step),
                                           (SELECT min(earliest_day) FROM dunning_track)))
), disputed AS MATERIALIZED (
  SELECT id FROM open_bill WHERE disputed_at IS NOT NULL
), placed AS (
  SELECT *, row_number() OVER household AS place, first_value(due_date) OVER household AS first_due
  FROM open_bill WHERE disputed_at IS NULL WINDOW household AS (PARTITION BY household_id ORDER BY due_date, id)
), oldest AS (
  SELECT household_id, min(id) FILTER (WHERE place = 1) AS bill_id, min(due_date) AS due_date,
         min(estate_id) FILTER (WHERE place = 1) AS estate_id, min(building) FILTER (WHERE place = 1) AS building,
         sum(fen) FILTER (WHERE due_date < :as_of OR due_date = first_due)::bigint AS fen
  FROM placed GROUP BY household_id
), owing AS MATERIALIZED (
  SELECT o.*, h.code AS household, h.arrears_cause AS cause FROM oldest o JOIN household h ON h.id = o.household_id
), cause AS (
  SELECT DISTINCT cause FROM owing
)"""

_DUE = f"""standing AS (
  SELECT o.*, own.ladder, :as_of - o.due_date AS days, past.above, past.last_on, past.told
  FROM owing o JOIN own ON own.estate_id = o.estate_id
  CROSS JOIN LATERAL (
    SELECT max(r.position) FILTER (WHERE c.counts) AS above, max(a.as_of) AS last_on,
           array_agg(a.step) FILTER (WHERE c.counts AND (a.deadline IS NULL OR a.deadline < :as_of)) AS told
    FROM dunning_action a
    LEFT JOIN rung r ON r.ladder = own.ladder AND r.cause = o.cause AND r.code = a.step
    CROSS JOIN LATERAL (SELECT a.bill_id = o.bill_id OR (
      r.code IS NOT NULL AND a.as_of - o.due_date >= r.earliest_day AND NOT {WITHOUT}) AS counts) c
    WHERE a.household_id = o.household_id) past
), wanting AS MATERIALIZED (
  SELECT * FROM standing s
  WHERE last_on IS NULL OR last_on < :as_of AND EXISTS (
    SELECT FROM rung r
    WHERE r.ladder = s.ladder AND r.cause = s.cause AND (s.above IS NULL OR r.position > s.above)
      AND r.earliest_day <= s.days AND (r.escalates OR r.latest_day IS NULL OR s.days <= r.latest_day))
), absent AS MATERIALIZED (
  {ABSENT}
), due AS MATERIALIZED (
  SELECT o.*, step.code, step.position, step.kind, step.template, step.channels, step.deadline_days,
    step.escalates AND EXISTS (
      SELECT FROM dunning_hold h WHERE h.household_id = o.household_id AND {STANDS_ON}) AS held
  FROM wanting o
  CROSS JOIN LATERAL (SELECT
    CASE WHEN o.last_on IS NOT NULL OR o.bill_id IN (SELECT bill_id FROM absent) THEN {COVERED} END - o.due_date
      AS covered_day OFFSET 0) sight
  CROSS JOIN LATERAL (
    SELECT r.* FROM rung r
    WHERE r.ladder = o.ladder AND r.cause = o.cause AND (o.above IS NULL OR r.position > o.above)
      AND r.earliest_day <= o.days
      AND (r.latest_day IS NULL OR o.days <= r.latest_day OR r.escalates AND sight.covered_day >= r.first_day)
      AND (cardinality(r.after) = 0 OR r.after <@ o.told)
    ORDER BY r.position LIMIT 1) step
  WHERE NOT (step.escalates AND COALESCE(sight.covered_day >= step.first_day, false)
             AND COALESCE(o.last_on + step.gap_days > :as_of, false))
)"""

_SWEEP = f"""
WITH piece AS MATERIALIZED (
  SELECT e.id AS estate_id, e.code AS estate, p.slice_id
  FROM unnest(:estate_ids, :slice_ids) AS p (estate_id, slice_id) JOIN public.estate e ON e.id = p.estate_id
), estate AS MATERIALIZED (  -- so that the late fee looks at the rates of these only
  SELECT * FROM public.estate WHERE id = ANY (:estate_ids)
), place AS (
  SELECT estate_id FROM piece
), {_OLDEST}, {RUNGS}, {_DUE}, subject AS (
  SELECT household_id FROM due WHERE NOT held AND days > 0
), {LATE_FEE}, fee AS (
  SELECT household_id, sum(due_fen)::bigint AS fen FROM late_fee
  WHERE bill_id NOT IN (SELECT id FROM disputed) GROUP BY household_id
), told AS MATERIALIZED (
  SELECT household_id, d.bill_id, d.estate_id, d.fen AS overdue_fen, COALESCE(fee.fen, 0) AS late_fee_fen,
         d.days AS overdue_days, d.due_date, :as_of + d.deadline_days AS deadline, d.position, d.code AS step, d.kind,
         d.template, d.channels, d.household, d.building
  FROM (SELECT * FROM due WHERE NOT held) d FULL JOIN fee USING (household_id)
), taken AS (
  INSERT INTO dunning_action (household_id, bill_id, slice_id, overdue_fen, late_fee_fen, estate_id, overdue_days,
                              as_of, due_date, deadline, position, step)
  SELECT household_id, bill_id, (:slice_ids)[array_position(:estate_ids, estate_id)], overdue_fen, late_fee_fen,
         estate_id, overdue_days, :as_of, due_date, deadline, position, step
  FROM told
), steward AS (
  SELECT DISTINCT ON (estate_id, building) estate_id, building, staff_code FROM stewardship
  WHERE estate_id = ANY (:estate_ids) AND (to_date IS NULL OR to_date >= :as_of)
  ORDER BY estate_id, building, from_date
), item AS (
  SELECT t.*, w.staff_code AS steward, 'dunning:' || t.household || ':' || t.bill_id || ':' || t.step AS cause,
         (row_number() OVER (PARTITION BY t.estate_id ORDER BY t.household_id) - 1) / :batch AS batch
  FROM told t LEFT JOIN steward w ON w.estate_id = t.estate_id AND w.building = t.building
), batch AS (
  SELECT i.estate_id, i.batch, json_agg(said ORDER BY i.household_id) AS items
  FROM item i CROSS JOIN LATERAL (
    SELECT i.household, i.building, i.cause, i.step, i.kind, i.template, i.channels, i.steward, i.due_date,
           i.overdue_days, i.overdue_fen, i.late_fee_fen, i.deadline) said
  GROUP BY i.estate_id, i.batch
), event AS (
  INSERT INTO outbox (event_id, event, version, source, aggregate, data, occurred_at, trace_id, exchange, routing_key,
                      due_at)
  SELECT gen_random_uuid(), :event, :version, :source, 'estate:' || p.estate,
         json_build_object('sweep_id', :sweep_id, 'estate', p.estate, 'as_of', :as_of, 'items', b.items),
         :now, :trace_id, :exchange, :event, :now
  FROM batch b JOIN piece p USING (estate_id) ORDER BY b.estate_id, b.batch
)
UPDATE dunning_sweep_slice s SET finished_at = :now, actions = done.actions, held = done.held
FROM (
  SELECT p.slice_id, COALESCE(max(d.actions), 0) AS actions, COALESCE(max(d.held), 0) AS held
  FROM piece p LEFT JOIN (
    SELECT estate_id, count(*) FILTER (WHERE NOT held) AS actions, count(*) FILTER (WHERE held) AS held
    FROM due GROUP BY estate_id) d USING (estate_id)
  GROUP BY p.slice_id) done
WHERE s.id = done.slice_id
RETURNING s.estate_id, s.actions, s.held
"""

# Long to read and to plan: a connection prepares it once.
SWEEP = Prepared(
    "sweep_slices",
    _SWEEP,
    {
        "slice_ids": "bigint[]", "estate_ids": "integer[]", "as_of": "date", "past": "boolean", "sweep_id": "uuid",
        "batch": "integer", "event": "text", "version": "integer", "source": "text", "trace_id": "text",
        "exchange": "text", "now": "timestamptz",
    },
)  # fmt: skip
