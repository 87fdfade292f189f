-- One overdue bill a household, up to three years old, as a run would have issued them; one in twenty paid by a third on
-- a day in between, with its ledger entries.
INSERT INTO bill (unit_id, household_id, amount_fen, paid_fen, estate_id, period, due_date, issued_on, building, fee_item,
                  area_m2, vacant, run_id)
SELECT u.id, u.household_id, a.fen, CASE WHEN u.id % 20 = 7 THEN a.fen / 3 ELSE 0 END, u.estate_id, a.period,
       a.period + 45, a.period + 31, u.building, 'property_fee', u.area_m2, false,
       '0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10'
FROM unit u, LATERAL (SELECT 12000 + u.id * 7919 % 40000 AS fen,
                             (DATE '2023-10-01' + make_interval(months => (u.id % 36)::int))::date AS period) a
ORDER BY u.estate_id, u.id;

INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind, debit_account,
                          credit_account, source)
SELECT amount_fen, id, household_id, now(), estate_id, issued_on, 'bill_issued', 'receivable', 'fee_income', run_id
FROM bill ORDER BY id;

INSERT INTO ledger_entry (amount_fen, bill_id, household_id, created_at, estate_id, booked_on, kind, debit_account,
                          credit_account, source)
SELECT paid_fen, id, household_id, now(), estate_id, least(due_date + (id % 60)::int, DATE '2026-11-19'),
       'payment_principal', 'cash_wechat', 'receivable', 'bench'
FROM bill WHERE paid_fen > 0 ORDER BY id;

ANALYZE;
