-- Which totals of collection rates are not what the rollups add up to?
-- Parameters: estates, shown.
-- Product: J1.
-- figures.rates.check._TOTALS, services/billing/figures/rates/check.py. Written by `make schemas`.
WITH scope AS (
  SELECT id, code, region, figures_since FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)
), expected AS (
  SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked AS booked_on, sum(billed_fen) AS billed_fen, sum(collected_fen) AS collected_fen, sum(waived_fen) AS waived_fen, sum(billed_count) AS billed_count
  FROM rate_rollup r JOIN scope ON scope.id = r.estate_id
  CROSS JOIN LATERAL (VALUES ('total', '', DATE '-infinity'), ('month', '', date_trunc('month', r.booked_on)::date),
    ('day', '', r.booked_on), ('building', r.building, DATE '-infinity'),
    ('building_month', r.building, date_trunc('month', r.booked_on)::date)) AS v(level, building, booked)
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), folded AS (
  SELECT 'total' AS level, estate_id, '' AS building, fee_item, period, due_date,
    DATE '-infinity' AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM rate_total
  UNION ALL SELECT 'month' AS level, estate_id, '' AS building, fee_item, period, due_date,
    booked_in AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM rate_month
  UNION ALL SELECT 'day' AS level, estate_id, '' AS building, fee_item, period, due_date,
    booked_on AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM rate_day
  UNION ALL SELECT 'building' AS level, estate_id, building AS building, fee_item, period, due_date,
    DATE '-infinity' AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM rate_building
  UNION ALL SELECT 'building_month' AS level, estate_id, building AS building, fee_item, period, due_date,
    booked_in AS booked_on, billed_fen, collected_fen, waived_fen, billed_count FROM rate_building_month
  UNION ALL SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked,
    r.billed_fen, r.collected_fen, r.waived_fen, r.billed_count
  FROM rate_change r CROSS JOIN LATERAL (VALUES ('total', '', DATE '-infinity'), ('month', '', date_trunc('month', r.booked_on)::date),
    ('day', '', r.booked_on)) AS v(level, building, booked)
  UNION ALL SELECT v.level, r.estate_id, v.building, r.fee_item, r.period, r.due_date, v.booked,
    r.billed_fen, r.collected_fen, r.waived_fen, r.billed_count
  FROM rate_building_change r CROSS JOIN LATERAL (VALUES ('building', r.building, DATE '-infinity'),
    ('building_month', r.building, date_trunc('month', r.booked_on)::date)) AS v(level, building, booked)
), kept AS (SELECT f.* FROM folded f JOIN scope ON scope.id = f.estate_id)

, sides AS (
  SELECT level, estate_id, building, fee_item, period, due_date, booked_on, 1 AS side, billed_fen, collected_fen, waived_fen, billed_count FROM expected
  UNION ALL SELECT level, estate_id, building, fee_item, period, due_date, booked_on, 2, billed_fen, collected_fen, waived_fen, billed_count FROM kept
), differing AS (
  SELECT level, estate_id, building, fee_item, period, due_date, booked_on, COALESCE(sum(billed_fen) FILTER (WHERE side = 1), 0)::bigint AS expected_billed_fen, COALESCE(sum(collected_fen) FILTER (WHERE side = 1), 0)::bigint AS expected_collected_fen, COALESCE(sum(waived_fen) FILTER (WHERE side = 1), 0)::bigint AS expected_waived_fen, COALESCE(sum(billed_count) FILTER (WHERE side = 1), 0)::bigint AS expected_billed_count, COALESCE(sum(billed_fen) FILTER (WHERE side = 2), 0)::bigint AS kept_billed_fen, COALESCE(sum(collected_fen) FILTER (WHERE side = 2), 0)::bigint AS kept_collected_fen, COALESCE(sum(waived_fen) FILTER (WHERE side = 2), 0)::bigint AS kept_waived_fen, COALESCE(sum(billed_count) FILTER (WHERE side = 2), 0)::bigint AS kept_billed_count
  FROM sides GROUP BY level, estate_id, building, fee_item, period, due_date, booked_on
)
SELECT scope.code AS estate, d.*, count(*) OVER () AS found
FROM differing d JOIN scope ON scope.id = d.estate_id
WHERE expected_billed_fen <> kept_billed_fen OR expected_collected_fen <> kept_collected_fen OR expected_waived_fen <> kept_waived_fen OR expected_billed_count <> kept_billed_count
ORDER BY level, estate_id, building, fee_item, period, due_date, booked_on LIMIT :shown
