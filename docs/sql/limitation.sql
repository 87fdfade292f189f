-- Which claims expire between two days, and what restarted their period last?
-- Parameters: as_of, estates, latest_due, letter, demands, years, first, last, after_on, after_id, limit.
-- Product: D4.
-- collections.legal.limitation.sql._NEAR, services/billing/collections/legal/limitation/sql.py. Written by `make
-- schemas`.
WITH steward AS (
  SELECT estate_id, building, staff_code FROM stewardship s WHERE (s.to_date IS NULL OR s.to_date >= :as_of) AND (s.from_date <= :as_of OR NOT EXISTS (
        SELECT FROM stewardship earlier WHERE earlier.estate_id = s.estate_id
          AND earlier.building = s.building AND earlier.from_date < s.from_date))
), claim AS (
  SELECT id AS bill_id, household_id, due_date, estate_id, building, fee_item, period,
         amount_fen - paid_fen - waived_fen AS outstanding_fen
  FROM bill WHERE estate_id = ANY (:estates) AND bill.voided_at IS NULL AND bill.amount_fen > bill.paid_fen + bill.waived_fen AND due_date <= :latest_due
), 
point AS (
  SELECT bill_id, due_date AS on_day, true AS lives, '' AS kind FROM claim
  UNION ALL
  SELECT c.bill_id, d.delivered_on, false, CASE d.template WHEN :letter THEN 'lawyers_letter' ELSE 'demand' END
  FROM claim c JOIN delivery_fact d ON d.household_id = c.household_id
  WHERE d.outcome = 'delivered' AND d.template = ANY (:demands) AND d.stated_on > c.due_date
  UNION ALL
  SELECT c.bill_id, v.happened_on, false, 'proceedings'
  FROM claim c JOIN legal_file f ON f.household_id = c.household_id JOIN legal_file_event v ON v.file_id = f.id
  WHERE f.kind IN ('mediation', 'suit', 'arbitration') AND v.status IN ('filed', 'settled', 'judgment')
    AND f.opened_on > c.due_date
  UNION ALL
  SELECT c.bill_id, (t.contacted_at AT TIME ZONE 'Asia/Shanghai')::date, true, 'promise'
  FROM claim c JOIN dunning_contact t ON t.household_id = c.household_id WHERE t.promised_on IS NOT NULL
  UNION ALL  -- who signs an instalment plan promises to pay its bills
  SELECT DISTINCT c.bill_id, p.signed_on, true, 'promise'
  FROM claim c JOIN instalment_plan_part x USING (bill_id) JOIN instalment_plan p ON p.id = x.plan_id
  UNION ALL
  SELECT c.bill_id, max(COALESCE(n.value_on, n.booked_on)), true, 'part_payment'
  FROM claim c JOIN ledger_entry n ON n.bill_id = c.bill_id
  WHERE COALESCE(n.value_on, n.booked_on) <= :as_of AND (n.debit_account LIKE 'cash%' OR n.credit_account LIKE 'cash%')
  GROUP BY c.bill_id, n.source
  HAVING sum(CASE WHEN n.debit_account LIKE 'cash%' THEN n.amount_fen ELSE -n.amount_fen END) > 0
), known AS (
  SELECT p.* FROM point p JOIN claim c USING (bill_id)
  WHERE p.kind = '' OR p.on_day > c.due_date AND p.on_day <= :as_of
), stretch AS (
  SELECT *, NOT lives AND on_day > (lag(on_day) OVER in_time + :years * INTERVAL '1 year')::date AS late
  FROM known WINDOW in_time AS (PARTITION BY bill_id ORDER BY on_day, NOT lives, kind COLLATE "C")
), numbered AS (
  SELECT *, count(*) FILTER (WHERE late OR lives) OVER in_time AS number
  FROM stretch WINDOW in_time AS (PARTITION BY bill_id ORDER BY on_day, NOT lives, kind COLLATE "C" ROWS UNBOUNDED PRECEDING)
), judged AS (
  SELECT *, bool_or(late) OVER (PARTITION BY bill_id, number) AS dead FROM numbered
), clock AS (
  SELECT DISTINCT ON (bill_id) bill_id, on_day AS from_on, NULLIF(kind, '') AS by
  FROM judged WHERE NOT COALESCE(dead, false)
  ORDER BY bill_id, on_day DESC, NOT lives DESC, kind COLLATE "C" DESC
), ending AS (
  SELECT c.*, k.from_on, k.by, (k.from_on + :years * INTERVAL '1 year')::date AS expires_on
  FROM claim c JOIN clock k USING (bill_id)
)

SELECT n.*, h.code AS household, e.code AS estate, w.staff_code AS steward
FROM ending n
JOIN household h ON h.id = n.household_id
JOIN estate e ON e.id = n.estate_id
LEFT JOIN steward w ON w.estate_id = n.estate_id AND w.building = n.building
WHERE n.expires_on BETWEEN :first AND :last
  AND (CAST(:after_on AS date) IS NULL OR (n.expires_on, n.bill_id) > (:after_on, CAST(:after_id AS bigint)))
ORDER BY n.expires_on, n.bill_id LIMIT :limit
