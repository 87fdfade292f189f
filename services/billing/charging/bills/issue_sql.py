"""SQL of issuing: a slice of a bill run as a handful of set-based statements (B4, B6, decision 5).

Every statement joins `rate`, the month's rates as `rules.rates` found them, to the units of the slice; the amount is
`rules.amount_fen` in SQL. Beside them stand `line`s whose amount `lines.py` worked out, because it takes more than a
rate and an area; units `apart` get nothing but such lines. Under the estate's exclusive lock nothing else posts on the
estate meanwhile. docs/billing/bill-run.md says where the time goes.
"""

from sqlalchemy import text

from services.common.prepared import Prepared


def amount_fen(unit: str, rate: str, vacant: str) -> str:
    """SQL of what a unit owes.

    floor((2x + d) / 2d) is half up of x / d in exact numerics; div() truncates, and x is not negative. Up to `exact_m2`
    the same quotient fits whole numbers of 64 bits (`tables.scaled_weights`), which take a fraction of the time.
    """
    return f"""
CASE WHEN {unit}.area_m2 <= {rate}.exact_m2
  THEN (({unit}.area_m2 * 100)::bigint * CASE WHEN {vacant} THEN {rate}.times_vacant ELSE {rate}.times END
        + CASE WHEN {vacant} THEN {rate}.plus_vacant ELSE {rate}.plus END) / {rate}.over
  ELSE div(({unit}.area_m2 * CASE WHEN {vacant} THEN {rate}.m2_vacant ELSE {rate}.m2 END
            + CASE WHEN {vacant} THEN {rate}.flat_vacant ELSE {rate}.flat END) * 200 + {rate}.month_days,
           2 * {rate}.month_days)::bigint
END
"""


# A rate as `tables.weights` gives it.
RATE = """
fee_item text, usage text, tariff_id int, month_days int, grade text, others text[], lacking boolean, m2 numeric,
m2_vacant numeric, flat numeric, flat_vacant numeric, exact_m2 numeric, times bigint, times_vacant bigint, plus bigint,
plus_vacant bigint, over bigint
"""

# A rate that depends on the grade comes once for each grade it names (`grade`), and once for all `others`; those for
# whom it has no factor are `lacking`. What was used of the unit's grade is kept, for the explanation.
PRICING = f"""
rate AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:rates AS jsonb)) AS r({RATE})
), line AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(
    unit_id bigint, household_id bigint, fee_item text, tariff_id int, amount_fen bigint, months int, vacant boolean,
    inputs jsonb)
), priced AS (
  SELECT u.id AS unit_id, u.household_id, u.building, u.area_m2, v.vacant, r.fee_item, r.tariff_id,
         {amount_fen("u", "r", "v.vacant")} AS amount_fen, CAST(:months AS int) AS months,
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
)"""

# Every bill is in a rollup of its estate, fee item and period, whatever building its unit was in then; so one look at
# each building and fee item there ever was in the estate tells whether any line may have been billed before. It may
# only err by saying yes. Without it each line of a month never billed would be looked for among all bills.
_MAYBE_BILLED = """
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
)"""

# Whether a line was billed before is one look at the unique index per line: OFFSET leaves the planner no other way. It
# knows nothing yet of the rows this very run writes, and would read all of them again for every slice.
# Rollups need no order here, for nobody else rolls up on the estate meanwhile.
# Events are cut from one array per fee item. FULL JOIN is for the planner, which cannot make a loop of it: codes are
# read in one go along the index, not one by one. Households without a new bill fall out, having no fee item.
ISSUE = Prepared(
    "issue_slice",
    f"""
WITH {_MAYBE_BILLED}, {PRICING}, issued AS (
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
    '{{"bill_id":' || i.id || ',"household":' || to_json(h.code) || ',"amount_fen":' || i.amount_fen
    || ',"open_fen":' || i.amount_fen || '}}')
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
""",
    {
        "estate_id": "int", "from_unit_id": "bigint", "to_unit_id": "bigint",
        "rates": "jsonb", "lines": "jsonb", "apart": "bigint[]", "covered": "text[]", "months": "int",
        "run_id": "uuid", "source": "text", "period": "date", "due_date": "date", "issued_on": "date",
        "rolled_on": "date",
        "now": "timestamptz", "estate": "text", "period_text": "text", "batch": "int", "event": "text",
        "version": "int", "event_source": "text", "exchange": "text", "aggregate": "text", "trace_id": "text",
    },
)  # fmt: skip

