-- Two paid bills each, and for every fifth household an overdue one of any age up to fourteen months; every tenth of
-- these has a newer bill that is not due yet. As of 2026-11-20. Settled bills are in the ledger, as are their payments.
INSERT INTO bill (unit_id, household_id, amount_fen, paid_fen, estate_id, tariff_id, period, due_date, issued_on, building,
                  fee_item, area_m2, vacant, run_id)
SELECT u.id, u.household_id, 15000 + u.id * 31 % 20000, 15000 + u.id * 31 % 20000, u.estate_id, 1, p.month,
       p.month + 44, p.month + 31, u.building, 'property_fee', u.area_m2, false, gen_random_uuid()
FROM unit u CROSS JOIN (VALUES (DATE '2025-07-01'), (DATE '2025-08-01')) AS p (month)
ORDER BY p.month, u.estate_id, u.id;

INSERT INTO bill (unit_id, household_id, amount_fen, estate_id, tariff_id, period, due_date, issued_on, building, fee_item,
                  area_m2, vacant, run_id)
SELECT id, household_id, 15000 + id * 31 % 20000, estate_id, 1, DATE '2025-09-01', DATE '2026-11-20' - (1 + id * 7919 % 420)::int,
       DATE '2025-09-01', building, 'property_fee', area_m2, false, gen_random_uuid()
FROM unit WHERE id % 5 = 0
UNION ALL
SELECT id, household_id, 15000 + id * 31 % 20000, estate_id, 1, DATE '2026-11-01', DATE '2026-12-15', DATE '2026-11-01', building,
       'property_fee', area_m2, false, gen_random_uuid()
FROM unit WHERE id % 50 = 0
ORDER BY 4, 1;

INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind, debit_account, credit_account,
                          source)
SELECT amount_fen, id, household_id, issued_on, estate_id, issued_on, 'bill_issued', 'receivable', 'fee_income', run_id::text
FROM bill ORDER BY id;

INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind, debit_account, credit_account,
                          source)
SELECT paid_fen, id, household_id, due_date, estate_id, due_date, 'payment', 'cash_wechat', 'receivable', gen_random_uuid()::text
FROM bill WHERE paid_fen > 0 ORDER BY id;

VACUUM ANALYZE;
