"""STORE of what a ladder goes by, as parts of larger statements: rungs per cause, and when a bill was out of sight.

`RUNGS` is a chain of common table expressions over `place(estate_id)` and `cause(cause)`. It ends in
`own(estate_id, ladder)`, whose ladder applies on each estate (0: the group's), and in `rung(ladder, cause, code,
position, …)`: that ladder with the track of each cause laid over it (D2).
"""

from services.billing.collections.dunning.tables import RESTORED

RUNGS = """own AS MATERIALIZED (
  SELECT p.estate_id, (SELECT max(s.estate_id) FROM dunning_step s WHERE s.estate_id IN (p.estate_id, 0)) AS ladder
  FROM place p
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
)"""

_SWEPT = """(SELECT w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
  WHERE s.estate_id = o.estate_id AND s.finished_at < {until} {since} ORDER BY s.finished_at DESC LIMIT 1)"""
_LEFT = """COALESCE(older.disputed_at, older.voided_at,
  (SELECT max(e.created_at) FROM ledger_entry e WHERE e.bill_id = older.id AND e.credit_account = 'receivable'))"""

# Nothing was owed on the bill of entry `e` just before it: of a bill paid in part, what comes back was never away.
_SETTLED = """(SELECT sum(CASE m.debit_account WHEN 'receivable' THEN m.amount_fen ELSE -m.amount_fen END)
      FROM ledger_entry m
      WHERE m.bill_id = e.bill_id AND m.id < e.id AND 'receivable' IN (m.debit_account, m.credit_account)) = 0"""

# `rules.Standing.covered_until` of a row `o(estate_id, household_id, bill_id, due_date)`. GREATEST ignores nulls.
COVERED = f"""GREATEST(
  (SELECT max(GREATEST(a.as_of, {_SWEPT.format(until=_LEFT, since="")}))
   FROM dunning_action a JOIN bill older ON older.id = a.bill_id
   WHERE a.household_id = o.household_id AND (a.due_date, a.bill_id) < (o.due_date, o.bill_id)),
  (SELECT max({_SWEPT.format(until="d.settled_at", since="AND s.finished_at >= d.opened_at")})
   FROM bill_dispute d WHERE d.bill_id = o.bill_id AND d.settled_at IS NOT NULL),
  (SELECT max({_SWEPT.format(until="e.created_at", since="")})
   FROM ledger_entry e
   WHERE e.estate_id = o.estate_id AND e.bill_id = o.bill_id AND e.{RESTORED.replace("AND credit", "AND e.credit")}
     AND {_SETTLED}))"""
# Bills of `place` that may have been out of sight without any step of their household. There are few.
ABSENT = f"""SELECT bill_id FROM ledger_entry WHERE estate_id IN (SELECT estate_id FROM place) AND {RESTORED}
  UNION ALL SELECT bill_id FROM bill_dispute WHERE settled_at IS NOT NULL"""

# `rules.Taken.without`: the bill `o` was in dispute when the action `a` was taken.
WITHOUT = """EXISTS (SELECT FROM bill_dispute d JOIN dunning_sweep_slice s ON s.id = a.slice_id
  WHERE d.bill_id = o.bill_id AND s.finished_at >= d.opened_at
    AND (d.settled_at IS NULL OR s.finished_at < d.settled_at))"""
