"""SQL of what a ladder goes by, as parts of larger statements: rungs per cause, and when a bill was out of sight.

`RUNGS` is a chain of common table expressions over `place(estate_id)` and `cause(cause)`. It ends in
`own(estate_id, ladder, small_amount_fen, gap_days)`, whose ladder applies on each estate (0: the group's) and by which
policy, and in `rung(ladder, cause, code, position, …)`: that ladder with the track of each cause laid over it (D2).
"""

from services.billing.collections.dunning.policy_tables import policy_row
from services.billing.collections.dunning.tables import restores

# The first day after the due date on which any ladder has a rung: what falls due later is on nobody's mind yet.
REACH = """(SELECT least(0, (SELECT min(earliest_day) FROM dunning_step),
                   (SELECT min(earliest_day) FROM dunning_track)))"""

RUNGS = f"""own AS MATERIALIZED (
  SELECT p.estate_id, (SELECT max(s.estate_id) FROM dunning_step s WHERE s.estate_id IN (p.estate_id, 0)) AS ladder,
         d.small_amount_fen, d.gap_days
  FROM place p CROSS JOIN LATERAL {policy_row("p.estate_id")} d
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


def _swept(case: str, until: str, since: str = "") -> str:
    """SQL: the day of the last sweep of the case's estate that was over before an instant, and begun after another."""
    return f"""(SELECT w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
  WHERE s.estate_id = {case}.estate_id AND s.finished_at < {until} {since} ORDER BY s.finished_at DESC LIMIT 1)"""


def _out_of_sight_at(bill: str) -> str:
    """SQL: when a bill that is in sight no more went out of it: it was disputed, voided or settled."""
    return f"""COALESCE({bill}.disputed_at, {bill}.voided_at,
  (SELECT max(e.created_at) FROM ledger_entry e WHERE e.bill_id = {bill}.id AND e.credit_account = 'receivable'))"""


def _settled_before(entry: str) -> str:
    """SQL: nothing was owed on the entry's bill just before it: of one paid in part, what comes back was never away."""
    return f"""(SELECT sum(CASE m.debit_account WHEN 'receivable' THEN m.amount_fen ELSE -m.amount_fen END)
      FROM ledger_entry m
      WHERE m.bill_id = {entry}.bill_id AND m.id < {entry}.id
        AND 'receivable' IN (m.debit_account, m.credit_account)) = 0"""


def covered_until(case: str) -> str:
    """SQL: `rules.Standing.covered_until` of a row with estate_id, household_id, bill_id and due_date."""
    return f"""GREATEST(
  (SELECT max(GREATEST(a.as_of, {_swept(case, _out_of_sight_at("older"))}))
   FROM dunning_action a JOIN bill older ON older.id = a.bill_id
   WHERE a.household_id = {case}.household_id AND (a.due_date, a.bill_id) < ({case}.due_date, {case}.bill_id)),
  (SELECT max({_swept(case, "d.settled_at", "AND s.finished_at >= d.opened_at")})
   FROM bill_dispute d WHERE d.bill_id = {case}.bill_id AND d.settled_at IS NOT NULL),
  (SELECT max({_swept(case, "e.created_at")})
   FROM ledger_entry e
   WHERE e.estate_id = {case}.estate_id AND e.bill_id = {case}.bill_id AND {restores("e")}
     AND {_settled_before("e")}))"""  # GREATEST ignores nulls


# Bills of `place` that may have been out of sight without any step of their household. There are few.
ABSENT = f"""SELECT bill_id FROM ledger_entry
  WHERE estate_id IN (SELECT estate_id FROM place) AND {restores("ledger_entry")}
  UNION ALL SELECT bill_id FROM bill_dispute WHERE settled_at IS NOT NULL"""


def left_out(action: str, case: str) -> str:
    """SQL: `rules.Taken.without`: the words of the action did not speak of the bill of the case.

    It was in dispute, or it was entered later and is not the reissue of another.
    """
    return f"""EXISTS (
  SELECT FROM dunning_sweep_slice s WHERE s.id = {action}.slice_id AND (EXISTS (
      SELECT FROM bill_dispute d WHERE d.bill_id = {case}.bill_id AND s.finished_at >= d.opened_at
        AND (d.settled_at IS NULL OR s.finished_at < d.settled_at))
    OR s.finished_at < (SELECT min(e.created_at) FROM ledger_entry e JOIN bill n ON n.id = e.bill_id
                        WHERE e.bill_id = {case}.bill_id AND n.reissue_of IS NULL)))"""
