-- Estates as portfolio.sql has them; then two years of bill runs and payments as the rollups hold them. Every building is
-- billed on the first day of the month after its period, due on the 15th, paid on a dozen days of the six weeks after,
-- others in each building. 98 of 100 fen come in, the rest stays open.
INSERT INTO estate (code, name, region, city, property_type, service_grade, charging_mode, late_fee_clause)
SELECT 'E' || e, 'Estate ' || e, 'R' || e % 8, 'Nanjing', 'residential', 'A', 'lump_sum', 'art. 12'
FROM generate_series(1, {estates}) AS e ORDER BY e;

INSERT INTO rate_rollup (estate_id, building, fee_item, period, due_date, booked_on, billed_fen, billed_count)
SELECT e.id, 'B' || b, 'property_fee', m.first, m.next + 14, m.next, {flats} * 25000, {flats}
FROM estate e
CROSS JOIN generate_series(1, {buildings}) AS b
CROSS JOIN (SELECT (DATE '{since}' + make_interval(months => n))::date AS first,
                   (DATE '{since}' + make_interval(months => n + 1))::date AS next
            FROM generate_series(0, {months} - 1) AS n) m
ORDER BY m.first, e.id, b;

INSERT INTO rate_rollup (estate_id, building, fee_item, period, due_date, booked_on, collected_fen)
SELECT r.estate_id, r.building, r.fee_item, r.period, r.due_date, r.booked_on + 2 + day * 3 + abs(hashtext(r.building) + day) % 3,
       r.billed_fen * 98 / 1200
FROM rate_rollup r CROSS JOIN generate_series(0, 11) AS day
WHERE r.billed_count > 0
ORDER BY r.period, day, r.estate_id, r.building;

INSERT INTO stewardship (estate_id, building, staff_code, from_date)
SELECT e.id, 'B' || b, e.code || '-' || b / 5, DATE '1900-01-01' FROM estate e CROSS JOIN generate_series(1, {buildings}) AS b;
