"""SQL of the late fee for many households at once: `rules.late_fee` in SQL (C1, C3, decision 5).

`LATE_FEE` is a chain of common table expressions. It needs one before it, `subject(household_id)`, and the parameters
`:as_of` and `:past`; it ends in `late_fee(bill_id, household_id, accrued_fen, due_fen)`. Bills without late fee are
left out. `:past` says whether bills settled since `:as_of` are wanted too: that looks at every bill of the households.

Where principal only ever went down and nothing else happened, the fee is a difference of products: what the whole bill
accrues less what each payment spares. Only bills marked `late_fee_apart` are counted by segments between
ledger entries, and those of instalment plans by segments between entries, instalments and ends of freezes.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.receivables.ledger.sql import fee_left, moved_after, open_bill
from services.common.policies.versions_sql import versions


def is_moved(bill: str) -> str:
    """SQL: something was paid or waived of the bill, and nothing else happened. They have an index of their own."""
    return f"NOT {bill}.late_fee_apart AND ({bill}.paid_fen > 0 OR {bill}.waived_fen > 0)"


def is_unmoved(bill: str) -> str:
    """SQL: nothing was paid or waived of the bill, and nothing else happened."""
    return f"NOT {bill}.late_fee_apart AND {bill}.paid_fen = 0 AND {bill}.waived_fen = 0"


# Per estate, per cap and grace it ever had, and per rate of it, one row: a bill goes by the cap and grace of its due
# date, a day by the rate of that day. Days are intervals, as in rules.py: a rate of the 10th covers (9th, …], and a day
# in [from_on, to_on) accrues by this rate next. The first rate's row has the days before it too: they count as its own
# first day, `since_on`, for nothing accrues on them. Thus most estates have one row.
# `e8` is the daily rate in 1e-8, 0 for an estate without a clause, and what accrues from such a day to `:as_of` is
# `sum_e8 - e8 * (day - EPOCH)`; `due_e8` and `due_since` say the same by due date. A bill belongs to the row with
# due_from <= due_date < due_to, if it is overdue at all.
EPOCH = "DATE '2000-01-01'"
TERMS = f"""
policy_version AS ({versions("collection_policy")}
), rate_version AS ({versions("late_fee_rate", sooner=1)}
), late_policy AS (
  SELECT e.id AS estate_id, COALESCE(o.late_fee_capped, g.late_fee_capped) AS capped,
         COALESCE(o.grace_days, g.grace_days) AS grace_days,
         CASE COALESCE(o.grace_mode, g.grace_mode) WHEN 'from_due' THEN 0 ELSE COALESCE(o.grace_days, g.grace_days)
              END AS start_after,
         greatest(o.from_on, g.from_on) AS terms_from, least(o.to_on, g.to_on) AS terms_to
  FROM estate e JOIN policy_version g ON g.estate_id = 0
  LEFT JOIN policy_version o ON o.estate_id = e.id AND o.from_on < g.to_on AND o.to_on > g.from_on
), late_rate AS (
  SELECT e.id AS estate_id, greatest(o.from_on, g.from_on) AS from_on, least(o.to_on, g.to_on) AS to_on,
         greatest(o.from_on, g.from_on, CASE WHEN o.daily IS NULL THEN g.effective_from ELSE o.effective_from END - 1)
           AS since_on,
         CASE WHEN COALESCE(e.late_fee_clause, '') = '' THEN 0
              ELSE (COALESCE(o.daily, g.daily) * 100000000)::bigint END AS e8
  FROM estate e JOIN rate_version g ON g.estate_id = 0
  LEFT JOIN rate_version o ON o.estate_id = e.id AND o.from_on < g.to_on AND o.to_on > g.from_on
), late_sum AS (
  SELECT r.*, sum(r.e8 * greatest(0, least(r.to_on, :as_of) - r.since_on)) OVER (
           PARTITION BY r.estate_id ORDER BY r.from_on DESC ROWS UNBOUNDED PRECEDING) AS most
  FROM late_rate r
), late_terms AS (
  SELECT p.estate_id, p.terms_from, p.grace_days, p.start_after, r.since_on, r.from_on, r.to_on, r.e8,
         greatest(r.from_on - p.start_after, p.terms_from) AS due_from,
         least(r.to_on - p.start_after, CAST(:as_of AS date) - p.grace_days, p.terms_to) AS due_to,
         (r.most + r.e8 * (r.since_on - {EPOCH}))::bigint AS sum_e8,
         (r.most + r.e8 * (r.since_on - p.start_after - {EPOCH}))::bigint AS due_e8,
         r.since_on - p.start_after AS due_since,
         CASE WHEN p.capped THEN 100000000 ELSE 9223372036854775807 END AS cap_e8,
         floor(9000000000000000000 / greatest(r.most, 100000000))::bigint AS largest_fen
  FROM late_policy p JOIN late_sum r USING (estate_id)
)"""


def is_term_of(term: str, bill: str) -> str:
    """SQL: the row of late_terms by which the bill accrues."""
    overdue = f"{bill}.due_date >= {term}.due_from AND {bill}.due_date < {term}.due_to"
    return f"{term}.estate_id = {bill}.estate_id AND {overdue}"


def _moves_principal(entry: str) -> str:
    """SQL: the entry moves principal of its bill. Its issue is no movement, for that is the principal itself."""
    return f"""({entry}.credit_account = 'receivable'
         OR {entry}.debit_account = 'receivable' AND {entry}.credit_account NOT IN ('fee_income', 'opening_equity'))"""


def _moved_on(entry: str) -> str:
    """SQL: the day from which the entry counts.

    What was paid before the books were opened was paid on a day nobody knows, so it never accrued.
    """
    return f"""CASE WHEN {entry}.debit_account = 'opening_equity' THEN DATE '-infinity'
         ELSE COALESCE({entry}.value_on, {entry}.booked_on) END"""


def _moved_fen(entry: str) -> str:
    """SQL: by how much the entry moves principal."""
    return f"CASE WHEN {entry}.credit_account = 'receivable' THEN -{entry}.amount_fen ELSE {entry}.amount_fen END"


def _rates_e8(bill: str, term: str) -> str:
    """SQL: what one fen of the bill accrues, in 1e-8 fen."""
    return f"({term}.due_e8 - {term}.e8 * (greatest({bill}.due_date, {term}.due_since) - {EPOCH}))"


def _spared_e8(entry: str, term: str) -> str:
    """SQL: what one fen of the entry would have accrued after its day."""
    return f"({term}.sum_e8 - {term}.e8 * (greatest({entry}.day, {term}.since_on) - {EPOCH}))"


def _is_small(bill: str, term: str) -> str:
    """SQL: whole numbers of 64 bits hold what accrues, as they do of any real bill; the rest is counted in decimals.

    Both round half up to the fen.
    """
    return f"{bill}.amount_fen < {term}.largest_fen"


def unmoved_fee(bill: str, term: str) -> str:
    """SQL: fee of a bill nothing was paid on, by its row of late_terms: one product; the cap is on the rates."""
    rates = f"least({_rates_e8(bill, term)}, {term}.cap_e8)"
    return f"""CASE WHEN {_is_small(bill, term)} THEN ({bill}.amount_fen * {rates} + 50000000) / 100000000
            ELSE round({bill}.amount_fen::numeric * {rates} * 0.00000001)::bigint END"""


def unmoved_fees(bills: str, where: str, terms: str) -> str:
    """Fee and principal of bills nothing was paid on.

    `bills` is a FROM item named b, as which `where` names it; `terms` has the columns of late_terms.
    """
    fee = unmoved_fee("b", "t")
    return f"""SELECT b.id, b.household_id, b.estate_id, b.amount_fen AS principal_fen, {fee} AS fee_fen
  FROM {bills} JOIN {terms} t ON {is_term_of("t", "b")} WHERE {is_unmoved("b")} AND {where}"""


def moved_fees(bills: str, where: str, terms: str, *, entries: str = "NOT MATERIALIZED") -> str:
    """Fee and principal of bills on which principal only went down: the product less what each payment spares.

    No such bill is open for less than nothing, so the difference is not negative. Arguments as above. The planner
    cannot know how many bills fall into a row of the terms, so it must not join by that first (OFFSET 0); the outer
    join only tells it that there are entries of all those bills. Most were reduced once: that entry is `whole`, and
    nothing needs adding up. Where it cannot know how many bills there are either, it would look the entries up once per
    row of the terms: `entries="MATERIALIZED"` looks them up once.
    """
    return f"""SELECT id, household_id, estate_id, amount_fen - settled_fen AS principal_fen,
       least(CASE WHEN cap_e8 = 100000000 THEN amount_fen END,
             CASE WHEN small THEN (amount_fen * rates_e8 - spared_e8 + 50000000) / 100000000
                  ELSE round((amount_fen::numeric * rates_e8 - spared_large_e8) * 0.00000001)::bigint END) AS fee_fen
  FROM (
    WITH entry AS {entries} (
      SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.due_date, e.amount_fen AS fen,
             {_moved_on("e")} AS moved_on, e.amount_fen = b.paid_fen + b.waived_fen AS whole
      FROM {bills} LEFT JOIN ledger_entry e ON e.bill_id = b.id AND e.credit_account = 'receivable'
      WHERE {is_moved("b")} AND {where} OFFSET 0
    ), reduced AS MATERIALIZED (
      SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.whole, b.cap_e8, b.small, b.rates_e8,
             CASE WHEN b.small THEN b.fen * {_spared_e8("b", "r")} END AS spared_e8,
             CASE WHEN NOT b.small THEN b.fen::numeric * {_spared_e8("b", "r")} END AS spared_large_e8,
             CASE WHEN b.moved_on <= :as_of THEN b.fen ELSE 0 END AS settled_fen
      FROM (
        SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.fen, b.moved_on, b.whole,
               t.terms_from, t.cap_e8, {_is_small("b", "t")} AS small, {_rates_e8("b", "t")} AS rates_e8,
               least(:as_of, CASE WHEN b.moved_on <= b.due_date + t.grace_days THEN b.due_date + t.start_after
                                  ELSE b.moved_on END) AS day
        FROM entry b JOIN {terms} t ON {is_term_of("t", "b")} OFFSET 0) b
      JOIN {terms} r ON r.estate_id = b.estate_id AND r.terms_from = b.terms_from
        AND b.day >= r.from_on AND b.day < r.to_on
    )
    SELECT id, household_id, estate_id, amount_fen, cap_e8, small, rates_e8, spared_e8, spared_large_e8, settled_fen
    FROM reduced WHERE whole
    UNION ALL
    SELECT id, household_id, estate_id, amount_fen, cap_e8, small, rates_e8, sum(spared_e8)::bigint,
           sum(spared_large_e8), sum(settled_fen)::bigint
    FROM reduced WHERE NOT whole
    GROUP BY id, household_id, estate_id, amount_fen, cap_e8, small, rates_e8
  ) moved"""


_OF_SUBJECT = f"""
  SELECT b.* FROM subject s JOIN household h ON h.id = s.household_id
  JOIN bill b ON b.estate_id = h.estate_id AND b.household_id = h.id AND {open_bill("b")}
  UNION ALL
  SELECT b.* FROM subject s JOIN late_fee_left f USING (household_id)
  JOIN bill b ON b.id = f.bill_id AND NOT ({open_bill("b")})
  UNION ALL
  SELECT b.* FROM subject s JOIN bill b ON b.household_id = s.household_id AND NOT ({open_bill("b")})
  WHERE :past AND NOT {fee_left("b")}
    AND {moved_after("b", ":as_of")}"""

# A bill of a plan is looked at by itself: there are few. What accrues on the days of a segment is what is open; within
# a freeze what was missed of the instalments; and what remained when the plan was broken, if it was.
_FROZEN_SEGMENTS = f"""
  SELECT b.id, b.household_id, b.estate_id, b.capped, b.amount_fen, c.on_day, c.until,
         CASE WHEN f.plan_id IS NULL THEN o.fen
              ELSE least(o.fen, f.remains + least(f.missed, greatest(0, o.fen - f.remains))) END
  FROM (SELECT * FROM late_bill WHERE id IN (SELECT bill_id FROM late_freeze)) b
  CROSS JOIN LATERAL (
    SELECT COALESCE(array_agg({_moved_on("e")}), '{{}}') AS days, COALESCE(array_agg({_moved_fen("e")}), '{{}}') AS fens
    FROM ledger_entry e WHERE e.bill_id = b.id AND {_moves_principal("e")} AND {_moved_on("e")} <= :as_of
  ) m
  CROSS JOIN LATERAL (
    SELECT day AS on_day, lead(day, 1, CAST(:as_of AS date)) OVER (ORDER BY day) AS until FROM (
      SELECT b.start_on AS day
      UNION SELECT day FROM unnest(m.days) day WHERE day > b.free_until
      UNION SELECT start_on FROM late_freeze WHERE bill_id = b.id
      UNION SELECT end_on FROM late_freeze WHERE bill_id = b.id
      UNION SELECT x.due_date FROM late_freeze z JOIN instalment_plan_part x USING (plan_id, bill_id)
            WHERE z.bill_id = b.id
    ) cut WHERE day >= b.start_on AND day < :as_of
  ) c
  CROSS JOIN LATERAL (
    SELECT greatest(0, b.amount_fen + COALESCE(sum(fen), 0))::bigint AS fen FROM unnest(m.days, m.fens) AS v(day, fen)
    WHERE day <= greatest(c.on_day, b.free_until)
  ) o
  LEFT JOIN LATERAL (
    SELECT z.plan_id,
      CASE WHEN z.restored THEN (
        SELECT greatest(0, b.amount_fen + COALESCE(sum(fen), 0))::bigint FROM unnest(m.days, m.fens) AS v(day, fen)
        WHERE day <= greatest(z.end_on, b.free_until)) ELSE 0 END AS remains,
      greatest(0, COALESCE((SELECT sum(x.amount_fen) FROM instalment_plan_part x
                            WHERE x.plan_id = z.plan_id AND x.bill_id = b.id AND x.due_date <= c.on_day), 0)
        + COALESCE((SELECT sum(fen) FROM unnest(m.days, m.fens) AS v(day, fen)
                    WHERE day > z.start_on AND day <= c.on_day), 0))::bigint AS missed
    FROM late_freeze z WHERE z.bill_id = b.id AND z.start_on <= c.on_day AND c.until <= z.end_on
    ORDER BY z.start_on LIMIT 1
  ) f ON true"""


def chain(candidates: str) -> str:
    """From `late_candidate` on, which is this query of bills; `late_terms` stands before it.

    Large parts are never joined to each other, only to small ones and by index: the planner cannot know their sizes.
    Only bills marked apart go on from there.
    """
    moves, on_day, fen = _moves_principal("e"), _moved_on("e"), _moved_fen("e")
    return f"""
