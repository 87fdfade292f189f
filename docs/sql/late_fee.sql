-- How much late fee do these households owe at the end of a day?
-- Parameters: households, as_of, past.
-- Product: C1, C3.
-- receivables.late_fee.sql.LATE_FEES_DUE, services/billing/receivables/late_fee/sql.py. Written by `make schemas`.
WITH subject AS (SELECT unnest(CAST(:households AS bigint[])) AS household_id), 
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
  SELECT b.* FROM subject s JOIN household h ON h.id = s.household_id
  JOIN bill b ON b.estate_id = h.estate_id AND b.household_id = h.id AND b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen
  UNION ALL
  SELECT b.* FROM subject s JOIN late_fee_left f USING (household_id)
  JOIN bill b ON b.id = f.bill_id AND NOT (b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen)
  UNION ALL
  SELECT b.* FROM subject s JOIN bill b ON b.household_id = s.household_id AND NOT (b.voided_at IS NULL AND b.amount_fen > b.paid_fen + b.waived_fen)
  WHERE :past AND NOT EXISTS (SELECT FROM late_fee_left f WHERE f.bill_id = b.id)
    AND EXISTS (SELECT FROM ledger_entry n WHERE n.bill_id = b.id AND COALESCE(n.value_on, n.booked_on) > :as_of)
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
), late_fee AS (
  SELECT bill_id, household_id, accrued_fen, due_fen FROM late_counted
  UNION ALL
  SELECT id, household_id, fee_fen, fee_fen FROM (
    SELECT b.id, b.household_id, b.estate_id, b.amount_fen AS principal_fen, CASE WHEN b.amount_fen < t.largest_fen THEN (b.amount_fen * least((t.due_e8 - t.e8 * (greatest(b.due_date, t.due_since) - DATE '2000-01-01')), t.cap_e8) + 50000000) / 100000000
            ELSE round(b.amount_fen::numeric * least((t.due_e8 - t.e8 * (greatest(b.due_date, t.due_since) - DATE '2000-01-01')), t.cap_e8) * 0.00000001)::bigint END AS fee_fen
  FROM late_candidate b JOIN late_terms t ON t.estate_id = b.estate_id AND b.due_date >= t.due_from AND b.due_date < t.due_to WHERE NOT b.late_fee_apart AND b.paid_fen = 0 AND b.waived_fen = 0 AND b.voided_at IS NULL
    UNION ALL
    SELECT id, household_id, estate_id, amount_fen - settled_fen AS principal_fen,
       least(CASE WHEN cap_e8 = 100000000 THEN amount_fen END,
             CASE WHEN small THEN (amount_fen * rates_e8 - spared_e8 + 50000000) / 100000000
                  ELSE round((amount_fen::numeric * rates_e8 - spared_large_e8) * 0.00000001)::bigint END) AS fee_fen
  FROM (
    WITH entry AS NOT MATERIALIZED (
      SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.due_date, e.amount_fen AS fen,
             CASE WHEN e.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE(e.value_on, e.booked_on) END AS moved_on, e.amount_fen = b.paid_fen + b.waived_fen AS whole
      FROM late_candidate b LEFT JOIN ledger_entry e ON e.bill_id = b.id AND e.credit_account = 'receivable'
      WHERE NOT b.late_fee_apart AND (b.paid_fen > 0 OR b.waived_fen > 0) AND b.voided_at IS NULL OFFSET 0
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
  ) moved
  ) plain WHERE fee_fen > 0
)
SELECT household_id, sum(due_fen)::bigint AS due_fen FROM late_fee GROUP BY household_id
