"""SQL of the limitation clock for many bills at once: `rules.limitation` in SQL (D4).

`CLOCK` is a chain of common table expressions after `claim(bill_id, household_id, due_date)`, with the parameters
`:as_of`, `:demands` (templates) and `:letter`. It ends in `clock(bill_id, from_on, by)`: the day after which the period
runs, and what restarted it. A demand that comes late begins a dead stretch, which only an acknowledgement ends.

Only claims due so long ago that they could expire in time are looked at: a restart moves the end further off, never
nearer. They are found in the index of open bills, estate by estate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.collections.legal.limitation.rules import YEARS
from services.billing.collections.legal.rules import DEMANDS, LAWYERS_LETTER
from services.billing.portfolio.stewards.tables import STEWARD
from services.billing.receivables.ledger.sql import open_bill
from services.common.contracts.answers.legal import RestartKind
from services.common.domain.calendar import add_months
from services.common.rows import rows_of

CLOCK = """
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
)"""  # noqa: E501 - one frame, one line

_CLAIMS = f"""
WITH {STEWARD}, claim AS (
  SELECT id AS bill_id, household_id, due_date, estate_id, building, fee_item, period,
         amount_fen - paid_fen - waived_fen AS outstanding_fen
  FROM bill WHERE estate_id = ANY (:estates) AND {open_bill("bill")} AND due_date <= :latest_due
), {CLOCK}, ending AS (
  SELECT c.*, k.from_on, k.by, (k.from_on + :years * INTERVAL '1 year')::date AS expires_on
  FROM claim c JOIN clock k USING (bill_id)
)
"""
_NEAR = text(f"""{_CLAIMS}
SELECT n.*, h.code AS household, e.code AS estate, w.staff_code AS steward
FROM ending n
JOIN household h ON h.id = n.household_id
JOIN estate e ON e.id = n.estate_id
LEFT JOIN steward w ON w.estate_id = n.estate_id AND w.building = n.building
WHERE n.expires_on BETWEEN :first AND :last
  AND (CAST(:after_on AS date) IS NULL OR (n.expires_on, n.bill_id) > (:after_on, CAST(:after_id AS bigint)))
ORDER BY n.expires_on, n.bill_id LIMIT :limit
""")
_ESTATES = text("SELECT id FROM estate WHERE CAST(:codes AS text[]) IS NULL OR code = ANY (:codes) ORDER BY id")


@dataclass(frozen=True)
class EndingClaim:
    """An open bill whose claim ends; the period runs after `from_on`, because of `by` (None: the due date)."""

    bill_id: int
    household: str
    estate: str
    building: str
    steward: str | None
    fee_item: str
    due_date: date
    outstanding_fen: int
    from_on: date
    by: RestartKind | None
    expires_on: date


def near_expiry(
    session: Session,
    estate_ids: Sequence[int],
    as_of: date,
    days: tuple[int, int],
    after: tuple[date | None, int | None] = (None, None),
    limit: int | None = None,
) -> list[EndingClaim]:
    """Open bills whose claim expires between `days[0]` and `days[1]` days after `as_of`, by expiry."""
    last = as_of + timedelta(days=days[1])
    key = {"estates": list(estate_ids), "as_of": as_of, "years": YEARS, "letter": LAWYERS_LETTER}
    span = {"first": as_of + timedelta(days=days[0]), "last": last, "latest_due": latest_due(last)}
    cut = {"after_on": after[0], "after_id": after[1], "limit": limit}
    return rows_of(EndingClaim, session.execute(_NEAR, key | span | cut | {"demands": [*DEMANDS, LAWYERS_LETTER]}))


def latest_due(last: date) -> date:
    """No claim due after this day expires by `last`; a day more than the months say, because of 29 February."""
    return add_months(last, -12 * YEARS) + timedelta(days=1)


def estate_ids(session: Session, codes: Sequence[str] | None) -> list[int]:
    """Ids of the estates named, or of all."""
    return list(session.scalars(_ESTATES, {"codes": codes}))