late_candidate AS ({candidates}
), late_bill AS (
  SELECT b.id, b.household_id, b.estate_id, b.amount_fen, b.due_date + p.grace_days AS free_until,
         b.due_date + p.start_after AS start_on, p.capped
  FROM late_candidate b JOIN late_policy p ON p.estate_id = b.estate_id
    AND b.due_date >= p.terms_from AND b.due_date < p.terms_to
  WHERE b.voided_at IS NULL AND b.late_fee_apart AND b.due_date + p.grace_days < :as_of
), late_principal AS (
  SELECT b.id, b.estate_id, greatest(0, b.amount_fen + COALESCE((
    SELECT sum({fen}) FROM ledger_entry e WHERE e.bill_id = b.id AND {moves} AND {on_day} <= :as_of
  ), 0))::bigint AS principal_fen
  FROM late_bill b
), late_freeze AS (
  SELECT DISTINCT b.id AS bill_id, s.plan_id, p.signed_on AS start_on, COALESCE(s.frozen_to, :as_of) AS end_on,
         s.status IN ('broken', 'cancelled') AS restored
  FROM late_bill b JOIN instalment_plan_part x ON x.bill_id = b.id JOIN instalment_plan p ON p.id = x.plan_id
  JOIN LATERAL (SELECT s.* FROM instalment_plan_standing s WHERE s.plan_id = p.id AND s.from_on <= :as_of
                ORDER BY s.from_on DESC LIMIT 1) s ON true
  WHERE COALESCE(s.frozen_to, :as_of) > p.signed_on
), late_point AS (
  SELECT id AS bill_id, household_id, estate_id, capped, amount_fen, start_on AS on_day,
         amount_fen AS delta
  FROM late_bill WHERE id NOT IN (SELECT bill_id FROM late_freeze)
  UNION ALL
  SELECT b.id, b.household_id, b.estate_id, b.capped, b.amount_fen,
         CASE WHEN {on_day} <= b.free_until THEN b.start_on ELSE {on_day} END, {fen}
  FROM late_bill b JOIN ledger_entry e ON e.bill_id = b.id
  WHERE b.id NOT IN (SELECT bill_id FROM late_freeze) AND {moves} AND {on_day} < :as_of
), late_segment AS (
  SELECT bill_id, household_id, estate_id, capped, amount_fen, on_day,
         lead(on_day, 1, CAST(:as_of AS date)) OVER by_day AS until,
         greatest(0, sum(delta) OVER by_day)::bigint AS balance
  FROM late_point WINDOW by_day AS (PARTITION BY bill_id ORDER BY on_day)
  UNION ALL{_FROZEN_SEGMENTS}
), late_accrued AS (
  SELECT s.bill_id, s.household_id, s.estate_id,
         least(CASE WHEN s.capped THEN s.amount_fen END,
               round(sum(s.balance::numeric * r.e8
                         * greatest(0, least(s.until, r.to_on) - greatest(s.on_day, r.since_on)))
                     * 0.00000001))::bigint AS accrued_fen
  FROM late_segment s
  JOIN late_rate r ON r.estate_id = s.estate_id AND r.from_on < s.until AND r.to_on > s.on_day
  WHERE s.balance > 0 AND s.until > s.on_day
  GROUP BY s.bill_id, s.household_id, s.estate_id, s.capped, s.amount_fen
), late_counted AS (
  SELECT a.*, greatest(0, a.accrued_fen - COALESCE((
      SELECT sum(CASE WHEN e.credit_account = 'late_fee_income' THEN e.amount_fen ELSE -e.amount_fen END)
      FROM ledger_entry e WHERE e.bill_id = a.bill_id AND COALESCE(e.value_on, e.booked_on) <= :as_of
        AND 'late_fee_income' IN (e.debit_account, e.credit_account)), 0))::bigint AS due_fen
  FROM late_accrued a
)"""


LATE_FEE = f"""{TERMS}, {chain(_OF_SUBJECT)}, late_fee AS (
  SELECT bill_id, household_id, accrued_fen, due_fen FROM late_counted
  UNION ALL
  SELECT id, household_id, fee_fen, fee_fen FROM (
    {unmoved_fees("late_candidate b", "b.voided_at IS NULL", "late_terms")}
    UNION ALL
    {moved_fees("late_candidate b", "b.voided_at IS NULL", "late_terms")}
  ) plain WHERE fee_fen > 0
)"""

LATE_FEES_DUE = text(f"""
WITH subject AS (SELECT unnest(CAST(:households AS bigint[])) AS household_id), {LATE_FEE}
SELECT household_id, sum(due_fen)::bigint AS due_fen FROM late_fee GROUP BY household_id
""")


def late_fees_due(session: Session, households: Sequence[int], as_of: date, *, past: bool = False) -> dict[int, int]:
    """Late fee due in fen per household id; households without any are left out.

    `past`: as it was at the end of a day gone by, with the bills settled since.
    """
    if not households:
        return {}
    rows = session.execute(LATE_FEES_DUE, {"households": list(households), "as_of": as_of, "past": past})
    return {row.household_id: row.due_fen for row in rows if row.due_fen}
