-- Units and households by number, in estates of nearly equal size, 30 flats a building, areas and prices spread like real ones.
INSERT INTO estate (code, name, region, city, property_type, service_grade, charging_mode, late_fee_clause)
SELECT 'E' || e, 'Estate ' || e, 'R' || e % 8, 'Nanjing', 'residential', 'A', 'lump_sum', 'art. 12'
FROM generate_series(1, {estates}) AS e ORDER BY e;

INSERT INTO household (estate_id, code, owner_name, owner_phone)
SELECT e.id, e.code || '-H' || n, '王小明', '10000000000'
FROM generate_series(1, {households}) AS n
JOIN (SELECT id, code, row_number() OVER (ORDER BY id) - 1 AS place FROM estate) e ON e.place = n % {estates}
ORDER BY e.id, n;

INSERT INTO unit (estate_id, household_id, code, building, area_m2, usage, status)
SELECT estate_id, id, code, 'B' || (row_number() OVER (PARTITION BY estate_id ORDER BY id) - 1) / 30,
       45 + (id * 7919 % 11000) / 100.0, 'residential', CASE WHEN id % 20 = 0 THEN 'vacant' ELSE 'occupied' END
FROM household ORDER BY estate_id, id;

INSERT INTO tariff (estate_id, fee_item, method, usage, version, unit_price, effective_from, vacancy_ratio, published_at)
SELECT id, 'property_fee', 'per_area', 'residential', 1, 1.2 + (id % 25) / 10.0, '2015-01-01', 0.7, now() FROM estate;

ANALYZE;
