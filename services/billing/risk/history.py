"""STORE of what a score is made from: months paid and late, complaints and orders, of one estate at a time (D7)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.risk.rules import GRACE_DAYS, Month, Past

# Received or given back: money and prepaid balance, with the day it counts.
_MONTHS = text("""
WITH moved AS (
  SELECT bill_id, COALESCE(value_on, booked_on) AS on_day,
         CASE WHEN credit_account = 'receivable' THEN amount_fen ELSE -amount_fen END AS fen
  FROM ledger_entry
  WHERE estate_id = :estate_id AND COALESCE(value_on, booked_on) < :day
    AND (credit_account = 'receivable' AND debit_account <> 'fee_income'
         OR debit_account = 'receivable' AND credit_account NOT IN ('fee_income', 'opening_equity'))
), judged AS (
  SELECT b.household_id, b.due_date, b.amount_fen - b.waived_fen AS asked_fen,
         COALESCE(sum(m.fen) FILTER (WHERE m.on_day <= b.due_date + :grace), 0) AS in_time,
         COALESCE(sum(m.fen), 0) AS fen, max(m.on_day) AS last_on
  FROM household h JOIN bill b ON b.household_id = h.id LEFT JOIN moved m ON m.bill_id = b.id
  WHERE h.estate_id = :estate_id AND b.voided_at IS NULL AND b.due_date >= :first AND b.due_date < :day
  GROUP BY b.id
)
SELECT household_id, max(due_date) AS due, bool_or(in_time < asked_fen) AS late,
       max(CASE WHEN in_time < asked_fen THEN :grace + 1 ELSE COALESCE(last_on - due_date, 0) END) AS after,
       bool_or(fen < asked_fen) AS is_open, max(COALESCE(last_on, due_date)) AS last_on
FROM judged GROUP BY household_id, date_trunc('month', due_date::timestamp) ORDER BY household_id, due
""")

_SERVICE = text("""
SELECT h.household_id, h.source_kind, min(f.at AT TIME ZONE 'Asia/Shanghai')::date AS on_day
FROM household o JOIN dunning_hold h ON h.household_id = o.id JOIN dunning_hold_fact f USING (source_kind, source_id)
WHERE o.estate_id = :estate_id AND h.source_kind IN ('complaint', 'work_order') AND f.holds
GROUP BY h.household_id, h.source_kind, h.source_id
""")
_HOMES = text("""
SELECT DISTINCT ON (household_id) household_id, building FROM unit WHERE estate_id = :estate_id
ORDER BY household_id, id
""")
_ESTATES = text("SELECT id FROM estate ORDER BY id")


@dataclass(frozen=True)
class Home:
    """A household with its building and all that is known of it."""

    household_id: int
    building: str
    past: Past


def homes(session: Session, estate_id: int, first: date, day: date) -> list[Home]:
    """Every household of an estate with the months due from `first` on, as known on the morning of `day`."""
    months = _months(session, estate_id, first, day)
    service = _service_days(session, estate_id)
    return [
        Home(
            row.household_id,
            row.building,
            Past(
                months.get(row.household_id, ()),
                service.get((row.household_id, "complaint"), ()),
                service.get((row.household_id, "work_order"), ()),
            ),
        )
        for row in session.execute(_HOMES, {"estate_id": estate_id})
    ]


def estates(session: Session) -> Sequence[int]:
    """All estates."""
    return list(session.scalars(_ESTATES))


def _months(session: Session, estate_id: int, first: date, day: date) -> Mapping[int, Sequence[Month]]:
    found: dict[int, list[Month]] = defaultdict(list)
    key = {"estate_id": estate_id, "first": first, "day": day, "grace": GRACE_DAYS}
    for row in session.execute(_MONTHS, key):
        settled_on = None if row.is_open else row.last_on
        found[row.household_id].append(Month(row.due, row.late, max(-GRACE_DAYS, row.after), settled_on))
    return found


def _service_days(session: Session, estate_id: int) -> Mapping[tuple[int, str], Sequence[date]]:
    found: dict[tuple[int, str], list[date]] = defaultdict(list)
    for row in session.execute(_SERVICE, {"estate_id": estate_id}):
        found[row.household_id, row.source_kind].append(row.on_day)
    return found


def first_needed(day: date) -> date:
    """How far back a score looks: two years are enough for twelve months and what is still open."""
    return day - timedelta(days=731)
