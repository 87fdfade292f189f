"""B5–B9, C1–C4: an office lives through a year at random; after every act all that is kept twice agrees.

Late fee is counted here day by day from the ledger alone, by a rule written a second time and in another way.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.charges import handlers as charges
from services.billing.charging.charges.handlers import ChargeRequest
from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.books import handlers as accounts
from services.billing.receivables.incentives import redeeming
from services.billing.receivables.incentives.redeeming import Redemption
from services.billing.receivables.late_fee.by_estate import late_fee_by_estate
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.late_fee.rules import Instalment, only_fee_is_left
from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.plans import handlers as plans
from services.billing.receivables.plans import standing as keeping
from services.billing.receivables.plans.handlers import Offer
from services.billing.receivables.plans.rules import frozen_on
from services.billing.receivables.plans.tables import household_plans
from services.billing.receivables.statement.handlers import statement
from services.billing.receivables.trial_balance import handlers as ledger
from services.billing.settings import Settings
from services.common.contracts.errors import PublicError
from services.common.contracts.events import BillsAdjusted, BillsIssued, PaymentAllocated, PaymentReallocated
from tests.support.billing.books import SYSTEM, Books, settled
from tests.support.billing.desk import ESTATES, OPENING, TARIFFS, UNITS, Desk
from tests.support.billing.relief import FINANCE, MANAGER, Relief, noon
from tests.support.outbox import events

FIRST_DAY = date(2026, 1, 5)
HOMES = {"H1": "E1", "H2": "E1", "H3": "E2"}
# what is done today and dated today leaves every statement of a day gone by as it was
TODAY_ONLY = ("pay_today", "ask", "decide", "refund", "hand_out", "apply", "cancel", "redeem", "tell", "close",
              "again")  # fmt: skip
ACTS = (*TODAY_ONLY, "ask", "pay_today", "pay_today", "pay_back", "pay_back", "bill", "bill", "void", "void",
        "decide_void", "reissue", "refuse_refund", "charge", "sign", "sign", "sleep", "sleep", "sleep",
        "sleep")  # fmt: skip
NOT_SLEEPING = [name for name in ACTS if name != "sleep"]

PER_BILL = """
SELECT b.id FROM bill b LEFT JOIN ledger_entry e ON e.bill_id = b.id WHERE b.voided_at IS NULL
GROUP BY b.id HAVING b.waived_fen <> COALESCE(sum(e.amount_fen) FILTER (
  WHERE e.debit_account = 'fee_income' AND e.credit_account = 'receivable'), 0)
