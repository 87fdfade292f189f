"""FM1, FM2, FM9: credit pays the oldest bill as soon as there are both, and money counts on its own day (ADR 17)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.charges import handlers as charges
from services.billing.charging.charges.handlers import ChargeRequest
from services.billing.figures.rates.handlers import RateCut, collection_rates, rollup_check
from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.books import handlers as accounts
from services.billing.receivables.books.handlers import SettlementRequest
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict
from services.common.contracts.events import BillsAdjusted, BillsIssued, PaymentAllocated
from tests.support.billing.books import SYSTEM, Books, settled
from tests.support.billing.desk import FINANCE, OPENING, Desk
from tests.support.billing.relief import Relief, noon
from tests.support.outbox import events

TODAY = "2026-11-29"
HOME = "E1,1,101,100.00,residential,occupied,H1,王小明,13812345678"
FULL = 20_000  # 100 m² × 2.00 a month


@dataclass
class Family:
    """H1 and its one flat, and what an office does about its money; each act in a transaction of its own."""

    desk: Desk

    def on(self, day: str) -> "Family":
        self.desk.now = noon(day)
        return self

    def run(self, *periods: str) -> None:
        for period in periods:
            self.desk.run(period)

    def opening(self, *lines: str) -> None:
        self.desk.load("opening_balances", OPENING, *(f"E1,101,{line}" for line in lines))

    def pay(self, fen: int, on: str, payment_id: UUID | None = None) -> None:
        with Session(self.desk.engine) as session, session.begin():
            allocate_payment(session, settled(fen, on, payment_id=payment_id), self.desk.now)

    def relief(self, act: Callable[[Relief], Any]) -> Any:
        with Session(self.desk.engine) as session, session.begin():
            return act(Relief(Books(session), self.desk.now))

    def void(self, period: str, *, reissue: bool = False) -> int:
        bill_id = int(self.bill(period)[0])
        self.relief(lambda relief: relief.void(bill_id, reissue=reissue))
        return bill_id

    def bill(self, period: str) -> Any:
        [row] = self.desk.rows("SELECT id, paid_fen, amount_fen FROM bill WHERE period = :period AND voided_at IS NULL",
                               period=date.fromisoformat(f"{period}-01"))  # fmt: skip
        return row

    @property
    def paid(self) -> list[int]:
        """What is paid of the bills that stand, oldest month first."""
        return [row[0] for row in self.desk.rows("SELECT paid_fen FROM bill WHERE voided_at IS NULL ORDER BY period")]

    def owes(self, as_of: str = TODAY) -> tuple[int, int, int]:
        """Principal, late fee, credit."""
        with Session(self.desk.engine) as session:
            told = Books(session).statement(as_of)
        return told["principal_fen"], told["late_fee_fen"], told["credit_fen"]

    def rate(self, as_of: str) -> float | None:
        with Session(self.desk.engine) as session:
            cut = RateCut("group")
            [item] = collection_rates(session, SYSTEM, cut, date.fromisoformat(as_of))["items"]
        return item["rate"]

    def check(self) -> None:
        """The books agree, and nobody has both free credit and something to pay."""
        with Session(self.desk.engine) as session:
            assert imbalance_fen(session) == 0
            checked = rollup_check(session, SYSTEM, None)
            assert (checked["rollups"]["differences"], checked["totals"]["differences"]) == (0, 0)
        principal, fee, _ = self.owes()
        assert not (self.desk.one("SELECT credit_fen - reserved_fen FROM household") and principal + fee)


@pytest.fixture
def family(database: Callable[[str], Engine]) -> Family:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", HOME, price="2.00")
    return Family(desk).on(TODAY)


# --- FM1 -----------------------------------------------------------------------------------------------------------


def test_fm1_what_a_void_gives_back_pays_the_other_bill_and_not_the_next_one(family: Family) -> None:
    family.run("2026-06", "2026-07")
    family.pay(FULL, "2026-07-10")
    family.void("2026-06")
    assert (family.paid, family.owes()) == ([FULL], (0, 0, 0))
    family.run("2026-11")
    assert (family.bill("2026-07")[1], family.bill("2026-11")[1]) == (FULL, 0)
    assert family.owes() == (FULL, 0, 0)
    days = family.desk.rows("SELECT booked_on, value_on FROM ledger_entry WHERE kind = 'credit_applied'")
    assert days == [(date(2026, 11, 29), date(2026, 7, 31))]
    family.check()


def test_fm1_a_run_has_standing_credit_pay_the_oldest_bill_first(family: Family) -> None:
    """Books from before this law may hold both."""
    family.pay(FULL, "2026-10-20")
    family.relief(lambda relief: _reserve(relief, FULL))
    family.run("2026-10")
    assert family.owes() == (FULL, family.owes()[1], FULL)
    family.relief(lambda relief: _reserve(relief, 0))
    family.run("2026-11")
    assert family.paid == [FULL, 0]
    family.check()


def _reserve(relief: Relief, fen: int) -> None:
    relief.books.session.execute(text("UPDATE household SET reserved_fen = :fen"), {"fen": fen})


def test_fm1_an_opening_balance_is_paid_from_standing_credit_as_it_comes(family: Family) -> None:
    family.pay(12_000, "2026-09-01")
    family.opening("a,2026-08,100.00,2026-09-15,", "b,2026-07,50.00,2026-08-15,20.00")
    # the older first: 30.00 with its late fee of 17 days to 1 September, 0.15; the rest goes to the other
    assert family.desk.rows("SELECT fee_item, paid_fen FROM bill ORDER BY fee_item") == [("a", 8_985), ("b", 5_000)]
    assert family.owes()[0::2] == (1_015, 0)
    with Session(family.desk.engine) as session:
        issued = sum(bill.open_fen for told in events(session, BillsIssued) for bill in told.bills)
        changes = sum(bill.open_change_fen for told in events(session, BillsAdjusted) for bill in told.bills)
    assert issued + changes == 1_015
    family.check()


def test_fm1_a_service_is_paid_from_standing_credit_after_what_is_older(family: Family) -> None:
    family.pay(5_000, "2026-11-01")
    with Session(family.desk.engine) as session, session.begin():
        for fen in (3_000, 4_000):
            charges.create_charge(session, FINANCE, uuid4(), ChargeRequest("lock", fen, "换锁", "H1"), family.desk.now)
    assert family.desk.rows("SELECT amount_fen, paid_fen FROM bill ORDER BY id") == [(3_000, 3_000), (4_000, 2_000)]
    family.check()


def test_fm1_a_returned_surplus_pays_what_is_open(family: Family) -> None:
    family.desk.write("UPDATE estate SET charging_mode = 'remuneration'")
    family.on("2026-08-01").run("2026-06", "2026-07")
    family.pay(FULL, "2026-08-02")
    family.on(TODAY)
    with Session(family.desk.engine) as session, session.begin():
        for month in ("2026-07", "2026-08", "2026-09"):
            accounts.close_month(session, FINANCE, "E1", month, family.desk.now)
        asked = SettlementRequest("E1", "2026-Q3", "return")
        told = accounts.settle_quarter(session, FINANCE, uuid4(), asked, family.desk.now)
    assert told["returned_fen"] == 18_000  # what came in, less a tenth
    assert family.paid == [FULL, 18_000]
    family.check()


def test_fm1_credit_kept_for_a_refund_pays_nothing_until_it_is_free(family: Family) -> None:
    family.pay(FULL + 5_000, "2026-10-20")
    family.relief(lambda relief: _reserve(relief, FULL))
    family.run("2026-10")
    assert (family.paid, family.owes()[2]) == ([5_000], FULL)
    with pytest.raises(Conflict, match=r"credit is 0\.00 yuan"):
        family.relief(lambda relief: relief.refund(1))
    with pytest.raises(Conflict, match="no credit"):
        family.relief(lambda relief: relief.apply())
    family.relief(lambda relief: (_reserve(relief, 0), apply_credit(relief.books.session, "H1", "test", relief.now)))
    # October is due on 15 November: the money had come before
    assert (family.paid, family.owes()) == ([FULL], (0, 0, 5_000))
    family.check()


def test_fm1_a_reissue_takes_back_what_the_void_gave_elsewhere(family: Family) -> None:
    family.run("2026-06", "2026-07")
    family.pay(FULL, "2026-07-10")
    before = family.owes()
    void = family.void("2026-06")
    assert family.owes() == (0, 0, 0)
    family.relief(lambda relief: relief.reissue(void))
    assert (family.paid, family.owes()) == ([FULL, 0], before)
    family.check()


def test_fm1_credit_is_never_free_beside_something_to_pay_whatever_happens(family: Family) -> None:
    chance = random.Random(17)
    acts: list[Callable[[], Any]] = [
        lambda: family.run(f"2026-{chance.randrange(3, 12):02d}"),
        lambda: family.pay(chance.choice([500, 9_000, FULL, 3 * FULL]), _day(chance)),
        lambda: family.void(_some_period(family, chance), reissue=chance.random() < 0.4),
        lambda: family.opening(f"x{chance.randrange(10**6)},2026-02,40.00,2026-03-15,"),
    ]
    for _ in range(40):
        try:
            chance.choice(acts)()
        except (Conflict, ValueError):
            continue
        family.check()
    assert family.desk.one("SELECT count(*) FROM ledger_entry WHERE kind = 'credit_applied'") > 10


def _day(chance: random.Random) -> str:
    return (date(2026, 3, 1) + timedelta(days=chance.randrange(270))).isoformat()


def _some_period(family: Family, chance: random.Random) -> str:
    rows = family.desk.rows(
        "SELECT to_char(period, 'YYYY-MM') FROM bill WHERE voided_at IS NULL GROUP BY period HAVING count(*) = 1"
    )
    if not rows:
        raise Conflict("none stands")
    return str(chance.choice(sorted(rows))[0])


# --- FM2 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["cash", "run"])
def test_fm2_money_typed_before_or_after_the_run_owes_the_same(family: Family, first: str) -> None:
    acts = {"cash": lambda: family.pay(FULL, "2026-07-01"), "run": lambda: family.run("2026-07")}
    acts.pop(first)()
    acts.popitem()[1]()
    assert (family.paid, family.owes()) == ([FULL], (0, 0, 0))
    assert family.owes("2026-12-31") == (0, 0, 0)
    assert [family.rate(day) for day in ("2026-07-31", "2026-08-15", TODAY)] == [1.0, 1.0, 1.0]
    family.check()


def test_fm2_credit_of_several_days_counts_on_each(family: Family) -> None:
    """Due on 15 August: 60.00 in time, 40.00 after 10 days, 50.00 after 20; the rest is open."""
    for fen, on in ((6_000, "2026-07-01"), (4_000, "2026-08-25"), (5_000, "2026-09-04")):
        family.pay(fen, on)
    family.opening("x,2026-07,200.00,2026-08-15,")
    days = family.desk.rows("SELECT amount_fen, value_on FROM ledger_entry WHERE kind = 'credit_applied' ORDER BY id")
    assert days == [(6_000, date(2026, 7, 31)), (4_000, date(2026, 8, 25)), (5_000, date(2026, 9, 4))]
    # 140.00 × 10 days, 100.00 × 10, 50.00 × 86, at 0.03 %
    assert family.owes() == (5_000, round((14_000 * 10 + 10_000 * 10 + 5_000 * 86) * 0.0003), 0)
    family.check()


ACTS = ("early", "late", "bill")


@pytest.mark.parametrize("order", list(permutations(ACTS)), ids="-".join)
def test_fm2_money_found_late_has_money_in_credit_follow(family: Family, order: Sequence[str]) -> None:
    """An old bill is there; two payments and a bill are typed in any order, and the books are the same."""
    family.opening("old,2026-05,100.00,2026-06-15,")
    acts: dict[str, Callable[[], Any]] = {
        "early": lambda: family.pay(15_000, "2026-06-20", UUID(int=1)),
        "late": lambda: family.pay(FULL, "2026-09-01", UUID(int=2)),
        "bill": lambda: family.opening("new,2026-07,200.00,2026-08-15,"),
    }
    for name in order:
        acts[name]()
        family.check()
    # 100.00 × 5 days, then 200.00 less 49.85 × 17 days
    fee = round(10_000 * 5 * 0.0003) + round(15_015 * 17 * 0.0003)
    assert family.paid == [10_000, FULL]
    assert family.owes() == (0, 0, 15_000 + FULL - 10_000 - FULL - fee)
    with Session(family.desk.engine) as session:
        told = events(session, PaymentAllocated)
        assert all(
            sum(part.principal_fen + part.late_fee_fen for part in event.allocations) + event.credit_fen
            == event.amount_fen
            for event in told
        )


def test_fm2_what_was_paid_out_is_not_taken_back(family: Family) -> None:
    family.pay(FULL, "2026-09-01")
    family.relief(lambda relief: relief.refund(8_000))
    family.run("2026-07")
    assert family.paid == [12_000]
    family.pay(5_000, "2026-06-20")
    assert family.paid == [17_000]
    family.check()


def test_fm2_void_and_reissue_of_a_bill_that_credit_paid_changes_nothing(family: Family) -> None:
    family.pay(FULL + 3_000, "2026-07-01")
    family.run("2026-07")
    days = ("2026-07-15", "2026-07-31", "2026-08-20", TODAY)
    before = [(family.owes(day), family.rate(day)) for day in days]
    family.void("2026-07", reissue=True)
    assert [(family.owes(day), family.rate(day)) for day in days] == before
    family.void("2026-07")
    assert family.owes("2026-07-01") == (0, 0, FULL + 3_000), "it is there from the day it came"
    family.check()


# --- FM9 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["cash", "run"])
def test_fm9_no_rate_of_any_day_is_above_one(family: Family, first: str) -> None:
    family.opening("old,2026-08,100.00,2026-09-15,100.00")
    acts = {"cash": lambda: family.pay(FULL, "2026-10-20"), "run": lambda: family.run("2026-10")}
    acts.pop(first)()
    acts.popitem()[1]()
    assert family.rate("2026-10-31") == 1.0
    rates = {day: family.rate(day.isoformat()) for day in (date(2026, 8, 1) + timedelta(days=n) for n in range(150))}
    assert {rates[day] for day in rates if day < date(2026, 9, 15)} == {None, 0.0}, "not billed, not paid"
    assert {rates[day] for day in rates if day >= date(2026, 9, 15)} == {1.0}
    family.check()


def test_fm9_the_last_day_of_a_month_counts_in_that_month(family: Family) -> None:
    family.run("2026-10")
    assert [family.rate(day) for day in ("2026-10-30", "2026-10-31")] == [None, 0.0]
    family.pay(FULL, "2026-10-31")
    assert family.rate("2026-10-31") == 1.0


def test_fm9_a_bill_issued_in_advance_counts_from_its_issue_and_so_does_its_reissue(family: Family) -> None:
    family.desk.write("INSERT INTO billing_policy SELECT id, 'monthly', 'advance', 31, 0, false FROM estate")
    family.on("2026-10-05").run("2026-10")
    family.pay(FULL, "2026-10-10")
    days = ("2026-10-04", "2026-10-07", "2026-10-12", "2026-10-31")
    before = [family.rate(day) for day in days]
    assert before == [None, 0.0, 1.0, 1.0]
    family.on(TODAY).void("2026-10", reissue=True)
    assert [family.rate(day) for day in days] == before
    family.void("2026-10", reissue=True)
    assert [family.rate(day) for day in days] == before
    family.check()


def test_fm9_households_paid_as_of_a_day_follow_the_same_law(family: Family) -> None:
    family.run("2026-10")
    family.pay(FULL, "2026-10-20")
    with Session(family.desk.engine) as session:
        told = [
            collection_rates(session, SYSTEM, RateCut("group", period="2026-10", households=True), date(2026, 10, day))
            for day in (25, 31)
        ]
    assert [(one["items"][0]["collected_fen"], one["items"][0]["households_paid"]) for one in told] == [
        (0, 0), (FULL, 1),
    ]  # fmt: skip
