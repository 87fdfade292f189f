"""SQL of a sweep: the slices of some estates as one statement, `rules.due_step` in SQL (D1, D3, decision 5).

For each household its oldest open bill that nobody disputes, or without one the oldest whose late fee was left alone;
for that bill the rung that is due, and then, if the claim is worth it, what the household is told: an action and its
part of an event. Households that owe nothing are not looked at, those without a rung to take drop out in `wanting`,
before anything is asked about their past.

The planner cannot know how many rows a part has and thinks of few, so large parts meet by index or on equal columns
only. Fees meet their households in a FULL JOIN, which is never a nested loop; nobody has a fee who is not told of it,
so it is a LEFT JOIN in effect, and so with steps, with the bills the words name and with stewards, who fall out where
nobody is told, having no estate. For the same reason actions are looked up behind an OFFSET 0, household by household.
"""

from services.billing.collections.dunning.ladder_sql import ABSENT, REACH, RUNGS, covered_until, left_out
from services.billing.holds.tables import stands_on
from services.billing.portfolio.stewards.tables import in_office
from services.billing.receivables.late_fee.sql import TERMS, chain, is_unmoved, moved_fees, unmoved_fees
from services.billing.receivables.ledger.sql import open_bill
from services.common.prepared import Prepared

# In place of null: no rung counts, and a bill that never was out of sight.
_NONE, _NEVER = -99_999, -999_999_999

# Open bills that a rung may reach or that accrue a late fee, read once for both. `fen` of the first bill is what a
# notice states: all that is overdue, or before the due date all that falls due with it; to the window all overdue bills
# are peers. Of a late fee left alone there is no principal. `several`: the claim may be for more bills than
# this one; only then they are looked at again, for what the words name.
_OLDEST = f"""open_bill AS MATERIALIZED (
  SELECT household_id, id, due_date, estate_id, building, amount_fen, paid_fen, waived_fen, voided_at, late_fee_apart,
         disputed_at, unit_id, fee_item, {is_unmoved("b")} AS unmoved
  FROM bill b WHERE estate_id = ANY (:estate_ids) AND {open_bill("b")}
    AND due_date <= :as_of - {REACH}
), disputed AS MATERIALIZED (
  SELECT id FROM open_bill WHERE disputed_at IS NOT NULL
), alone AS MATERIALIZED (
  SELECT b.household_id, b.id AS bill_id, b.due_date, b.estate_id, b.building, b.unit_id, b.fee_item
  FROM late_fee_left f JOIN household h ON h.id = f.household_id AND h.estate_id = ANY (:estate_ids)
  JOIN bill b ON b.id = f.bill_id AND b.voided_at IS NULL AND NOT ({open_bill("b")}) AND b.disputed_at IS NULL
  WHERE b.due_date < :as_of
    AND b.household_id NOT IN (SELECT household_id FROM open_bill WHERE disputed_at IS NULL)
), oldest AS (
  SELECT DISTINCT ON (household_id) household_id, bill_id, due_date, estate_id, building, unit_id, fee_item, fen,
         fen IS DISTINCT FROM own_fen AS several
  FROM (
    SELECT household_id, id AS bill_id, due_date, estate_id, building, unit_id, fee_item,
           amount_fen - paid_fen - waived_fen AS own_fen, (sum(amount_fen - paid_fen - waived_fen) OVER (
             PARTITION BY household_id ORDER BY greatest(due_date, :as_of - 1)))::bigint AS fen
    FROM open_bill WHERE disputed_at IS NULL
    UNION ALL
    SELECT household_id, bill_id, due_date, estate_id, building, unit_id, fee_item, NULL, 0 FROM alone) claimable
  ORDER BY household_id, due_date, bill_id
), owing AS MATERIALIZED (
  SELECT o.*, h.code AS household, h.arrears_cause AS cause, h.credit_fen
  FROM oldest o JOIN household h ON h.id = o.household_id
), cause AS (
  SELECT DISTINCT cause FROM owing
)"""