OR b.paid_fen + b.waived_fen <> COALESCE(sum(e.amount_fen) FILTER (WHERE e.credit_account = 'receivable'), 0)
  - COALESCE(sum(e.amount_fen) FILTER (
      WHERE e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity')), 0)
"""
PER_HOUSEHOLD = """
SELECT h.code FROM household h LEFT JOIN ledger_entry e ON e.household_id = h.id GROUP BY h.id
HAVING h.credit_fen <> COALESCE(sum(CASE 'customer_credit' WHEN e.credit_account THEN e.amount_fen
                                    WHEN e.debit_account THEN -e.amount_fen END), 0)
"""
# Each figure of each bill and day, from the ledger, against the rollups: a void bill is in none of any day, prepaid
# balance counts from the day it had come, and nothing before its bill does.
FIGURES = """
WITH moved AS (
  SELECT b.estate_id, b.building, b.fee_item, b.period, b.due_date,
    CASE WHEN e.kind IN ('bill_issued', 'opening_bill') THEN LEAST(e.booked_on, b.first_issued_on)
         ELSE GREATEST(CASE WHEN e.kind IN ('credit_applied', 'waiver_carried', 'discount_carried')
           THEN COALESCE(e.value_on, e.booked_on) ELSE e.booked_on END,
           LEAST(b.first_issued_on, b.issued_on, b.due_date, b.period + INTERVAL '1 month' - INTERVAL '1 day')::date)
    END AS booked_on,
    CASE WHEN e.kind IN ('bill_issued', 'opening_bill') THEN e.amount_fen ELSE 0 END AS billed,
    CASE WHEN e.credit_account = 'receivable' AND e.debit_account <> 'fee_income' THEN e.amount_fen
         WHEN e.debit_account = 'receivable' AND e.credit_account NOT IN ('fee_income', 'opening_equity')
         THEN -e.amount_fen ELSE 0 END AS collected,
    CASE WHEN e.kind IN ('principal_waived', 'discount', 'waiver_carried', 'discount_carried') THEN e.amount_fen
         WHEN e.kind = 'waiver_reversed' THEN -e.amount_fen ELSE 0 END AS waived
  FROM ledger_entry e JOIN bill b ON b.id = e.bill_id WHERE b.voided_at IS NULL
  UNION ALL
  SELECT estate_id, building, fee_item, period, due_date, booked_on, -billed_fen, -collected_fen, -waived_fen
  FROM rate_rollup
)
SELECT estate_id, fee_item, period, booked_on, sum(billed), sum(collected), sum(waived) FROM moved
GROUP BY estate_id, building, fee_item, period, due_date, booked_on
HAVING sum(billed) <> 0 OR sum(collected) <> 0 OR sum(waived) <> 0
"""
# What is kept for refunds is what is asked for, and no more than there is.
PER_REFUND = """
SELECT h.code FROM household h LEFT JOIN credit_refund r ON r.household_id = h.id AND r.status = 'requested'
GROUP BY h.id HAVING h.reserved_fen <> COALESCE(sum(r.amount_fen), 0) OR h.reserved_fen > h.credit_fen
"""
SEALED = """
SELECT c.estate_id, c.period FROM ledger_close c CROSS JOIN LATERAL (
  SELECT x ->> 'account' AS account, (x ->> 'balance_fen')::bigint AS fen FROM jsonb_array_elements(c.balances) x
) was WHERE was.fen <> (SELECT sum(CASE was.account WHEN e.debit_account THEN e.amount_fen
                                   WHEN e.credit_account THEN -e.amount_fen ELSE 0 END)
  FROM ledger_entry e WHERE e.estate_id = c.estate_id AND e.booked_on < c.period + INTERVAL '1 month')
"""


class Office:
    """Does one thing after the other, each in a transaction of its own; what is refused must leave no trace."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.chance = random.Random(seed)
        self.today = FIRST_DAY
        self.told: list[Any] = []
        self.paid = 0
        self.done: dict[str, int] = defaultdict(int)

    def open(self) -> "Office":
        """Two estates, three homes, opening balances, policies by chance."""
        desk = self.desk()
        mode = self.chance.choice(["lump_sum", "remuneration"])
        clause = self.chance.choice(["", "§7"])
        desk.load("estates", ESTATES, f"E1,E1,South,Wuhan,residential,A,{mode},§7",
                  f"E2,E2,South,Wuhan,residential,A,lump_sum,{clause}")  # fmt: skip
        desk.load("units", UNITS, "E1,1,101,87.33,residential,occupied,H1,王,13812345671",
                  "E1,2,201,50,residential,occupied,H2,李,13812345672",
                  "E2,1,101,61.5,residential,occupied,H3,张,13812345673")  # fmt: skip
        desk.load(
            "tariffs", TARIFFS, *(f"{e},property_fee,per_area,residential,2.35,2020-01-01,0.7" for e in ("E1", "E2"))
        )
        desk.publish("E1")
        desk.publish("E2")
        desk.load("opening_balances", OPENING, "E1,101,old,2025-08,300.00,2025-09-15,120.00",
                  "E1,201,old,2025-10,99.99,2025-11-15,", "E2,101,old,2025-10,50.00,2025-11-15,50.00")  # fmt: skip
        within = self.chance.choice(["principal_first", "late_fee_first"])
        own = "INSERT INTO collection_policy SELECT id, :within, :capped, :grace, :mode FROM estate WHERE code = 'E1'"
        mode, grace = self.chance.choice(["from_due", "after_grace"]), self.chance.choice([0, 0, 5])
        desk.write(own, within=within, capped=self.chance.random() > 0.5, grace=grace, mode=mode)
        desk.write(
            "INSERT INTO late_fee_rate SELECT id, r.since, r.daily FROM estate, "
            "(VALUES (DATE '2020-01-01', 0.0005), (DATE '2026-04-01', 0.002)) r(since, daily) WHERE code = 'E1'"
        )
        desk.write("INSERT INTO plan_policy SELECT id, 15, :revives FROM estate WHERE code = 'E1'",
                   revives=self.chance.random() < 0.5)  # fmt: skip
        desk.write("UPDATE incentive_policy SET enabled = true, point_fen = 1")
        desk.write("INSERT INTO void_authority SELECT id, 5000 FROM estate WHERE code = 'E1'")
        return self

    def desk(self) -> Desk:
        return Desk(self.engine, Settings(), now=self.now)

    @property
    def now(self) -> datetime:
        return noon(self.today.isoformat())

    @contextmanager
    def relief(self) -> Iterator[Relief]:
        with Session(self.engine) as session, session.begin():
            yield Relief(Books(session), self.now)

    def rows(self, query: str, **named: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), named))

    def act(self, acts: Sequence[str] = ACTS) -> str:
        name = self.chance.choice(acts)
        try:
            getattr(self, name)()
            self.done[name] += 1
        except PublicError as refused:
            self.done[f"{name} refused: {type(refused).__name__}"] += 1
        return name

    # --- acts

    def sleep(self) -> None:
        self.today += timedelta(days=self.chance.choice([2, 10, 20, 30, 40]))

    def bill(self) -> None:
        months = [(2026, month) for month in range(1, 13) if date(2026, month, 1) <= self.today]
        year, month = self.chance.choice(months[-3:])
        self.desk().run(f"{year}-{month:02d}")

    def some_bills(self, household: str | None, most: int = 2, where: str = "true") -> list[int]:
        query = f"""SELECT b.id FROM bill b JOIN household h ON h.id = b.household_id
                    WHERE {where} AND (CAST(:code AS text) IS NULL OR h.code = :code) ORDER BY b.id"""
        found = [row.id for row in self.rows(query, code=household)]
        return self.chance.sample(found, min(len(found), self.chance.randint(1, most)))

    def pay_today(self) -> None:
        self._pay(self.today)

    def pay_back(self) -> None:
        self._pay(self.today - timedelta(days=self.chance.choice([1, 5, 20, 45, 90])))

    def _pay(self, on: date) -> None:
        household = self.chance.choice(sorted(HOMES))
        [owed] = self.rows("SELECT COALESCE(sum(amount_fen - paid_fen - waived_fen), 0)::bigint AS fen FROM bill b "
                           "JOIN household h ON h.id = b.household_id WHERE h.code = :code AND voided_at IS NULL",
                           code=household)  # fmt: skip
        fen = max(
            1, int(self.chance.choice([1, 50, owed.fen // 3, owed.fen, owed.fen + 7, owed.fen * 3 // 2, 20523, 5000]))
        )
        named = self.chance.choice([None, self.some_bills(household), self.some_bills(None, 3)])
        self.told.append(settled(fen, on.isoformat(), household, bills=named))
        self._deliver(self.told[-1])
        self.paid += fen

    def _deliver(self, event: Any) -> None:
        with Session(self.engine) as session, session.begin():
            allocate_payment(session, event, self.now)

    def again(self) -> None:
        if self.told:
            self._deliver(self.chance.choice(self.told))

    def ask(self) -> None:
        asked: dict[str, Any] = {"kind": self.chance.choice(["late_fee", "principal"])}
        asked |= self.chance.choice(
            [{"ratio": "0.3333"}, {"ratio": "1"}, {"ratio": "1"}, {"fen": 100}, {"fen": 10_000_000}]
        )
        bills = self.some_bills(self.chance.choice(sorted(HOMES)), 2, "voided_at IS NULL AND amount_fen > paid_fen")
        with self.relief() as relief:
            relief.ask(*bills, **asked)
        if self.chance.random() < 0.7:
            self.decide()

    def decide(self) -> None:
        waits = self.rows("SELECT id FROM waiver WHERE status = 'pending' ORDER BY id")
        if waits:
            chosen: UUID = self.chance.choice(waits).id
            with self.relief() as relief:
                if self.chance.random() < 0.2:
                    relief.reject(chosen)
                else:
                    relief.approve(chosen, self.chance.choice([MANAGER, FINANCE]), "resolution 7")

    def void(self) -> None:
        bills = self.some_bills(None, 1)
        with self.relief() as relief:
            relief.void(bills[0], reissue=self.chance.random() < 0.4)

    def decide_void(self) -> None:
        for row in self.rows("SELECT id FROM void_request WHERE status = 'requested' ORDER BY id LIMIT 1"):
            with self.relief() as relief:
                (relief.reject_void if self.chance.random() < 0.3 else relief.approve_void)(row.id)

    def reissue(self) -> None:
        for bill_id in self.some_bills(None, 1, "b.voided_at IS NOT NULL"):
            with self.relief() as relief:
                relief.reissue(bill_id)

    def refund(self) -> None:
        household = self.chance.choice(sorted(HOMES))
        [row] = self.rows("SELECT credit_fen - reserved_fen AS fen FROM household WHERE code = :code", code=household)
        fen = max(1, self.chance.choice([row.fen, row.fen // 2, row.fen + 1]))
        with self.relief() as relief:
            relief.ask_refund(fen, household)
        if self.chance.random() < 0.5:
            self.hand_out()

    def hand_out(self) -> None:
        for refund in self._asked_refunds():
            with self.relief() as relief:
                relief.approve_refund(refund.id)

    def refuse_refund(self) -> None:
        for refund in self._asked_refunds():
            with self.relief() as relief:
                (relief.withdraw_refund if self.chance.random() < 0.5 else relief.reject_refund)(refund.id)

    def _asked_refunds(self) -> list[Any]:
        return self.rows("SELECT * FROM credit_refund WHERE status = 'requested' ORDER BY requested_at LIMIT 1")

    def apply(self) -> None:
        household = self.chance.choice(sorted(HOMES))
        with self.relief() as relief:
            relief.apply(household, *self.some_bills(household))

    def charge(self) -> None:
        household = self.chance.choice(sorted(HOMES))
        with Session(self.engine) as session, session.begin():
            wanted = ChargeRequest("lock", self.chance.choice([1, 3333]), "更换门锁", household)
            charges.create_charge(session, FINANCE, uuid4(), wanted, self.now)

    def sign(self) -> None:
        household = self.chance.choice(sorted(HOMES))
        bills = self.some_bills(household, 3, "b.voided_at IS NULL AND amount_fen > paid_fen + waived_fen")
        signed = self.today - timedelta(days=self.chance.choice([0, 0, 0, 10]))
        with Session(self.engine) as session, session.begin():
            told = statement(session, SYSTEM, household, signed)["bills"]
            owed = sum(line["outstanding_fen"] for line in told if line["id"] in bills)
            parts = self.chance.randint(1, 3)
            fens = [owed // parts] * (parts - 1) + [owed - owed // parts * (parts - 1)]
            gap = self.chance.choice([5, 20])
            days = [signed + timedelta(days=gap * (n + 1)) for n in range(parts)]
            offer = Offer(household, frozenset(bills), signed, tuple(map(Instalment, days, fens)))
            plans.sign_plan(session, FINANCE, uuid4(), offer, self.now)

    def cancel(self) -> None:
        for row in self.rows("SELECT id FROM instalment_plan WHERE status = 'performing' ORDER BY created_at LIMIT 1"):
            with Session(self.engine) as session, session.begin():
                plans.cancel_plan(session, FINANCE, row.id, "asked for", self.now)

    def tell(self) -> None:
        with Session(self.engine) as session:
            households = keeping.households_to_tell(session, self.today)
        for household in households:
            with Session(self.engine) as session, session.begin():
                keeping.reckon_household(session, household, self.now)

    def redeem(self) -> None:
        household = self.chance.choice(sorted(HOMES))
        gift = """INSERT INTO point_entry (household_id, points, kind, source, booked_on)
                  SELECT id, 500, 'earned', :source, :on FROM household WHERE code = :code"""
        self.desk().write(gift, source=str(uuid4()), on=self.today, code=household)
        for bill_id in self.some_bills(household, 1):
            with Session(self.engine) as session, session.begin():
                asked = Redemption(points=self.chance.choice([1, 400]), bill_id=bill_id)
                redeeming.redeem(session, FINANCE, household, uuid4(), asked, self.now)

    def close(self) -> None:
        estate = self.chance.choice(["E1", "E2"])
        rows = self.rows(
            "SELECT max(period) AS last FROM ledger_close JOIN estate ON id = estate_id WHERE code = :code", code=estate
        )
        last = rows[0].last or date(2025, 8, 1)
        following = (last + timedelta(days=31)).replace(day=1)
        if following > self.today - timedelta(days=80):
            return
        with Session(self.engine) as session, session.begin():
            accounts.close_month(session, FINANCE, estate, f"{following:%Y-%m}", self.now)

    # --- what must be so, always

    def statements(self, as_of: date) -> dict[str, Any]:
        with Session(self.engine) as session:
            return {code: statement(session, SYSTEM, code, as_of) for code in HOMES}

    def check(self) -> None:
        with Session(self.engine) as session:
            assert ledger.imbalance_fen(session) == 0
        for query in (PER_BILL, PER_HOUSEHOLD, PER_REFUND, FIGURES, SEALED):
            assert self.rows(query) == [], query
        [cash] = self.rows(
            "SELECT COALESCE(sum(CASE WHEN debit_account LIKE 'cash%' THEN amount_fen ELSE -amount_fen END), 0) "
            "AS fen FROM ledger_entry WHERE debit_account LIKE 'cash%' OR credit_account LIKE 'cash%'"
        )
        [out] = self.rows("SELECT COALESCE(sum(amount_fen), 0) AS fen FROM credit_refund WHERE status = 'approved'")
        assert cash.fen == self.paid - out.fen
        now = self.statements(self.today)
        for row in self.rows("SELECT code, credit_fen - reserved_fen AS free_fen FROM household"):
            assert not (row.free_fen and now[row.code]["principal_fen"] + now[row.code]["late_fee_fen"]), now[row.code]
        self._check_others_were_told(now)
        for as_of in (
            self.today,
            self.today + timedelta(days=40),
            self.today - timedelta(days=self.chance.randint(1, 120)),
        ):
            self._check_late_fee(as_of, now if as_of == self.today else self.statements(as_of))
        self._check_fee_left()

    def _check_others_were_told(self, now: dict[str, Any]) -> None:
        with Session(self.engine) as session:
            issued = sum(bill.open_fen for told in events(session, BillsIssued) for bill in told.bills)
            changed = sum(bill.open_change_fen for told in events(session, BillsAdjusted) for bill in told.bills)
            moves = [bill for told in events(session, PaymentReallocated) for bill in told.adjustments]
            changed += sum(bill.open_change_fen for bill in moves)
            paid = sum(part.principal_fen for told in events(session, PaymentAllocated) for part in told.allocations)
        assert issued + changed - paid == sum(told["principal_fen"] for told in now.values())

    def _check_late_fee(self, as_of: date, told: dict[str, Any]) -> None:
        by_estate: dict[str, int] = defaultdict(int)
        past = as_of < self.today
        with Session(self.engine) as session:
            ids = dict(session.execute(text("SELECT code, id FROM household")).all())
            fees = late_fees_due(session, list(ids.values()), as_of, past=past)
            for code, estate in HOMES.items():
                assert fees.get(ids[code], 0) == told[code]["late_fee_fen"], (code, as_of)
                by_estate[estate] += told[code]["late_fee_fen"]
            found = {row.estate: row.late_fee_fen for row in late_fee_by_estate(session, as_of, past=past)}
        assert {e: fen for e, fen in found.items() if fen} == {e: fen for e, fen in by_estate.items() if fen}, as_of
        for code in HOMES:
            for line in told[code]["bills"]:
                counted = self.day_by_day(line["id"], as_of)
                assert counted in (None, line["late_fee_fen"]), (code, line, as_of)

    def day_by_day(self, bill_id: int, as_of: date) -> int | None:
        """The late fee due on a bill, one day after the other; None for a bill that ever was in a plan."""
        if self.rows("SELECT 1 FROM instalment_plan_part WHERE bill_id = :id LIMIT 1", id=bill_id):
            return None
        [bill] = self.rows(
            "SELECT b.*, COALESCE(e.late_fee_clause, '') AS clause, p.* FROM bill b "
            "JOIN estate e ON e.id = b.estate_id JOIN collection_policy p ON p.estate_id = (SELECT "
            "max(estate_id) FROM collection_policy WHERE estate_id IN (0, e.id)) WHERE b.id = :id",
            id=bill_id,
        )
        rates = self.rows(
            "SELECT effective_from, daily FROM late_fee_rate WHERE estate_id = (SELECT max(estate_id) FROM "
            "late_fee_rate WHERE estate_id IN (0, :id)) ORDER BY 1 DESC",
            id=bill.estate_id,
        )
        moved: dict[date, int] = defaultdict(int)
        fee_settled = 0
        for e in self.rows(
            "SELECT *, COALESCE(value_on, booked_on) AS on_day FROM ledger_entry WHERE bill_id = :id", id=bill_id
        ):
            if e.kind in ("bill_issued", "opening_bill") or (e.on_day > as_of and e.kind != "opening_paid"):
                continue
            on = date.min if e.kind == "opening_paid" else e.on_day
            moved[on] += e.amount_fen * ((e.debit_account == "receivable") - (e.credit_account == "receivable"))
            fee_settled += e.amount_fen * (
                (e.credit_account == "late_fee_income") - (e.debit_account == "late_fee_income")
            )
        exact, day = Decimal(0), bill.due_date + timedelta(days=1)
        spared = bill.due_date + timedelta(days=bill.grace_days)
        while day <= as_of and bill.clause and as_of > spared:
            seen = max(day - timedelta(days=1), spared)
            left = max(0, bill.amount_fen + sum(fen for on, fen in moved.items() if on <= seen))
            daily = next((rate.daily for rate in rates if rate.effective_from <= day), Decimal(0))
            exact += left * daily * (bill.grace_mode == "from_due" or day > spared)
            day += timedelta(days=1)
        fee = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        return max(0, (min(fee, bill.amount_fen) if bill.late_fee_capped else fee) - fee_settled)

    def _check_fee_left(self) -> None:
        with Session(self.engine) as session:
            for code in HOMES:
                account = tables.account(session, code)
                assert account is not None
                ids = session.scalars(
                    text("SELECT id FROM bill WHERE household_id = :id AND voided_at IS NULL"), {"id": account.id}
                )
                rows = tables.bills_to_pay(session, account.id, ids)
                bills = open_bills(rows, entries_by_bill(session, list(rows)))
                frozen = frozen_on(list(household_plans(session, account.id).by_id.values()), bills, date.max)
                for bill in bills:
                    assert only_fee_is_left(bill, policy_of(account), frozen.of(bill.id)) == rows[bill.id].fee_left, (
                        bill
                    )


@pytest.mark.parametrize("seed", range(4))
def test_b7_c1_whatever_an_office_does_the_books_agree(database: Callable[[str], Engine], seed: int) -> None:
    office = Office(database("billing"), seed).open()
    office.check()
    for _ in range(50):
        today = office.today
        before = [office.statements(today - timedelta(days=n)) for n in (1, 30)]
        name = office.act()
        if name in TODAY_ONLY:
            assert before == [office.statements(today - timedelta(days=n)) for n in (1, 30)], name
        office.check()
    assert len([name for name in office.done if "refused" not in name]) > 10


@pytest.mark.parametrize("seed", range(2))
def test_b7_whatever_several_do_at_once_the_books_agree(database: Callable[[str], Engine], seed: int) -> None:
    """No deadlock, nothing lost, nothing done twice: whoever comes second meets what the first one left."""
    whole = Office(database("billing"), seed).open()
    whole.today = date(2026, 4, 20)
    for month in ("2026-01", "2026-02", "2026-03"):
        whole.desk().run(month)
    desks = [Office(whole.engine, 1_000 * seed + number) for number in range(4)]
    for one in desks:
        one.today, one.told = whole.today, whole.told  # copies of anybody's payments arrive again

    def work(one: Office) -> None:
        for _ in range(30):
            one.act(NOT_SLEEPING)

    with ThreadPoolExecutor(len(desks)) as pool:
        list(pool.map(work, desks))
    whole.paid = sum(one.paid for one in desks)
    whole.check()