# A dry run judges each line that would be billed; the first reason that fits is its kind, null when all is well.
# Amounts are compared by month and over all payers of a unit; consumption is judged as such where it is metered.
JUDGEMENT = f"""
WITH {PRICING}, judged AS (
  SELECT p.unit_id, p.fee_item, p.amount_fen, past.amount_fen AS past_fen, CASE
    WHEN EXISTS (SELECT FROM bill b WHERE b.unit_id = p.unit_id AND b.fee_item = p.fee_item AND b.period = :period
                   AND b.voided_at IS NULL AND b.charge_id IS NULL) THEN 'already_billed'
    WHEN p.metered THEN NULL
    WHEN abs(p.unit_fen * past.months - past.amount_fen * p.months) * 100
         > past.amount_fen * p.months * :change_percent THEN 'amount_changed'
    WHEN past.amount_fen IS NULL AND :billed_before
      AND NOT EXISTS (SELECT FROM bill b WHERE b.unit_id = p.unit_id AND b.voided_at IS NULL) THEN 'never_billed'
    END AS kind
  FROM (SELECT *, sum(amount_fen) OVER (PARTITION BY unit_id, fee_item) AS unit_fen,
               coalesce(inputs->>'method' = 'metered', false) AS metered FROM priced) p
  LEFT JOIN LATERAL (
    SELECT sum(b.amount_fen)::bigint AS amount_fen, max(b.months) AS months FROM bill b
    WHERE b.unit_id = p.unit_id AND b.fee_item = p.fee_item AND b.period = :last_period
      AND b.voided_at IS NULL AND b.charge_id IS NULL) past ON true
  WHERE p.amount_fen > 0
)"""
JUDGED_TOTALS = text(f"""{JUDGEMENT}
SELECT kind, count(*) AS lines, coalesce(sum(amount_fen), 0)::bigint AS amount_fen FROM judged GROUP BY kind
""")
JUDGED_SAMPLE = text(f"""{JUDGEMENT}
SELECT u.code AS unit, j.fee_item, j.kind, j.amount_fen, j.past_fen
FROM judged j JOIN unit u ON u.id = j.unit_id WHERE j.kind IS NOT NULL ORDER BY j.unit_id, j.fee_item LIMIT :limit
""")
BILLABLE_SAMPLE = text(f"""
WITH {PRICING}
SELECT u.code AS unit, p.fee_item FROM priced p JOIN unit u ON u.id = p.unit_id
WHERE p.amount_fen > 0 AND NOT EXISTS (
  SELECT FROM bill b WHERE b.unit_id = p.unit_id AND b.fee_item = p.fee_item AND b.period = :period
    AND b.voided_at IS NULL AND b.charge_id IS NULL)
ORDER BY p.unit_id, p.fee_item LIMIT :limit
""")
# By a run: opening balances tell nothing of who should have been billed, and are there before the first run.
BILLED_BEFORE = text("""
SELECT EXISTS (SELECT FROM bill b JOIN unit u ON u.id = b.unit_id
               WHERE u.estate_id = :estate_id AND b.period < :period AND b.tariff_id IS NOT NULL
                 AND b.voided_at IS NULL)
""")

# Units that get no bill though they should.
PASSED_OVER = text(f"""
WITH {PRICING}, found AS (
  SELECT unit_id, fee_item, CASE WHEN lacking THEN 'no_grade_factor' WHEN area_m2 = 0 THEN 'zero_area'
                                 ELSE 'zero_amount' END AS kind
  FROM priced WHERE amount_fen = 0
  UNION ALL
  SELECT u.id, NULL, 'missing_tariff' FROM unit u
  WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id
    AND u.usage <> ALL (:covered)
)
SELECT u.code AS unit, f.fee_item, f.kind, count(*) OVER () AS total
FROM found f JOIN unit u ON u.id = f.unit_id ORDER BY f.unit_id, f.fee_item LIMIT :limit
""")