# Households stand alike when the rule cannot tell them apart, and most do: it is asked once for all of them. For that
# nothing in `wanting` is null: no rung is 'none above', and what never was is a day before all days. `urged_day` is
# that of the last rung of escalation for whichever bill, `spoken_day` of the last that counts for this one.
_DUE = f"""past AS MATERIALIZED (
  SELECT o.household_id, max(r.position) FILTER (WHERE c.counts) AS above, max(a.as_of) AS last_on,
         max(a.as_of) FILTER (WHERE r.escalates IS NOT FALSE) AS urged_on,
         max(a.as_of) FILTER (WHERE c.counts AND r.escalates IS NOT FALSE) AS spoken_on,
         array_agg(a.step) FILTER (WHERE c.counts AND (a.deadline IS NULL OR a.deadline < :as_of)) AS told
  FROM owing o JOIN own ON own.estate_id = o.estate_id
  CROSS JOIN LATERAL (SELECT * FROM dunning_action WHERE household_id = o.household_id OFFSET 0) a
  LEFT JOIN rung r ON r.ladder = own.ladder AND r.cause = o.cause AND r.code = a.step
  CROSS JOIN LATERAL (SELECT a.bill_id = o.bill_id OR (
    r.code IS NOT NULL AND a.as_of - o.due_date >= r.earliest_day AND NOT {left_out("a", "o")}) AS counts) c
  GROUP BY o.household_id
), wanting AS (
  SELECT s.* FROM (
    SELECT o.*, own.ladder, own.gap_days, own.small_amount_fen, :as_of - o.due_date AS days,
           COALESCE(past.above, {_NONE}) AS above, past.last_on,
           COALESCE(past.urged_on - o.due_date, {_NEVER}) AS urged_day,
           COALESCE(past.spoken_on - o.due_date, {_NEVER}) AS spoken_day,
           COALESCE(past.told, '{{}}') AS told
    FROM owing o JOIN own ON own.estate_id = o.estate_id FULL JOIN past ON past.household_id = o.household_id) s
  WHERE last_on IS NULL OR last_on < :as_of AND EXISTS (
    SELECT FROM rung r
    WHERE r.ladder = s.ladder AND r.cause = s.cause AND r.position > s.above
      AND r.earliest_day <= s.days AND (r.escalates OR r.latest_day IS NULL OR s.days <= r.latest_day))
), absent AS MATERIALIZED (
  {ABSENT}
), seen AS MATERIALIZED (
  SELECT o.*, COALESCE(CASE WHEN o.last_on IS NOT NULL OR o.bill_id IN (SELECT bill_id FROM absent)
                            THEN {covered_until("o")} END - o.due_date, {_NEVER}) AS covered_day
  FROM wanting o
), alike AS MATERIALIZED (
  SELECT o.*, step.*, :as_of + step.deadline_days AS deadline,
    concat(',"step":', to_json(step.code), ',"kind":', to_json(step.kind), ',"template":', to_json(step.template),
           ',"channels":', step.channels, ',"due_date":', to_json(:as_of - o.days), ',"overdue_days":', o.days,
           ',"deadline":', COALESCE(to_json(:as_of + step.deadline_days)::text, 'null')) AS said
  FROM (SELECT DISTINCT ladder, gap_days, cause, days, above, told, urged_day, spoken_day, covered_day FROM seen) o
  CROSS JOIN LATERAL (
    SELECT r.code, r.position, r.kind, r.template, r.channels, r.deadline_days, r.escalates, apart.days AS apart
    FROM rung r CROSS JOIN LATERAL (SELECT greatest(r.gap_days, o.gap_days) AS days) apart
    WHERE r.ladder = o.ladder AND r.cause = o.cause AND r.position > o.above AND r.earliest_day <= o.days
      AND (r.latest_day IS NULL OR o.days <= r.latest_day OR r.escalates AND (
        o.spoken_day = {_NEVER} OR o.spoken_day + apart.days > r.latest_day OR o.covered_day >= r.first_day))
      AND (cardinality(r.after) = 0 OR r.after <@ o.told)
    ORDER BY r.position LIMIT 1) step
  WHERE NOT step.escalates OR o.days - o.urged_day >= step.apart
), due AS MATERIALIZED (
  SELECT o.*, o.escalates AND EXISTS (
    SELECT FROM dunning_hold h WHERE h.household_id = o.household_id AND {stands_on("h", ":as_of")}) AS held
  FROM (
    SELECT household_id, bill_id, estate_id, building, household, fen, credit_fen, small_amount_fen, days, due_date,
           unit_id, fee_item, several, s.deadline, s.position, s.code, s.said, s.escalates
    FROM seen FULL JOIN alike s USING (ladder, gap_days, cause, days, above, told, urged_day, spoken_day, covered_day)
    OFFSET 0) o
  WHERE o.code IS NOT NULL
)"""

