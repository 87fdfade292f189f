-- Which household is due which step of its ladder on a day? Takes the steps, and says who is to be written to.
-- Parameters: slice_ids bigint[], estate_ids integer[], as_of date, sweep_id uuid, batch integer, event text, version
-- integer, source text, trace_id text, exchange text, now timestamptz. Prepared as sweep_slices.
-- Product: D1, D2, D3.
-- collections.dunning.sweep_sql.SWEEP, services/billing/collections/dunning/sweep_sql.py. Written by `make schemas`.
WITH piece AS MATERIALIZED (
  SELECT e.id AS estate_id, e.code AS estate, p.slice_id
  FROM unnest(:estate_ids, :slice_ids) AS p (estate_id, slice_id) JOIN public.estate e ON e.id = p.estate_id
), estate AS MATERIALIZED (  -- so that the late fee looks at the rates of these only
  SELECT * FROM public.estate WHERE id = ANY (:estate_ids)
), place AS (
  SELECT estate_id FROM piece
), open_bill AS MATERIALIZED (
  SELECT household_id, id, due_date, estate_id, building, amount_fen, paid_fen, waived_fen, voided_at, late_fee_apart,
         disputed_at, unit_id, fee_item, NOT b.late_fee_apart AND b.paid_fen = 0 AND b.waived_fen = 0 AS unmoved
  FROM bill b WHERE estate_id = ANY (:estate_ids) AND b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen
    AND due_date <= :as_of - (SELECT least(0, (SELECT min(earliest_day) FROM dunning_step),
                   (SELECT min(earliest_day) FROM dunning_track)))
), disputed AS MATERIALIZED (
  SELECT id FROM open_bill WHERE disputed_at IS NOT NULL
), alone AS MATERIALIZED (
  SELECT b.household_id, b.id AS bill_id, b.due_date, b.estate_id, b.building, b.unit_id, b.fee_item
  FROM late_fee_left f JOIN household h ON h.id = f.household_id AND h.estate_id = ANY (:estate_ids)
  JOIN bill b ON b.id = f.bill_id AND b.voided_at IS NULL AND NOT (b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen) AND b.disputed_at IS NULL
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
), own AS MATERIALIZED (
  SELECT p.estate_id, (SELECT max(s.estate_id) FROM dunning_step s WHERE s.estate_id IN (p.estate_id, 0)) AS ladder,
         d.small_amount_fen, d.gap_days
  FROM place p CROSS JOIN LATERAL (SELECT * FROM dunning_policy WHERE estate_id IN (p.estate_id, 0) ORDER BY estate_id DESC LIMIT 1) d
), rung AS MATERIALIZED (
  SELECT *, 'no_hold' = ANY (requires) AS escalates,
    ARRAY(SELECT substr(name, 7) FROM unnest(requires) AS name WHERE starts_with(name, 'after:')) AS after,
    min(earliest_day) FILTER (WHERE 'no_hold' = ANY (requires)) OVER (PARTITION BY ladder, cause) AS first_day
  FROM (
    SELECT s.estate_id AS ladder, c.cause, COALESCE(t.code, s.code) AS code, s.position,
      COALESCE(t.earliest_day, s.earliest_day) AS earliest_day, COALESCE(t.latest_day, s.latest_day) AS latest_day,
      COALESCE(t.kind, s.kind) AS kind, to_json(COALESCE(t.channels, s.channels)) AS channels,
      COALESCE(t.template, s.template) AS template, COALESCE(t.requires, s.requires) AS requires,
      COALESCE(t.deadline_days, s.deadline_days) AS deadline_days, COALESCE(t.gap_days, s.gap_days) AS gap_days
    FROM dunning_step s CROSS JOIN cause c LEFT JOIN dunning_track t ON t.cause = c.cause AND t.replaces = s.code
    WHERE s.estate_id IN (SELECT ladder FROM own) AND (t.replaces IS NULL OR t.code IS NOT NULL)
  ) laid
), past AS MATERIALIZED (
  SELECT o.household_id, max(r.position) FILTER (WHERE c.counts) AS above, max(a.as_of) AS last_on,
         max(a.as_of) FILTER (WHERE r.escalates IS NOT FALSE) AS urged_on,
         max(a.as_of) FILTER (WHERE c.counts AND r.escalates IS NOT FALSE) AS spoken_on,
         array_agg(a.step) FILTER (WHERE c.counts AND (a.deadline IS NULL OR a.deadline < :as_of)) AS told
  FROM owing o JOIN own ON own.estate_id = o.estate_id
  CROSS JOIN LATERAL (SELECT * FROM dunning_action WHERE household_id = o.household_id OFFSET 0) a
  LEFT JOIN rung r ON r.ladder = own.ladder AND r.cause = o.cause AND r.code = a.step
  CROSS JOIN LATERAL (SELECT a.bill_id = o.bill_id OR (
    r.code IS NOT NULL AND a.as_of - o.due_date >= r.earliest_day AND NOT EXISTS (
  SELECT FROM dunning_sweep_slice s WHERE s.id = a.slice_id AND (EXISTS (
      SELECT FROM bill_dispute d WHERE d.bill_id = o.bill_id AND s.finished_at >= d.opened_at
        AND (d.settled_at IS NULL OR s.finished_at < d.settled_at))
    OR s.finished_at < (SELECT min(e.created_at) FROM ledger_entry e JOIN bill n ON n.id = e.bill_id
                        WHERE e.bill_id = o.bill_id AND n.reissue_of IS NULL)))) AS counts) c
  GROUP BY o.household_id
), wanting AS (
  SELECT s.* FROM (
    SELECT o.*, own.ladder, own.gap_days, own.small_amount_fen, :as_of - o.due_date AS days,
           COALESCE(past.above, -99999) AS above, past.last_on,
           COALESCE(past.urged_on - o.due_date, -999999999) AS urged_day,
           COALESCE(past.spoken_on - o.due_date, -999999999) AS spoken_day,
           COALESCE(past.told, '{}') AS told
    FROM owing o JOIN own ON own.estate_id = o.estate_id FULL JOIN past ON past.household_id = o.household_id) s
  WHERE last_on IS NULL OR last_on < :as_of AND EXISTS (
    SELECT FROM rung r
    WHERE r.ladder = s.ladder AND r.cause = s.cause AND r.position > s.above
      AND r.earliest_day <= s.days AND (r.escalates OR r.latest_day IS NULL OR s.days <= r.latest_day))
), absent AS MATERIALIZED (
  SELECT bill_id FROM ledger_entry
  WHERE estate_id IN (SELECT estate_id FROM place) AND ledger_entry.debit_account = 'receivable' AND ledger_entry.credit_account NOT IN ('fee_income', 'opening_equity')
  UNION ALL SELECT bill_id FROM bill_dispute WHERE settled_at IS NOT NULL
), seen AS MATERIALIZED (
  SELECT o.*, COALESCE(CASE WHEN o.last_on IS NOT NULL OR o.bill_id IN (SELECT bill_id FROM absent)
                            THEN GREATEST(
  (SELECT max(GREATEST(a.as_of, (SELECT w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
  WHERE s.estate_id = o.estate_id AND s.finished_at < COALESCE(older.disputed_at, older.voided_at,
  (SELECT max(e.created_at) FROM ledger_entry e WHERE e.bill_id = older.id AND e.credit_account = 'receivable'))  ORDER BY s.finished_at DESC LIMIT 1)))
   FROM dunning_action a JOIN bill older ON older.id = a.bill_id
   WHERE a.household_id = o.household_id AND (a.due_date, a.bill_id) < (o.due_date, o.bill_id)),
  (SELECT max((SELECT w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
  WHERE s.estate_id = o.estate_id AND s.finished_at < d.settled_at AND s.finished_at >= d.opened_at ORDER BY s.finished_at DESC LIMIT 1))
   FROM bill_dispute d WHERE d.bill_id = o.bill_id AND d.settled_at IS NOT NULL),
  (SELECT max((SELECT w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
  WHERE s.estate_id = o.estate_id AND s.finished_at < e.created_at  ORDER BY s.finished_at DESC LIMIT 1))
   FROM ledger_entry e
   WHERE e.estate_id = o.estate_id AND e.bill_id = o.bill_id AND e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity')
     AND (SELECT sum(CASE m.debit_account WHEN 'receivable' THEN m.amount_fen ELSE -m.amount_fen END)
      FROM ledger_entry m
      WHERE m.bill_id = e.bill_id AND m.id < e.id
        AND 'receivable' IN (m.debit_account, m.credit_account)) = 0)) END - o.due_date, -999999999) AS covered_day
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
        o.spoken_day = -999999999 OR o.spoken_day + apart.days > r.latest_day OR o.covered_day >= r.first_day))
      AND (cardinality(r.after) = 0 OR r.after <@ o.told)
    ORDER BY r.position LIMIT 1) step
  WHERE NOT step.escalates OR o.days - o.urged_day >= step.apart
), due AS MATERIALIZED (
  SELECT o.*, o.escalates AND EXISTS (
    SELECT FROM dunning_hold h WHERE h.household_id = o.household_id AND h.since IS NOT NULL AND NOT h.ended AND (h.released_at IS NULL OR h.released_at < h.since) AND (h.until IS NULL OR h.until >= :as_of)) AS held
  FROM (
    SELECT household_id, bill_id, estate_id, building, household, fen, credit_fen, small_amount_fen, days, due_date,
           unit_id, fee_item, several, s.deadline, s.position, s.code, s.said, s.escalates
    FROM seen FULL JOIN alike s USING (ladder, gap_days, cause, days, above, told, urged_day, spoken_day, covered_day)
    OFFSET 0) o
  WHERE o.code IS NOT NULL
), subject AS MATERIALIZED (
  SELECT household_id FROM due WHERE days > 0
), 
policy_version AS (
  SELECT v.*, CASE WHEN lag(v.effective_from) OVER by_day IS NULL THEN DATE '1000-01-01'
              ELSE v.effective_from - 0 END AS from_on,
         COALESCE(lead(v.effective_from) OVER by_day - 0, DATE '9999-12-31') AS to_on
  FROM collection_policy v WINDOW by_day AS (PARTITION BY v.estate_id ORDER BY v.effective_from)
), rate_version AS (
  SELECT v.*, CASE WHEN lag(v.effective_from) OVER by_day IS NULL THEN DATE '1000-01-01'
              ELSE v.effective_from - 1 END AS from_on,
         COALESCE(lead(v.effective_from) OVER by_day - 1, DATE '9999-12-31') AS to_on
  FROM late_fee_rate v WINDOW by_day AS (PARTITION BY v.estate_id ORDER BY v.effective_from)
), late_policy AS (
  SELECT e.id AS estate_id, COALESCE(o.late_fee_capped, g.late_fee_capped) AS capped,
         COALESCE(o.grace_days, g.grace_days) AS grace_days,
         CASE COALESCE(o.grace_mode, g.grace_mode) WHEN 'from_due' THEN 0 ELSE COALESCE(o.grace_days, g.grace_days)
              END AS start_after,
         greatest(o.from_on, g.from_on) AS terms_from, least(o.to_on, g.to_on) AS terms_to
  FROM estate e JOIN policy_version g ON g.estate_id = 0
  LEFT JOIN policy_version o ON o.estate_id = e.id AND o.from_on < g.to_on AND o.to_on > g.from_on
), late_rate AS (
  SELECT e.id AS estate_id, greatest(o.from_on, g.from_on) AS from_on, least(o.to_on, g.to_on) AS to_on,
         greatest(o.from_on, g.from_on, CASE WHEN o.daily IS NULL THEN g.effective_from ELSE o.effective_from END - 1)
           AS since_on,
         CASE WHEN COALESCE(e.late_fee_clause, '') = '' THEN 0
              ELSE (COALESCE(o.daily, g.daily) * 100000000)::bigint END AS e8
  FROM estate e JOIN rate_version g ON g.estate_id = 0
  LEFT JOIN rate_version o ON o.estate_id = e.id AND o.from_on < g.to_on AND o.to_on > g.from_on
), late_sum AS (
  SELECT r.*, sum(r.e8 * greatest(0, least(r.to_on, :as_of) - r.since_on)) OVER (
           PARTITION BY r.estate_id ORDER BY r.from_on DESC ROWS UNBOUNDED PRECEDING) AS most
  FROM late_rate r
), late_terms AS (
  SELECT p.estate_id, p.terms_from, p.grace_days, p.start_after, r.since_on, r.from_on, r.to_on, r.e8,
         greatest(r.from_on - p.start_after, p.terms_from) AS due_from,
         least(r.to_on - p.start_after, CAST(:as_of AS date) - p.grace_days, p.terms_to) AS due_to,
         (r.most + r.e8 * (r.since_on - DATE '2000-01-01'))::bigint AS sum_e8,
         (r.most + r.e8 * (r.since_on - p.start_after - DATE '2000-01-01'))::bigint AS due_e8,
         r.since_on - p.start_after AS due_since,
         CASE WHEN p.capped THEN 100000000 ELSE 9223372036854775807 END AS cap_e8,
         floor(9000000000000000000 / greatest(r.most, 100000000))::bigint AS largest_fen
  FROM late_policy p JOIN late_sum r USING (estate_id)
), 
late_candidate AS (
  SELECT id, household_id, estate_id, due_date, amount_fen, paid_fen, waived_fen, voided_at, late_fee_apart, unmoved
  FROM open_bill WHERE household_id IN (SELECT household_id FROM subject)
  UNION ALL
  SELECT b.id, b.household_id, b.estate_id, b.due_date, b.amount_fen, b.paid_fen, b.waived_fen, b.voided_at,
         b.late_fee_apart, false
  FROM subject s JOIN late_fee_left f USING (household_id)
  JOIN bill b ON b.id = f.bill_id AND b.voided_at IS NULL AND NOT (b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen) AND b.disputed_at IS NULL
), late_bill AS (
  SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.due_date + p.grace_days AS free_until,
         b.due_date + p.start_after AS start_on, p.capped
  FROM late_candidate b JOIN late_policy p ON p.estate_id = b.estate_id
    AND b.due_date >= p.terms_from AND b.due_date < p.terms_to
  WHERE b.voided_at IS NULL AND b.late_fee_apart AND b.due_date + p.grace_days < :as_of
), late_principal AS (
  SELECT b.id, b.estate_id, greatest(0, b.amount_fen + COALESCE((
    SELECT sum(CASE WHEN e.credit_account = 'receivable' THEN -e.amount_fen ELSE e.amount_fen END) FROM ledger_entry e WHERE e.bill_id = b.id AND (e.credit_account = 'receivable'
         OR e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity')) AND CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END <= :as_of
  ), 0))::bigint AS principal_fen
  FROM late_bill b
), late_freeze AS (
  SELECT DISTINCT b.id AS bill_id, s.plan_id, p.signed_on AS start_on, COALESCE(s.frozen_to, :as_of) AS end_on,
         s.status IN ('broken', 'cancelled') AS restored
  FROM late_bill b JOIN instalment_plan_part x ON x.bill_id = b.id JOIN instalment_plan p ON p.id = x.plan_id
  JOIN LATERAL (SELECT s.* FROM instalment_plan_standing s WHERE s.plan_id = p.id AND s.from_on <= :as_of
                ORDER BY s.from_on DESC LIMIT 1) s ON true
  WHERE COALESCE(s.frozen_to, :as_of) > p.signed_on
), late_point AS (
  SELECT id AS bill_id, household_id, estate_id, capped, amount_fen, start_on AS on_day,
         amount_fen AS delta
  FROM late_bill WHERE id NOT IN (SELECT bill_id FROM late_freeze)
  UNION ALL
  SELECT b.id, b.household_id, b.estate_id, b.capped, b.amount_fen,
         CASE WHEN CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END <= b.free_until THEN b.start_on ELSE CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END END, CASE WHEN e.credit_account = 'receivable' THEN -e.amount_fen ELSE e.amount_fen END
  FROM late_bill b JOIN ledger_entry e ON e.bill_id = b.id
  WHERE b.id NOT IN (SELECT bill_id FROM late_freeze) AND (e.credit_account = 'receivable'
         OR e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity')) AND CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END < :as_of
), late_segment AS (
  SELECT bill_id, household_id, estate_id, capped, amount_fen, on_day,
         lead(on_day, 1, CAST(:as_of AS date)) OVER by_day AS until,
         greatest(0, sum(delta) OVER by_day)::bigint AS balance
  FROM late_point WINDOW by_day AS (PARTITION BY bill_id ORDER BY on_day)
  UNION ALL
  SELECT b.id, b.household_id, b.estate_id, b.capped, b.amount_fen, c.on_day, c.until,
         CASE WHEN f.plan_id IS NULL THEN o.fen
              ELSE least(o.fen, f.remains + least(f.missed, greatest(0, o.fen - f.remains))) END
  FROM (SELECT * FROM late_bill WHERE id IN (SELECT bill_id FROM late_freeze)) b
  CROSS JOIN LATERAL (
    SELECT COALESCE(array_agg(CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END), '{}') AS days, COALESCE(array_agg(CASE WHEN e.credit_account = 'receivable' THEN -e.amount_fen ELSE e.amount_fen END), '{}') AS fens
    FROM ledger_entry e WHERE e.bill_id = b.id AND (e.credit_account = 'receivable'
         OR e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity')) AND CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END <= :as_of
  ) m
  CROSS JOIN LATERAL (
    SELECT day AS on_day, lead(day, 1, CAST(:as_of AS date)) OVER (ORDER BY day) AS until FROM (
      SELECT b.start_on AS day
      UNION SELECT day FROM unnest(m.days) day WHERE day > b.free_until
      UNION SELECT start_on FROM late_freeze WHERE bill_id = b.id
      UNION SELECT end_on FROM late_freeze WHERE bill_id = b.id
      UNION SELECT x.due_date FROM late_freeze z JOIN instalment_plan_part x USING (plan_id, bill_id)
            WHERE z.bill_id = b.id
    ) cut WHERE day >= b.start_on AND day < :as_of
  ) c
  CROSS JOIN LATERAL (
    SELECT greatest(0, b.amount_fen + COALESCE(sum(fen), 0))::bigint AS fen FROM unnest(m.days, m.fens) AS v(day, fen)
    WHERE day <= greatest(c.on_day, b.free_until)
  ) o
  LEFT JOIN LATERAL (
    SELECT z.plan_id,
      CASE WHEN z.restored THEN (
        SELECT greatest(0, b.amount_fen + COALESCE(sum(fen), 0))::bigint FROM unnest(m.days, m.fens) AS v(day, fen)
        WHERE day <= greatest(z.end_on, b.free_until)) ELSE 0 END AS remains,
      greatest(0, COALESCE((SELECT sum(x.amount_fen) FROM instalment_plan_part x
                            WHERE x.plan_id = z.plan_id AND x.bill_id = b.id AND x.due_date <= c.on_day), 0)
        + COALESCE((SELECT sum(fen) FROM unnest(m.days, m.fens) AS v(day, fen)
                    WHERE day > z.start_on AND day <= c.on_day), 0))::bigint AS missed
    FROM late_freeze z WHERE z.bill_id = b.id AND z.start_on <= c.on_day AND c.until <= z.end_on
    ORDER BY z.start_on LIMIT 1
  ) f ON true
), late_accrued AS (
  SELECT s.bill_id, s.household_id, s.estate_id,
         least(CASE WHEN s.capped THEN s.amount_fen END,
               round(sum(s.balance::numeric * r.e8
                         * greatest(0, least(s.until, r.to_on) - greatest(s.on_day, r.since_on)))
                     * 0.00000001))::bigint AS accrued_fen
  FROM late_segment s
  JOIN late_rate r ON r.estate_id = s.estate_id AND r.from_on < s.until AND r.to_on > s.on_day
  WHERE s.balance > 0 AND s.until > s.on_day
  GROUP BY s.bill_id, s.household_id, s.estate_id, s.capped, s.amount_fen
), late_counted AS (
  SELECT a.*, greatest(0, a.accrued_fen - COALESCE((
      SELECT sum(CASE WHEN e.credit_account = 'late_fee_income' THEN e.amount_fen ELSE -e.amount_fen END)
      FROM ledger_entry e WHERE e.bill_id = a.bill_id AND COALESCE(e.value_on, e.booked_on) <= :as_of
        AND 'late_fee_income' IN (e.debit_account, e.credit_account)), 0))::bigint AS due_fen
  FROM late_accrued a
), fee AS (
  SELECT household_id, sum(fen)::bigint AS fen FROM (
    SELECT bill_id, household_id, due_fen AS fen FROM late_counted
    UNION ALL
    SELECT id, household_id, fee_fen FROM (SELECT b.id, b.household_id, b.estate_id, b.amount_fen AS principal_fen, CASE WHEN b.amount_fen < t.largest_fen THEN (b.amount_fen * least((t.due_e8 - t.e8 * (greatest(b.due_date, t.due_since) - DATE '2000-01-01')), t.cap_e8) + 50000000) / 100000000
            ELSE round(b.amount_fen::numeric * least((t.due_e8 - t.e8 * (greatest(b.due_date, t.due_since) - DATE '2000-01-01')), t.cap_e8) * 0.00000001)::bigint END AS fee_fen
  FROM (SELECT id, household_id, estate_id, due_date, amount_fen, 0 AS paid_fen, 0 AS waived_fen,
                      false AS late_fee_apart FROM late_candidate WHERE unmoved) b JOIN late_terms t ON t.estate_id = b.estate_id AND b.due_date >= t.due_from AND b.due_date < t.due_to WHERE NOT b.late_fee_apart AND b.paid_fen = 0 AND b.waived_fen = 0 AND true) unmoved
    UNION ALL
    SELECT id, household_id, fee_fen FROM (SELECT id, household_id, estate_id, amount_fen - settled_fen AS principal_fen,
       least(CASE WHEN cap_e8 = 100000000 THEN amount_fen END,
             CASE WHEN small THEN (amount_fen * rates_e8 - spared_e8 + 50000000) / 100000000
                  ELSE round((amount_fen::numeric * rates_e8 - spared_large_e8) * 0.00000001)::bigint END) AS fee_fen
  FROM (
    WITH entry AS MATERIALIZED (
      SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.due_date, e.amount_fen AS fen,
             CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END AS moved_on, e.amount_fen = b.paid_fen + b.waived_fen AS whole
      FROM late_candidate b LEFT JOIN ledger_entry e ON e.bill_id = b.id AND e.credit_account = 'receivable'
      WHERE NOT b.late_fee_apart AND (b.paid_fen > 0 OR b.waived_fen > 0) AND NOT b.unmoved OFFSET 0
    ), reduced AS MATERIALIZED (
      SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.whole, b.cap_e8, b.small, b.rates_e8,
             CASE WHEN b.small THEN b.fen * (r.sum_e8 - r.e8 * (greatest(b.day, r.since_on) - DATE '2000-01-01')) END AS spared_e8,
             CASE WHEN NOT b.small THEN b.fen::numeric * (r.sum_e8 - r.e8 * (greatest(b.day, r.since_on) - DATE '2000-01-01')) END AS spared_large_e8,
             CASE WHEN b.moved_on <= :as_of THEN b.fen ELSE 0 END AS settled_fen
      FROM (
        SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.fen, b.moved_on, b.whole,
               t.terms_from, t.cap_e8, b.amount_fen < t.largest_fen AS small, (t.due_e8 - t.e8 * (greatest(b.due_date, t.due_since) - DATE '2000-01-01')) AS rates_e8,
               least(:as_of, CASE WHEN b.moved_on <= b.due_date + t.grace_days THEN b.due_date + t.start_after
                                  ELSE b.moved_on END) AS day
        FROM entry b JOIN late_terms t ON t.estate_id = b.estate_id AND b.due_date >= t.due_from AND b.due_date < t.due_to OFFSET 0) b
      JOIN late_terms r ON r.estate_id = b.estate_id AND r.terms_from = b.terms_from
        AND b.day >= r.from_on AND b.day < r.to_on
    )
    SELECT id, household_id, estate_id, amount_fen, cap_e8, small, rates_e8, spared_e8, spared_large_e8, settled_fen
    FROM reduced WHERE whole
    UNION ALL
    SELECT id, household_id, estate_id, amount_fen, cap_e8, small, rates_e8, sum(spared_e8)::bigint,
           sum(spared_large_e8), sum(settled_fen)::bigint
    FROM reduced WHERE NOT whole
    GROUP BY id, household_id, estate_id, amount_fen, cap_e8, small, rates_e8
  ) moved) moved
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
  WHERE estate_id = ANY (:estate_ids) AND (w.to_date IS NULL OR w.to_date >= :as_of) AND (w.from_date <= :as_of OR NOT EXISTS (
        SELECT FROM stewardship earlier WHERE earlier.estate_id = w.estate_id
          AND earlier.building = w.building AND earlier.from_date < w.from_date))
), item AS (
  SELECT t.estate_id, array_agg(concat(
    '{"household":', to_json(t.household), ',"building":', to_json(t.building),
    ',"cause":', to_json('dunning:' || t.household || ':' || t.bill_id || ':' || t.step), t.said,
    ',"overdue_fen":', t.overdue_fen, ',"late_fee_fen":', t.late_fee_fen, ',"credit_fen":', t.credit_fen,
    ',"fee_items":', t.fee_items, ',"units":', t.units,
    ',"steward":', COALESCE(w.steward, 'null'), '}')) AS said
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
