-- What do the units of a slice owe for a month? Writes bills, ledger, rollups and events.
-- Parameters: estate_id int, from_unit_id bigint, to_unit_id bigint, rates jsonb, lines jsonb, apart bigint[], covered
-- text[], months int, run_id uuid, source text, period date, due_date date, issued_on date, rolled_on date, now
-- timestamptz, estate text, period_text text, batch int, event text, version int, event_source text, exchange text,
-- aggregate text, trace_id text. Prepared as issue_slice.
-- Product: B4, B6, B7.
-- charging.bills.issue_sql.ISSUE, services/billing/charging/bills/issue_sql.py. Written by `make schemas`.
WITH 
RECURSIVE rolled_key AS (
  (SELECT building, fee_item FROM rate_rollup WHERE estate_id = :estate_id ORDER BY building, fee_item LIMIT 1)
  UNION ALL
  SELECT following.* FROM rolled_key k CROSS JOIN LATERAL (
    SELECT building, fee_item FROM rate_rollup
    WHERE estate_id = :estate_id AND (building, fee_item) > (k.building, k.fee_item)
    ORDER BY building, fee_item LIMIT 1) following
), maybe_billed AS MATERIALIZED (
  SELECT EXISTS (SELECT FROM rolled_key k CROSS JOIN LATERAL (
    SELECT FROM rate_rollup o WHERE o.estate_id = :estate_id AND o.building = k.building
      AND o.fee_item = k.fee_item AND o.period = :period LIMIT 1) found) AS yes
), 
rate AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:rates AS jsonb)) AS r(
fee_item text, usage text, tariff_id int, month_days int, grade text, others text[], lacking boolean, m2 numeric,
m2_vacant numeric, flat numeric, flat_vacant numeric, exact_m2 numeric, times bigint, times_vacant bigint, plus bigint,
plus_vacant bigint, over bigint
)
), line AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(
    unit_id bigint, household_id bigint, fee_item text, tariff_id int, amount_fen bigint, months int, vacant boolean,
    inputs jsonb)
), priced AS (
  SELECT u.id AS unit_id, u.household_id, u.building, u.area_m2, v.vacant, r.fee_item, r.tariff_id,
         
CASE WHEN u.area_m2 <= r.exact_m2
  THEN ((u.area_m2 * 100)::bigint * CASE WHEN v.vacant THEN r.times_vacant ELSE r.times END
        + CASE WHEN v.vacant THEN r.plus_vacant ELSE r.plus END) / r.over
  ELSE div((u.area_m2 * CASE WHEN v.vacant THEN r.m2_vacant ELSE r.m2 END
            + CASE WHEN v.vacant THEN r.flat_vacant ELSE r.flat END) * 200 + r.month_days,
           2 * r.month_days)::bigint
END
 AS amount_fen, CAST(:months AS int) AS months,
         CASE WHEN r.grade IS NOT NULL OR r.others IS NOT NULL THEN jsonb_build_object('grade', u.grade) END AS inputs,
         r.lacking
  FROM unit u
  JOIN rate r ON r.usage = u.usage AND (r.grade IS NULL OR r.grade = u.grade)
    AND (r.others IS NULL OR u.grade IS NULL OR u.grade <> ALL (r.others))
  CROSS JOIN LATERAL (SELECT u.status = 'vacant' AS vacant) v
  WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id AND u.id <> ALL (:apart)
  UNION ALL
  SELECT u.id, l.household_id, u.building, u.area_m2, coalesce(l.vacant, u.status = 'vacant'), l.fee_item,
         l.tariff_id, l.amount_fen, l.months, l.inputs, NULL
  FROM line l JOIN unit u ON u.id = l.unit_id
), issued AS (
  INSERT INTO bill (unit_id, household_id, amount_fen, estate_id, tariff_id, period, due_date, issued_on, building,
                    fee_item, area_m2, vacant, run_id, inputs, months)
  SELECT unit_id, household_id, amount_fen, :estate_id, tariff_id, :period, :due_date, :issued_on, building,
         fee_item, area_m2, vacant, :run_id, inputs, months
  FROM priced p
  WHERE amount_fen > 0 AND NOT ((SELECT yes FROM maybe_billed) AND EXISTS (
    SELECT FROM bill b WHERE b.unit_id = p.unit_id AND b.fee_item = p.fee_item AND b.period = :period
      AND b.voided_at IS NULL AND b.charge_id IS NULL OFFSET 0))
  ORDER BY fee_item COLLATE "C", unit_id
  RETURNING id, household_id, building, fee_item, amount_fen
), entry AS (
  INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind,
                            debit_account, credit_account, source)
  SELECT amount_fen, id, household_id, :now, :estate_id, :issued_on, 'bill_issued',
         'receivable', 'fee_income', :source
  FROM issued
), rolled AS (
  INSERT INTO rate_rollup AS r (estate_id, building, fee_item, period, due_date, booked_on, billed_fen, billed_count)
  SELECT :estate_id, building, fee_item, :period, :due_date, :rolled_on, sum(amount_fen), count(*)
  FROM issued GROUP BY building, fee_item
  ON CONFLICT (estate_id, building, fee_item, period, due_date, booked_on) DO UPDATE
  SET billed_fen = r.billed_fen + excluded.billed_fen, billed_count = r.billed_count + excluded.billed_count
), resident AS MATERIALIZED (
  SELECT h.id, h.code FROM (SELECT min(household_id) AS first, max(household_id) AS last FROM issued) i
  JOIN household h ON h.estate_id = :estate_id AND h.id BETWEEN i.first AND i.last
), told_of AS (
  SELECT i.fee_item, array_agg(
    '{"bill_id":' || i.id || ',"household":' || to_json(h.code) || ',"amount_fen":' || i.amount_fen
    || ',"open_fen":' || i.amount_fen || '}')
    FILTER (WHERE i.id IS NOT NULL) AS bills
  FROM issued i FULL JOIN resident h ON h.id = i.household_id GROUP BY i.fee_item
), told AS (
  INSERT INTO outbox (event_id, event, version, source, aggregate, data, occurred_at, trace_id, exchange, routing_key,
                      due_at)
  SELECT gen_random_uuid(), :event, :version, :event_source, :aggregate,
         json_build_object('run_id', :source, 'estate', :estate, 'fee_item', t.fee_item, 'period', :period_text,
           'due_date', :due_date,
           'bills', CAST('[' || array_to_string(t.bills[n : n + :batch - 1], ',') || ']' AS json)),
         :now, :trace_id, :exchange, :event, :now
  FROM told_of t CROSS JOIN LATERAL generate_series(1, cardinality(t.bills), :batch) AS n
)
SELECT count(*) AS bills, coalesce(sum(amount_fen), 0)::bigint AS amount_fen,
       EXISTS (SELECT FROM priced WHERE amount_fen = 0)
       OR EXISTS (SELECT FROM unit u WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id
                    AND u.usage <> ALL (:covered)) AS passed_over
FROM issued