# What is open and overdue of those who are told; and what is settled and left a late fee behind.
_ACCRUING = f"""
  SELECT id, household_id, estate_id, due_date, amount_fen, paid_fen, waived_fen, voided_at, late_fee_apart, unmoved
  FROM open_bill WHERE household_id IN (SELECT household_id FROM subject)
  UNION ALL
  SELECT b.id, b.household_id, b.estate_id, b.due_date, b.amount_fen, b.paid_fen, b.waived_fen, b.voided_at,
         b.late_fee_apart, false
  FROM subject s JOIN late_fee_left f USING (household_id)
  JOIN bill b ON b.id = f.bill_id AND b.voided_at IS NULL AND NOT ({open_bill("b")}) AND b.disputed_at IS NULL"""
# With constants in place of what `unmoved` says the planner does not think that hardly any bill is left.
_UNMOVED_FEES = """(SELECT id, household_id, estate_id, due_date, amount_fen, 0 AS paid_fen, 0 AS waived_fen,
                      false AS late_fee_apart FROM late_candidate WHERE unmoved) b"""
_TERMS = "late_terms"
_MOVED_FEES = moved_fees("late_candidate b", "NOT b.unmoved", _TERMS, entries="MATERIALIZED")

_SWEEP = f"""
WITH piece AS MATERIALIZED (
  SELECT e.id AS estate_id, e.code AS estate, p.slice_id
  FROM unnest(:estate_ids, :slice_ids) AS p (estate_id, slice_id) JOIN public.estate e ON e.id = p.estate_id
), estate AS MATERIALIZED (  -- so that the late fee looks at the rates of these only
  SELECT * FROM public.estate WHERE id = ANY (:estate_ids)
), place AS (
  SELECT estate_id FROM piece
), {_OLDEST}, {RUNGS}, {_DUE}, subject AS MATERIALIZED (
  SELECT household_id FROM due WHERE days > 0
), {TERMS}, {chain(_ACCRUING)}, fee AS (
  SELECT household_id, sum(fen)::bigint AS fen FROM (
    SELECT bill_id, household_id, due_fen AS fen FROM late_counted
    UNION ALL
    SELECT id, household_id, fee_fen FROM ({unmoved_fees(_UNMOVED_FEES, "true", _TERMS)}) unmoved
    UNION ALL
    SELECT id, household_id, fee_fen FROM ({_MOVED_FEES}) moved
  ) accrued WHERE bill_id NOT IN (SELECT id FROM disputed) GROUP BY household_id
), claimed AS MATERIALIZED (
  SELECT * FROM (
    SELECT household_id, d.bill_id, d.estate_id, d.fen AS overdue_fen, COALESCE(fee.fen, 0) AS late_fee_fen,
           d.credit_fen, d.small_amount_fen, d.days AS overdue_days, d.due_date, d.deadline, d.position,
           d.code AS step, d.said, d.household, d.building, d.unit_id, d.fee_item, d.several, d.held
    FROM due d FULL JOIN fee USING (household_id) OFFSET 0) claim
  WHERE overdue_fen + late_fee_fen - credit_fen > small_amount_fen
), told AS NOT MATERIALIZED (
  SELECT * FROM claimed WHERE NOT held
), taken AS (
  INSERT INTO dunning_action (household_id, bill_id, slice_id, overdue_fen, late_fee_fen, estate_id, overdue_days,
                              as_of, due_date, deadline, position, step)
  SELECT household_id, bill_id, (:slice_ids)[array_position(:estate_ids, estate_id)], overdue_fen, late_fee_fen,
         estate_id, overdue_days, :as_of, due_date, deadline, position, step
  FROM told
), bill_told AS (
  SELECT household_id, fee_item, unit_id FROM (
    SELECT household_id, t.until, b.due_date, b.fee_item, b.unit_id
    FROM (SELECT household_id, greatest(due_date, :as_of - 1) AS until FROM told WHERE several) t FULL JOIN (
      SELECT household_id, due_date, fee_item, unit_id FROM open_bill WHERE disputed_at IS NULL
      UNION ALL
      SELECT household_id, due_date, fee_item, unit_id FROM alone) b USING (household_id) OFFSET 0) claimable
  WHERE due_date <= until
), named AS MATERIALIZED (
  SELECT b.household_id, to_json(array_agg(DISTINCT b.fee_item))::text AS fee_items,
         to_json(array_agg(DISTINCT u.code))::text AS units
  FROM bill_told b JOIN unit u ON u.id = b.unit_id GROUP BY b.household_id
), worded AS (
  SELECT t.*, n.fee_items, n.units
  FROM (SELECT * FROM told WHERE several) t FULL JOIN named n USING (household_id)
  UNION ALL
  SELECT t.*, concat('[', to_json(t.fee_item), ']'), concat('[', to_json(u.code), ']')
  FROM told t LEFT JOIN unit u ON u.id = t.unit_id WHERE NOT several
), steward AS (
  SELECT estate_id, building, to_json(staff_code)::text AS steward FROM stewardship w
  WHERE estate_id = ANY (:estate_ids) AND {in_office("w", ":as_of")}
), item AS (
  SELECT t.estate_id, array_agg(concat(
    '{{"household":', to_json(t.household), ',"building":', to_json(t.building),
    ',"cause":', to_json('dunning:' || t.household || ':' || t.bill_id || ':' || t.step), t.said,
    ',"overdue_fen":', t.overdue_fen, ',"late_fee_fen":', t.late_fee_fen, ',"credit_fen":', t.credit_fen,
    ',"fee_items":', t.fee_items, ',"units":', t.units,
    ',"steward":', COALESCE(w.steward, 'null'), '}}')) AS said
  FROM worded t FULL JOIN steward w ON w.estate_id = t.estate_id AND w.building = t.building
  GROUP BY t.estate_id
), event AS (
  INSERT INTO outbox (event_id, event, version, source, aggregate, data, occurred_at, trace_id, exchange, routing_key,
                      due_at)
  SELECT gen_random_uuid(), :event, :version, :source, 'estate:' || p.estate,
         json_build_object('sweep_id', :sweep_id, 'estate', p.estate, 'as_of', :as_of, 'items',
           CAST('[' || array_to_string(i.said[n : n + :batch - 1], ',') || ']' AS json)),
         :now, :trace_id, :exchange, :event, :now
  FROM item i JOIN piece p USING (estate_id) CROSS JOIN LATERAL generate_series(1, cardinality(i.said), :batch) AS n
)
UPDATE dunning_sweep_slice s SET finished_at = :now, actions = done.actions, held = done.held
FROM (
  SELECT p.slice_id, COALESCE(max(d.actions), 0) AS actions, COALESCE(max(d.held), 0) AS held
  FROM piece p LEFT JOIN (
    SELECT estate_id, count(*) FILTER (WHERE NOT held) AS actions, count(*) FILTER (WHERE held) AS held
    FROM claimed GROUP BY estate_id) d USING (estate_id)
  GROUP BY p.slice_id) done
WHERE s.id = done.slice_id
RETURNING s.estate_id, s.actions, s.held
"""

# Long to read and to plan: a connection prepares it once.
SWEEP = Prepared(
    "sweep_slices",
    _SWEEP,
    {
        "slice_ids": "bigint[]", "estate_ids": "integer[]", "as_of": "date", "sweep_id": "uuid",
        "batch": "integer", "event": "text", "version": "integer", "source": "text", "trace_id": "text",
        "exchange": "text", "now": "timestamptz",
    },
)  # fmt: skip
