"""A generated portfolio whose true behaviour is known: each household's chance of being late, month by month (D7).

The truth: log-odds of being late = the household's own temper + what last month left behind + anger about a complaint
less than 180 days old. Nothing of it is stored where the product could read it.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import exp
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from services.billing.holds.tables import dunning_hold, dunning_hold_fact
from services.billing.receivables.ledger.rollups import rollup
from services.billing.tables import bill, estate, household, unit
from services.common.domain.calendar import add_months
from tests.support.billing.entries import enter

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
FEN = 20_000
ANGER_DAYS = 180
_BILL = "estate_id, building, fee_item, period, due_date"
_SUMS = "billed_fen, collected_fen, waived_fen, billed_count"
ROLL_UP = text(f"""INSERT INTO rate_rollup ({_BILL}, booked_on, {_SUMS})
SELECT {_BILL}, rolled_on, {_SUMS} FROM ({rollup(_BILL, "bill b", "true")}) r""")


@dataclass
class Household:
    """One household's temper and what became of it."""

    chance: random.Random
    temper: float
    late: bool = False
    unpaid: int = 0
    complaints: list[date] = field(default_factory=list)

    def live(self, due: date) -> tuple[float, int | None]:
        """The true chance of being late with the month, and after how many days it paid (None: never)."""
        if self.chance.random() < 0.02:
            self.complaints.append(due - timedelta(days=self.chance.randint(16, 40)))
        angry = any(0 < (due - day).days < ANGER_DAYS for day in self.complaints)
        odds = self.temper + 1.1 * self.late + 0.5 * min(self.unpaid, 4) + 1.5 * angry
        truth = 1 / (1 + exp(-odds))
        self.late = self.chance.random() < truth
        if not self.late:
            return truth, self.chance.randint(-10, 15)
        after = None if self.chance.random() < 0.25 else self.chance.randint(16, 120)
        self.unpaid += after is None
        return truth, after


@dataclass(frozen=True)
class Lived:
    """What was true of a month of a household."""

    household_id: int
    due: date
    chance: float
    late: bool


def generate(session: Session, households: int, months: int, last_due: date, *, seed: int = 7) -> list[Lived]:
    """An estate of so many households with bills of `months` months up to `last_due`, paid as its people live."""
    chance = random.Random(seed)
    place = {"name": "B", "region": "R", "city": "C", "property_type": "residential", "service_grade": "A"}
    row = place | {"code": f"R{seed}", "charging_mode": "lump_sum"}
    estate_id = session.scalars(insert(estate).values(row).returning(estate.c.id)).one()
    homes = _homes(session, estate_id, households, seed)
    lived, bills = [], []
    for household_id, unit_id in homes:
        person = Household(chance, chance.gauss(-2.6, 1.4))
        for back in reversed(range(months)):
            due = add_months(last_due.replace(day=1), -back, last_due.day)
            truth, after = person.live(due)
            lived.append(Lived(household_id, due, truth, person.late))
            bills.append((household_id, unit_id, due, after))
        _complain(session, household_id, person.complaints, chance)
    _post(session, estate_id, bills)
    return lived


def _homes(session: Session, estate_id: int, count: int, seed: int) -> list[tuple[int, int]]:
    people = [
        {"estate_id": estate_id, "code": f"R{seed}-{n}", "owner_name": "王", "owner_phone": "10000000000"}
        for n in range(count)
    ]
    ids = list(session.scalars(insert(household).returning(household.c.id, sort_by_parameter_order=True), people))
    flats = [
        {"estate_id": estate_id, "household_id": home, "code": f"U{n}", "building": str(n % 10), "area_m2": 90,
         "usage": "residential", "status": "occupied"}
        for n, home in enumerate(ids)
    ]  # fmt: skip
    units = session.scalars(insert(unit).returning(unit.c.id, sort_by_parameter_order=True), flats)
    return list(zip(ids, units, strict=True))


def _complain(session: Session, household_id: int, days: list[date], chance: random.Random) -> None:
    for day in days:
        at = datetime.combine(day, time(4), UTC)
        source = {"source_kind": "complaint", "source_id": UUID(int=chance.getrandbits(128))}
        hold = source | {"household_id": household_id, "reason": "open_complaint", "since": at, "released_at": at}
        session.execute(insert(dunning_hold).values(hold))
        session.execute(insert(dunning_hold_fact).values(source | {"at": at, "holds": True}))


def _post(session: Session, estate_id: int, bills: list[tuple[int, int, date, int | None]]) -> None:
    today = NOW.date()
    rows: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for bill_id, (household_id, unit_id, due, after) in enumerate(bills, start=1):
        paid_on = None if after is None else due + timedelta(days=after)
        paid = paid_on is not None and paid_on <= today
        base = {"household_id": household_id, "estate_id": estate_id}
        issued_on = due.replace(day=1)
        rows.append(
            base
            | {"id": bill_id, "unit_id": unit_id, "amount_fen": FEN, "paid_fen": FEN if paid else 0, "due_date": due}
            | {"period": add_months(issued_on, -1), "issued_on": issued_on, "building": "1", "fee_item": "property_fee"}
        )
        entry = base | {"bill_id": bill_id, "amount_fen": FEN}
        issue = {"kind": "bill_issued", "debit_account": "receivable", "credit_account": "fee_income"}
        entries.append(entry | issue | {"booked_on": issued_on})
        if paid:
            payment = {"kind": "payment_principal", "debit_account": "cash_cash", "credit_account": "receivable"}
            entries.append(entry | payment | {"booked_on": paid_on})
    session.execute(insert(bill), rows)
    enter(session, *entries)
    session.execute(ROLL_UP)
