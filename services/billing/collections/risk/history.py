"""STORE of what a score is made from: months paid and late, complaints and orders, of one estate at a time (D7)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.claims_sql import households_in_credit
from services.billing.collections.risk.rules import Bill, Month, Past, month_of, turns
from services.common.rows import rows_of

# What settled a bill or opened it again, by the day it counts: money, prepaid balance, waivers. Nothing is taken from
# the bill as it is today: that would know of waivers and bounced debits before they were.
_MOVES = text("""
SELECT bill_id, COALESCE(value_on, booked_on) AS on_day, debit_account = 'opening_equity' AS before_books,
       sum(CASE WHEN credit_account = 'receivable' THEN amount_fen ELSE -amount_fen END)::bigint AS fen
FROM ledger_entry
WHERE estate_id = :estate_id AND COALESCE(value_on, booked_on) < :day
  AND (credit_account = 'receivable'
       OR debit_account = 'receivable' AND credit_account NOT IN ('fee_income', 'opening_equity'))
GROUP BY 1, 2, 3
""")
_BILLS = text("""
SELECT b.id, b.household_id, b.due_date, b.amount_fen FROM household h JOIN bill b ON b.household_id = h.id
WHERE h.estate_id = :estate_id AND b.voided_at IS NULL AND b.due_date >= :first AND b.due_date < :day
ORDER BY b.household_id, b.due_date, b.id
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
_WITH_CREDIT = text("SELECT id FROM household WHERE estate_id = :estate_id AND credit_fen > 0")
_ESTATES = text("SELECT id FROM estate ORDER BY id")


@dataclass(frozen=True)
class Move:
    """What was settled of a bill on a day, less what was undone; `before_books`: on which day is unknown."""

    bill_id: int
    on_day: date
    before_books: bool
    fen: int


@dataclass(frozen=True)
class DueBill:
    """A bill and when it fell due."""

    id: int
    household_id: int
    due_date: date
    amount_fen: int


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


def in_credit(session: Session, estate_id: int, day: date) -> frozenset[int]:
    """Households of an estate whose credit covers all that is overdue."""
    households = list(session.scalars(_WITH_CREDIT, {"estate_id": estate_id}))
    return households_in_credit(session, households, day)


def estates(session: Session) -> Sequence[int]:
    """All estates."""
    return list(session.scalars(_ESTATES))


def _months(session: Session, estate_id: int, first: date, day: date) -> Mapping[int, Sequence[Month]]:
    key = {"estate_id": estate_id, "first": first, "day": day}
    moves: dict[int, list[Move]] = defaultdict(list)
    for move in rows_of(Move, session.execute(_MOVES, key)):
        moves[move.bill_id].append(move)
    found: dict[int, list[Month]] = defaultdict(list)
    rows = rows_of(DueBill, session.execute(_BILLS, key))
    for (household_id, _), bills in groupby(rows, key=lambda row: (row.household_id, row.due_date.replace(day=1))):
        found[household_id].append(month_of([_bill(row, moves.get(row.id, ())) for row in bills]))
    return found


def _bill(row: DueBill, moves: Iterable[Move]) -> Bill:
    """What was paid before the books were opened came in time."""
    days = [(min(m.on_day, row.due_date) if m.before_books else m.on_day, m.fen) for m in moves]
    return Bill(row.due_date, turns(row.amount_fen, days))


def _service_days(session: Session, estate_id: int) -> Mapping[tuple[int, str], Sequence[date]]:
    days: dict[tuple[int, str], list[date]] = defaultdict(list)
    for row in session.execute(_SERVICE, {"estate_id": estate_id}):
        days[row.household_id, row.source_kind].append(row.on_day)
    return days


def first_needed(day: date) -> date:
    """How far back a score looks: two years are enough for twelve months and what is still open."""
    return day - timedelta(days=731)
