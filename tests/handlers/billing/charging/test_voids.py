"""B5: voids by credit note; money back to credit; late payments, and payments that come back-dated after a void."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.bills.views.handlers import list_bills
from services.billing.charging.voids.views import list_credit_notes
from services.billing.figures.rates.handlers import RateCut, collection_rates, rollup_check
from services.billing.holds import handlers as holds
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import BillsAdjusted, PaymentAllocated, PaymentReallocated
from tests.support.billing.books import NOW, SYSTEM, Books, day
from tests.support.billing.relief import FINANCE, MANAGER, STEWARD, Relief, noon, who
from tests.support.outbox import events


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def relief(books: Books) -> Relief:
    books.household()
    return Relief(books).on("2025-06-13")


def balances(relief: Relief) -> dict[str, int]:
    found = trial_balance(relief.books.session, SYSTEM, None)
    assert found["imbalance_fen"] == 0
    return {line.account: line.balance_fen for line in found["accounts"] if line.balance_fen}


def owes(relief: Relief, as_of: str, household: str = "H1") -> tuple[int, int, int]:
    """Principal, late fee and credit."""
    told = relief.books.statement(as_of, household)
    return told["principal_fen"], told["late_fee_fen"], told["credit_fen"]


def test_b5_an_open_bill_is_void_and_nothing_of_it_is_left(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    note = relief.void(bill)
    assert (note["number"], note["amount_fen"], note["released_fen"]) == ("CN-E1-000001", 28560, 0)
    assert (note["status"], note["reissued"], note["booked_on"]) == ("void", [], day("2025-06-13"))
    assert owes(relief, "2025-06-13") == owes(relief, "2025-04-30") == (0, 0, 0)
    assert balances(relief) == {}
    (shown,) = list_bills(relief.books.session, SYSTEM, "H1", None, 50, None)["items"]
    assert (shown["status"], shown["amount_fen"], shown["outstanding_fen"]) == ("void", 28560, 0)
    (event,) = events(relief.books.session, BillsAdjusted)
    assert (event.reason, event.bills[0].open_change_fen, event.bills[0].bill_id) == ("void", -28560, bill)


def test_b5_money_received_becomes_credit_and_waivers_are_undone(relief: Relief) -> None:
    bill = relief.books.bill(100000, "2025-03-15")
    relief.books.pay(40000, "2025-04-14", channel="wechat")
    relief.approve(relief.ask(bill, kind="principal", fen=20000)["id"])
    assert relief.ask(bill, fen=500)["status"] == "approved"
    note = relief.void(bill)
    assert (note["released_fen"], note["waived_fen"], note["waived_late_fee_fen"]) == (40000, 20000, 500)
    assert owes(relief, "2025-06-13") == (0, 0, 40000)
    assert balances(relief) == {"cash_wechat": 40000, "customer_credit": -40000}
    rows = relief.books.session.execute(text("SELECT sum(billed_fen), sum(collected_fen), sum(waived_fen), "
                                             "sum(billed_count) FROM rate_rollup"))  # fmt: skip
    assert tuple(rows.one()) == (0, 0, 0, 0)
    assert [e.bills[0].open_change_fen for e in events(relief.books.session, BillsAdjusted)] == [-20000, -40000]


def test_b5_a_late_fee_paid_on_a_void_bill_is_credit_too(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    relief.books.pay(28560 + 700, "2025-06-13")
    assert relief.books.one("SELECT count(*) FROM late_fee_left") == 1
    note = relief.void(bill)
    assert (note["released_fen"], note["released_late_fee_fen"]) == (28560, 700)
    assert owes(relief, "2025-06-13") == (0, 0, 29260)
    assert relief.books.one("SELECT count(*) FROM late_fee_left") == 0
    assert balances(relief) == {"cash_cash": 29260, "customer_credit": -29260}


def test_b5_an_opening_balance_can_be_void(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    relief.books.session.execute(text("UPDATE bill SET run_id = NULL, tariff_id = NULL"))
    relief.void(bill)
    old = relief.books.bill(5000, "2025-01-15", fee_item="opening", charged_to="opening_equity")
    relief.books.paid_before(old, 2000, date(2025, 6, 1))
    assert imbalance_fen(relief.books.session) == 0
    note = relief.void(old)
    assert (note["number"], note["released_fen"]) == ("CN-E1-000002", 2000)
    assert balances(relief) == {"opening_equity": 2000, "customer_credit": -2000}


def test_b5_rates_are_net_of_voids(relief: Relief) -> None:
    void, stays = relief.books.bill(30000, "2025-03-15"), relief.books.bill(10000, "2025-04-15")
    relief.books.pay(35000, "2025-03-10")
    relief.void(void)
    (item,) = collection_rates(relief.books.session, SYSTEM, RateCut(), day("2025-12-31"))["items"]
    assert (item["billed_fen"], item["collected_fen"], item["billed_count"]) == (10000, 10000, 1)
    # the money had come in March: it pays what is open at once, and in time (FM1, FM2)
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=stays) == 10000
    assert owes(relief, "2025-06-13") == (0, 0, 25000)
    assert item["rate"] == 1.0


def test_j1_a_void_bill_is_in_no_rate_of_any_day_and_a_reissue_changes_none(relief: Relief) -> None:
    """It had been paid: what came back is no negative recovery, and no past rate is above one (ADR 8, 11)."""
    void, _open = relief.books.bill(30000, "2025-03-15"), relief.books.bill(10000, "2025-04-15")
    relief.books.pay(30000, "2025-03-10", bills=[void])
    relief.books.pay(4000, "2025-06-02", bills=[_open])
    relief.void(void)
    found = {}
    for on in ("2025-03-09", "2025-03-10", "2025-04-20", "2025-06-12", "2025-06-13", "2025-12-31"):
        (found[on],) = collection_rates(relief.books.session, SYSTEM, RateCut("group", windows=True), day(on))["items"]
    # what came back pays the other bill from its first day on, the end of March; the payment of June had paid the rest
    assert [item["collected_fen"] for item in found.values()] == [0, 0, 6000, 10000, 10000, 10000]
    assert [item["cumulative_rate"] for item in found.values()] == [None, None, 0.6, 1.0, 1.0, 1.0]
    today = found["2025-06-13"]
    assert (today["recovery_open_fen"], today["recovery_collected_fen"], today["recovery_rate"]) == (4000, 4000, 1.0)
    checked = rollup_check(relief.books.session, SYSTEM, None)
    assert (checked["rollups"]["differences"], checked["totals"]["differences"]) == (0, 0)


def test_b6_late_fee_that_credit_does_not_reach_stays_due_until_more_comes(relief: Relief) -> None:
    void = relief.books.bill(10000, "2025-03-15")
    late = relief.books.bill(10000, "2025-03-15", fee_item="parking")
    relief.books.pay(10000, "2025-06-13", bills=[void])
    relief.void(void)
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=late) == 10000
    assert owes(relief, "2025-12-31") == (0, 270, 0)
    assert relief.books.one("SELECT bill_id FROM late_fee_left") == late
    more = relief.books.bill(270, "2025-08-15")
    relief.books.pay(270, "2025-06-14", bills=[more])
    relief.void(more)
    assert owes(relief, "2025-12-31") == (0, 0, 0)
    assert relief.books.one("SELECT count(*) FROM late_fee_left") == 0
    assert imbalance_fen(relief.books.session) == 0


def test_b5_the_same_void_twice_is_one_and_a_second_one_is_refused(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    request_id = uuid4()
    first = relief.void(bill, request_id=request_id)
    assert relief.void(bill, request_id=request_id) == first
    with pytest.raises(Conflict, match="another void"):
        relief.void(bill, request_id=request_id, reason="other")
    with pytest.raises(Conflict, match="CN-E1-000001"):
        relief.void(bill)
    assert balances(relief) == {}


def test_b5_who_may_void(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    for nobody in (STEWARD, who("cashier"), who("auditor"), who("estate_manager", "m", "E2")):
        with pytest.raises(Forbidden):
            relief.void(bill, by=nobody)
    with pytest.raises(Invalid):
        relief.void(bill, reason=" ")
    with pytest.raises(NotFound):
        relief.void(999999)
    assert relief.void(bill, by=who("estate_manager", "m", "E1"))["voided_by"] == "m"


def test_b5_a_pending_waiver_or_a_plan_stands_against_a_void(relief: Relief) -> None:
    bill, other = relief.books.bill(1000000, "2025-03-15"), relief.books.bill(100, "2025-04-15")
    waiver = relief.ask(bill, ratio="1")["id"]
    with pytest.raises(Conflict, match=str(waiver)):
        relief.void(bill)
    relief.void(other)
    relief.withdraw(waiver)
    plan = uuid4()
    holds.hold(relief.books.session, "plan", plan, "H1", relief.now, holds_dunning=True)
    with pytest.raises(Conflict, match=str(plan)):
        relief.void(bill)
    holds.release(relief.books.session, "plan", plan, "H1", relief.now)
    relief.void(bill)


def test_b5_credit_notes_are_numbered_without_gaps_when_many_void_at_once(relief: Relief, engine: Engine) -> None:
    bills = [relief.books.bill(1000 + n, f"2025-{n:02d}-15") for n in range(1, 9)]
    relief.books.session.commit()

    def void(bill: int) -> None:
        with Session(engine) as session:
            relief_ = Relief(Books(session), noon("2025-06-13"))
            relief_.void(bill)
            if bill == bills[3]:
                session.rollback()  # killed before it could commit: its number goes to the next
            session.commit()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(void, bills))
    found = list_credit_notes(relief.books.session, FINANCE, "E1", None, 50, None)["items"]
    assert [item["number"] for item in found] == [f"CN-E1-{n:06d}" for n in range(1, 8)]
    assert balances(relief) == {"receivable": 1004, "fee_income": -1004}


def test_b5_one_bill_voided_by_two_at_once_is_void_once(relief: Relief, engine: Engine) -> None:
    bill = relief.books.bill(1000, "2025-03-15")
    relief.books.pay(400, "2025-03-10")
    relief.books.session.commit()

    def void(_: int) -> bool:
        with Session(engine) as session, session.begin():
            try:
                Relief(Books(session), noon("2025-06-13")).void(bill)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(void, range(4))) == 1
    assert balances(relief) == {"cash_cash": 400, "customer_credit": -400}


def test_b5_lists_credit_notes_by_scope(relief: Relief) -> None:
    session = relief.books.session
    assert list_credit_notes(session, FINANCE, None, None, 50, None) == {"items": [], "next_cursor": None}
    relief.books.household("H2", "E2")
    for bill in (relief.books.bill(100, "2025-03-15"), relief.books.bill(100, "2025-03-15", "H2")):
        relief.void(bill)
    page = list_credit_notes(session, FINANCE, None, None, 1, None)
    rest = list_credit_notes(session, FINANCE, None, None, 1, page["next_cursor"])
    assert [i["number"] for i in page["items"] + rest["items"]] == ["CN-E1-000001", "CN-E2-000001"]
    (only,) = list_credit_notes(session, who("estate_manager", "m", "E2"), None, None, 50, None)["items"]
    assert (only["household"], only["estate"]) == ("H2", "E2")
    assert list_credit_notes(session, FINANCE, None, "H1", 50, None)["items"][0]["household"] == "H1"


def test_b5_a_payment_for_a_void_bill_goes_to_the_oldest_other(relief: Relief) -> None:
    void, old, new = (relief.books.bill(1000, f"2025-0{n}-15", fee_item=str(n)) for n in (5, 6, 7))
    relief.void(void)
    relief.books.pay(1500, "2025-06-13", bills=[void, new])
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=new) == 1000
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=old) == 500
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=void) == 0
    assert balances(relief)["receivable"] == 500


# --- placing after a void ------------------------------------------------------------------------------------------


def test_b5_a_back_dated_payment_after_a_void_leaves_the_void_bill_alone(relief: Relief) -> None:
    void = relief.books.bill(10000, "2025-03-15")
    stays = relief.books.bill(8000, "2025-07-15")
    relief.books.pay(10000, "2025-03-05")
    relief.void(void)
    relief.books.pay(5000, "2025-03-03")
    told = events(relief.books.session, PaymentAllocated)[-1]
    assert [(a.bill_id, a.principal_fen) for a in told.allocations] == [(stays, 5000)]
    assert told.credit_fen == 0
    [moved] = events(relief.books.session, PaymentReallocated)  # its released money pays the rest of the other bill
    assert [(a.bill_id, a.principal_fen) for a in moved.allocations] == [(stays, 3000)]
    assert moved.credit_fen == 7000
    assert owes(relief, "2025-06-13") == (0, 0, 7000)
    assert balances(relief) == {"cash_cash": 15000, "customer_credit": -7000, "fee_income": -8000}


@pytest.mark.parametrize("order", list(permutations(("early", "late", "void"))), ids="-".join)
def test_b5_what_is_owed_in_all_does_not_depend_on_when_the_void_came(relief: Relief, order: Sequence[str]) -> None:
    void = relief.books.bill(10000, "2025-06-20")
    stays = relief.books.bill(8000, "2025-06-25", fee_item="parking")
    acts: dict[str, Callable[[], Any]] = {
        "early": lambda: relief.books.pay(5000, "2025-06-01"),
        "late": lambda: relief.books.pay(10000, "2025-06-03"),
        "void": lambda: relief.void(void),
    }
    for act in order:
        acts[act]()
        assert imbalance_fen(relief.books.session) == 0
    assert owes(relief, "2025-06-13") == (0, 0, 7000)
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=stays) == 8000


def test_b5_released_credit_that_was_spent_is_not_taken_back(relief: Relief) -> None:
    void = relief.books.bill(10000, "2025-07-15", issued="2025-06-01")
    stays = relief.books.bill(8000, "2025-08-15", issued="2025-06-01")
    relief.books.pay(10000, "2025-06-03")
    relief.void(void)
    relief.refund(2000)
    relief.books.pay(5000, "2025-06-01")
    assert owes(relief, "2025-06-13") == (0, 0, 5000)
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=stays) == 8000
    assert balances(relief)["customer_credit"] == -5000


def test_b5_a_statement_of_a_past_day_has_no_void_bill_but_its_money(relief: Relief) -> None:
    bill = relief.books.bill(10000, "2025-03-15")
    relief.books.pay(4000, "2025-04-14")
    relief.void(bill)
    assert owes(relief, "2025-04-13") == (0, 0, 0)
    assert owes(relief, "2025-04-14") == owes(relief, "2025-06-12") == (0, 0, 4000)


def test_b5_a_void_in_a_closed_month_is_booked_on_the_first_open_day(relief: Relief) -> None:
    bill = relief.books.bill(10000, "2025-03-15")
    relief.books.pay(4000, "2025-04-14")
    close = "INSERT INTO ledger_close VALUES (:estate, '2025-06-01', :now, 'x', '{}')"
    relief.books.session.execute(text(close), {"estate": relief.books.estates["E1"], "now": NOW})
    assert relief.void(bill)["booked_on"] == day("2025-07-01")
    assert relief.books.one("SELECT max(value_on) FROM ledger_entry WHERE kind = 'void_released'") == day("2025-04-14")
    assert balances(relief) == {"cash_cash": 4000, "customer_credit": -4000}


def test_b5_manager_is_enough(relief: Relief) -> None:
    assert relief.void(relief.books.bill(1, "2025-03-15"), by=MANAGER)["voided_at"] == datetime(
        2025, 6, 13, 4, tzinfo=UTC
    )
