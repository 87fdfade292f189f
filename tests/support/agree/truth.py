"""The naive second reading of a database of billing: raw entries, added up in plain loops. It is the truth, no place.

Nothing that is kept beside the ledger is read here (no paid_fen, no credit_fen, no rollup) and no law of the product.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from tests.support.agree.late_fee import Terms, late_fee_fen

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHARGES = ("fee_income", "opening_equity")
AGES = (("1-15", 15), ("16-30", 30), ("31-60", 60), ("61-365", 365))

BILLS = """SELECT b.id, b.household_id, h.code AS household, e.code AS estate, e.region, b.building, b.fee_item,
  b.period, b.due_date, b.issued_on, b.first_issued_on, b.voided_at, b.disputed_at,
  b.amount_fen AS kept_amount_fen, b.estate_id
FROM bill b JOIN household h ON h.id = b.household_id JOIN estate e ON e.id = b.estate_id ORDER BY b.id"""
HOUSEHOLDS = """SELECT h.id, h.code, e.code AS estate, h.arrears_cause AS cause
FROM household h JOIN estate e ON e.id = h.estate_id ORDER BY h.id"""
ENTRIES = "SELECT *, COALESCE(value_on, booked_on) AS counts_on FROM ledger_entry ORDER BY id"
CLAUSES = "SELECT id, COALESCE(late_fee_clause, '') <> '' AS has_clause FROM estate"
POLICIES = """SELECT estate_id, effective_from, late_fee_capped AS capped, grace_days, grace_mode FROM collection_policy
ORDER BY effective_from"""
RATES = "SELECT estate_id, effective_from, daily FROM late_fee_rate ORDER BY effective_from"
STEWARDS = "SELECT estate_id, building, staff_code, from_date, to_date FROM stewardship ORDER BY from_date"
LAST_DAYS = """SELECT max(created_at) AS at, GREATEST(max(booked_on), (SELECT max(as_of) FROM dunning_sweep),
  (SELECT max(issued_on) FROM bill)) AS on_day FROM ledger_entry"""


def day_of_last_posting(session: Session) -> date | None:
    """Today, as the one who posted last had it; what was booked or swept ahead counts too. None: nothing was posted."""
    row = session.execute(text(LAST_DAYS)).one()
    at: datetime | None = row.at
    return None if at is None else max(at.astimezone(SHANGHAI).date(), row.on_day)


def _by_estate(rows: Iterable[Row[Any]]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.estate_id].append(row)
    return found


def receivable_fen(entry: Row[Any]) -> int:
    """What an entry adds to what is owed."""
    sides: int = (entry.debit_account == "receivable") - (entry.credit_account == "receivable")
    return int(entry.amount_fen) * sides


def age_of(days: int) -> str:
    """The name of the bucket of so many days overdue."""
    return "not_due" if days < 1 else next((name for name, last in AGES if days <= last), "365+")


@dataclass(frozen=True)
class TrueBill:
    """A bill that stands, with all that was booked on it."""

    row: Row[Any]
    entries: list[Row[Any]]

    @cached_property
    def amount_fen(self) -> int:
        """What it was charged at, by its postings."""
        return sum(entry.amount_fen for entry in self.entries if _is_charge(entry))

    @cached_property
    def waived_fen(self) -> int:
        """Principal that was let off."""
        return sum(entry.amount_fen for entry in self.entries if _is_waiver(entry))

    @cached_property
    def open_fen(self) -> int:
        """What is left of it."""
        return sum(map(receivable_fen, self.entries))

    @property
    def paid_fen(self) -> int:
        """Principal that was received."""
        return self.amount_fen - self.waived_fen - self.open_fen

    @property
    def status(self) -> str:
        """As people read it."""
        return "paid" if not self.open_fen else "open" if self.open_fen == self.amount_fen else "partially_paid"

    def open_on(self, day: date) -> int:
        """What was left of it at the end of a day; what was charged or paid before the books opened always counts."""
        return sum(receivable_fen(e) for e in self.entries if _is_of_old(e) or e.counts_on <= day)


def _is_charge(entry: Row[Any]) -> bool:
    return entry.debit_account == "receivable" and entry.credit_account in CHARGES


def _is_waiver(entry: Row[Any]) -> bool:
    return (entry.debit_account, entry.credit_account) == ("fee_income", "receivable")


def _is_of_old(entry: Row[Any]) -> bool:
    return _is_charge(entry) or entry.kind == "opening_paid"


@dataclass
class Truth:
    """What is owed and was paid at the end of the day `today`, by which everything is booked."""

    session: Session
    today: date
    bills: dict[int, TrueBill] = field(default_factory=dict)
    void_bills: dict[int, TrueBill] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.entries = self.rows(ENTRIES)
        by_bill: dict[int | None, list[Row[Any]]] = defaultdict(list)
        for entry in self.entries:
            by_bill[entry.bill_id].append(entry)
        for row in self.rows(BILLS):
            kind = self.bills if row.voided_at is None else self.void_bills
            kind[row.id] = TrueBill(row, by_bill[row.id])
        self.households = {row.code: row for row in self.rows(HOUSEHOLDS)}

    def rows(self, query: str, **named: Any) -> list[Row[Any]]:
        """What a query answers."""
        return list(self.session.execute(text(query), named))

    @cached_property
    def by_household(self) -> dict[str, list[TrueBill]]:
        """Bills that stand, oldest due first."""
        found: dict[str, list[TrueBill]] = defaultdict(list)
        for bill in sorted(self.bills.values(), key=lambda bill: (bill.row.due_date, bill.row.id)):
            found[bill.row.household].append(bill)
        return found

    @cached_property
    def credit_fen(self) -> dict[str, int]:
        """Prepaid balance by household."""
        codes = {row.id: code for code, row in self.households.items()}
        sums = dict.fromkeys(self.households, 0)
        for entry in self.entries:
            if entry.household_id in codes:
                side = (entry.credit_account == "customer_credit") - (entry.debit_account == "customer_credit")
                sums[codes[entry.household_id]] += entry.amount_fen * side
        return sums

    @cached_property
    def planned(self) -> frozenset[int]:
        """Bills that ever were in an instalment plan: what they accrue is not counted here."""
        return frozenset(row.bill_id for row in self.rows("SELECT DISTINCT bill_id FROM instalment_plan_part"))

    def overdue_days(self, bill: TrueBill) -> int:
        """Since the due date; 0 or less: it is not overdue."""
        days: int = (self.today - bill.row.due_date).days
        return days

    def overdue(self) -> Iterator[TrueBill]:
        """Bills with principal left on them after their due date."""
        return (bill for bill in self.bills.values() if bill.open_fen and self.overdue_days(bill) > 0)

    def late_fee_of(self, bill: TrueBill, as_of: date | None = None) -> int | None:
        """What late fee is due on a bill at the end of a day; None where a plan has its say."""
        if bill.row.id in self.planned:
            return None
        moved, settled = [], 0
        for entry in bill.entries:
            if _is_charge(entry) or (entry.counts_on > (as_of or self.today) and entry.kind != "opening_paid"):
                continue
            moved.append((date.min if entry.kind == "opening_paid" else entry.counts_on, receivable_fen(entry)))
            side = (entry.credit_account == "late_fee_income") - (entry.debit_account == "late_fee_income")
            settled += entry.amount_fen * side
        accrued = late_fee_fen(self.terms_of(bill), bill.amount_fen, bill.row.due_date, moved, as_of or self.today)
        return max(0, accrued - settled)

    def terms_of(self, bill: TrueBill) -> Terms:
        """By which late fee is due on a bill: cap and grace of the day it fell due, each day's rate (ADR 23)."""
        estate_id, due = bill.row.estate_id, bill.row.due_date
        terms = self._in_force(self.policies, estate_id, due, "grace_days")
        days = sorted({row.effective_from for of in (0, estate_id) for row in self.rates.get(of, ())})
        rates = [(day, self._in_force(self.rates, estate_id, day, "daily").daily) for day in days]
        return Terms(self.clauses[estate_id], terms.capped, terms.grace_days, terms.grace_mode == "from_due", rates)

    @staticmethod
    def _in_force(versions: dict[int, list[Row[Any]]], estate_id: int, day: date, value: str) -> Row[Any]:
        """An estate's own version of a day; the group's where it has none or its own is silent."""
        own = [row for row in versions.get(estate_id, ()) if row.effective_from <= day]
        if own and getattr(own[-1], value) is not None:
            return own[-1]
        return [row for row in versions[0] if row.effective_from <= day][-1]

    @cached_property
    def clauses(self) -> dict[int, bool]:
        """Which estates have a late fee in their contract."""
        return {row.id: row.has_clause for row in self.rows(CLAUSES)}

    @cached_property
    def policies(self) -> dict[int, list[Row[Any]]]:
        """Cap and grace by estate, 0 the group, in the order of their days."""
        return _by_estate(self.rows(POLICIES))

    @cached_property
    def rates(self) -> dict[int, list[Row[Any]]]:
        """Daily rates by estate, 0 the group, in the order of their days."""
        return _by_estate(self.rows(RATES))

    @cached_property
    def stewards(self) -> dict[tuple[int, str], list[Row[Any]]]:
        """Who answered for a building, first one first."""
        found: dict[tuple[int, str], list[Row[Any]]] = defaultdict(list)
        for row in self.rows(STEWARDS):
            found[row.estate_id, row.building].append(row)
        return found

    def steward_of(self, bill: TrueBill) -> str | None:
        """Who answers for the building of a bill today; the first one ever answers for the past too."""
        terms = self.stewards.get((bill.row.estate_id, bill.row.building), [])
        here = [t for t in terms if t.from_date <= self.today and (t.to_date is None or self.today <= t.to_date)]
        early = [t for t in terms[:1] if self.today < t.from_date]
        return next((str(term.staff_code) for term in here + early), None)
