"""Months are closed and stay as they were; quarters are settled; the fund of a remuneration estate (B2, B8)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.books import funds
from services.billing.receivables.books import handlers as accounts
from services.billing.receivables.books.funds import Expense
from services.billing.receivables.books.handlers import SettlementRequest
from services.billing.receivables.trial_balance import handlers as ledger
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid
from services.common.contracts.events import MonthClosed
from services.common.domain.access import Caller
from tests.support.billing.books import Books, settled
from tests.support.billing.desk import FINANCE, OPENING, Desk
from tests.support.billing.entries import enter
from tests.support.databases import waits_for_a_lock
from tests.support.outbox import events
from tests.support.waiting import until

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def house(books: Books) -> Books:
    """Two months of one household: 300.00 due in September, paid; 200.00 due in October, open."""
    books.household("H1")
    books.bill(30_000, "2026-09-15", issued="2026-09-01")
    books.bill(20_000, "2026-10-15", issued="2026-10-01")
    books.pay(30_000, "2026-09-10")
    return books


def close(books: Books, *periods: str, estate: str = "E1") -> None:
    for period in periods:
        accounts.close_month(books.session, FINANCE, estate, period, NOW)


def expense(
    books: Books, fen: int, on: str, category: str = "greening", request_id: UUID | None = None
) -> dict[str, Any]:
    spent = Expense(category, fen, date.fromisoformat(on), "hedges", "V-1")
    return funds.record_expense(books.session, FINANCE, "E1", request_id or uuid4(), spent, NOW)


def settle(books: Books, quarter: str, surplus: str = "carry", request_id: UUID | None = None) -> dict[str, Any]:
    asked = SettlementRequest("E1", quarter, surplus)  # type: ignore[arg-type]
    return accounts.settle_quarter(books.session, FINANCE, request_id or uuid4(), asked, NOW)


def test_b8_a_closed_month_keeps_its_trial_balance_and_is_told(house: Books) -> None:
    first = accounts.close_month(house.session, FINANCE, "E1", "2026-09", NOW)
    assert {line.account: line.balance_fen for line in first["balances"]} == {
        "cash_cash": 30_000, "fee_income": -30_000, "receivable": 0,
    }  # fmt: skip
    assert accounts.close_month(house.session, FINANCE, "E1", "2026-09", NOW) == first
    assert [event.last_day for event in events(house.session, MonthClosed)] == [date(2026, 9, 30)]
    assert accounts.list_closes(house.session, FINANCE, "E1")["items"] == [first]


def test_b8_money_of_a_closed_month_is_booked_in_the_open_one_and_counts_on_its_day(house: Books) -> None:
    close(house, "2026-09", "2026-10")
    rates = ledger.trial_balance(house.session, FINANCE, "E1")
    assert rates["imbalance_fen"] == 0
    house.pay(20_000, "2026-10-20")
    booked = "SELECT booked_on, value_on FROM ledger_entry WHERE kind = 'payment_principal' ORDER BY id DESC LIMIT 1"
    assert house.session.execute(text(booked)).one() == (date(2026, 11, 1), date(2026, 10, 20))
    assert house.one("SELECT max(booked_on) FROM rate_rollup WHERE collected_fen > 0") == date(2026, 11, 1)
    bill = house.statement("2026-11-21")["bills"]
    assert [line["late_fee_fen"] for line in bill] == [30]  # five days of 200.00, not seventeen
    assert ledger.imbalance_fen(house.session) == 0


def test_b8_a_closed_month_refuses_an_entry_that_did_not_ask(house: Books) -> None:
    close(house, "2026-09")
    forgot = {"amount_fen": 1, "booked_on": date(2026, 9, 30), "debit_account": "a", "credit_account": "b"}
    with pytest.raises(DBAPIError, match="the period is closed"):
        enter(house.session, forgot | {"estate_id": house.estates["E1"]})


def test_b8_each_close_carries_on_from_the_one_before(house: Books) -> None:
    house.pay(20_500, "2026-10-31")
    house.pay(700, "2026-11-02")
    close(house, "2026-09", "2026-10")
    first, second = accounts.list_closes(house.session, FINANCE, "E1")["items"]
    assert {line.account: (line.debit_fen, line.credit_fen) for line in second["balances"]} == {
        "cash_cash": (50_500, 0), "customer_credit": (0, 404), "fee_income": (0, 50_000), "late_fee_income": (0, 96),
        "receivable": (50_000, 50_000),
    }  # fmt: skip
    assert {line.account for line in first["balances"]} == {"cash_cash", "fee_income", "receivable"}


def test_b8_what_is_closed_cannot_be_changed(house: Books) -> None:
    close(house, "2026-09")
    with pytest.raises(DBAPIError, match="append-only"):
        house.session.execute(text("DELETE FROM ledger_close"))


def test_b8_months_close_in_order_when_they_are_over(house: Books) -> None:
    for period, told in (("2026-11", "not over"), ("2026-10", "2026-09 must be closed first")):
        with pytest.raises(Conflict, match=told):
            close(house, period)
    with pytest.raises(Invalid):
        close(house, "2026-13")
    with pytest.raises(Conflict, match="nothing before 2026-07"):
        close(house, "1926-09")
    for never in ("9999-12", "0001-01"):
        with pytest.raises(Invalid):
            close(house, never)
    close(house, "2026-09")
    with pytest.raises(Conflict, match="cannot be closed any more"):
        close(house, "2026-08")
    cashier = Caller(sub="c", roles=frozenset({"cashier"}), estates=frozenset({"*"}))
    with pytest.raises(Forbidden):
        accounts.close_month(house.session, cashier, "E1", "2026-10", NOW)


@pytest.mark.bends_the_books
def test_b8_a_month_whose_sums_disagree_is_not_sealed(house: Books) -> None:
    house.session.execute(text("UPDATE household SET credit_fen = 5"))
    with pytest.raises(Conflict, match="disagree"):
        close(house, "2026-09")


def test_b8_an_opening_balance_of_a_closed_month_is_booked_in_the_open_one(database: Callable[[str], Engine]) -> None:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", "E1,1,101,87.33,residential,occupied,H1,王,10000000001")
    desk.run("2026-09")
    desk.write("INSERT INTO ledger_close SELECT id, DATE '2026-10-01', now(), 'x', '[]' FROM estate")
    desk.load("opening_balances", OPENING, "E1,101,property_fee,2026-05,100.00,2026-06-15,40.00")
    booked = desk.rows("SELECT kind, booked_on FROM ledger_entry WHERE kind LIKE 'opening%' ORDER BY id")
    assert booked == [("opening_bill", date(2026, 11, 1)), ("opening_paid", date(2026, 11, 1))]
    with Session(desk.engine) as session:
        assert ledger.imbalance_fen(session) == 0


def test_b8_a_quarter_is_settled_from_closed_months_once(house: Books) -> None:
    close(house, "2026-09")
    with pytest.raises(Conflict, match="Not closed yet: 2026-07, 2026-08"):
        settle(house, "2026-Q3")
    house.session.rollback()


def test_b8_a_settled_quarter_adds_up(books: Books) -> None:
    books.household("H1")
    books.bill(30_000, "2026-07-15", issued="2026-07-01")
    books.pay(10_000, "2026-08-10")
    close(books, "2026-07", "2026-08", "2026-09")
    request_id = uuid4()
    report = settle(books, "2026-Q3", request_id=request_id)
    receivable = next(line for line in report["accounts"] if line["account"] == "receivable")
    assert (receivable["opening_fen"], receivable["debit_fen"], receivable["credit_fen"]) == (0, 30_000, 10_000)
    assert receivable["closing_fen"] == 20_000
    assert settle(books, "2026-Q3", request_id=request_id)["accounts"] == report["accounts"]
    with pytest.raises(Conflict, match="settled already"):
        settle(books, "2026-Q3")
    with pytest.raises(Conflict, match="another settlement"):
        settle(books, "2026-Q4", request_id=request_id)


# --- the fund of an estate under remuneration (B2) -----------------------------------------------------------------


@pytest.fixture
def funded(books: Books) -> Books:
    """The same under 酬金制: 1,000.00 received in July by two flats of 100 m²."""
    for code in ("H1", "H2"):
        books.household(code)
        books.bill(50_000, "2026-07-15", code, issued="2026-07-01")
        books.pay(50_000, "2026-07-15", code)
    books.session.execute(text("UPDATE estate SET charging_mode = 'remuneration'"))
    return books


def fund(books: Books) -> dict[str, dict[str, Any]]:
    told = funds.get_fund(books.session, FINANCE, "E1", None, date(2026, 11, 21))
    return {line["category"]: line for line in told["categories"]}


def test_b2_a_close_makes_fees_received_a_fund(funded: Books) -> None:
    close(funded, "2026-07")
    expense(funded, 5_000, "2026-08-03")
    told = funds.get_fund(funded.session, FINANCE, "E1", None, date(2026, 11, 21))
    assert (told["received_fen"], told["remuneration_fen"]) == (100_000, 10_000)
    assert fund(funded)["greening"] == {
        "category": "greening", "opening_fen": 0, "contributed_fen": 18_000, "spent_fen": 5_000, "returned_fen": 0,
        "closing_fen": 13_000,
    }  # fmt: skip


def test_b2_an_expense_is_recorded_once(funded: Books) -> None:
    request_id = uuid4()
    once = expense(funded, 5_000, "2026-08-03", request_id=request_id)
    assert expense(funded, 5_000, "2026-08-03", request_id=request_id) == once
    with pytest.raises(Conflict):
        expense(funded, 6_000, "2026-08-03", request_id=request_id)
    for wrong in (("2026-12-24", "greening"), ("2026-08-03", "champagne")):
        with pytest.raises(Invalid):
            expense(funded, 1, *wrong)
    assert fund(funded)["greening"]["spent_fen"] == 5_000


def test_b2_a_surplus_goes_back_to_the_owners_by_area(funded: Books) -> None:
    funded.session.execute(text("UPDATE unit SET area_m2 = 50 WHERE code = 'U-H2'"))
    close(funded, "2026-07", "2026-08", "2026-09")
    expense(funded, 1_000, "2026-11-03")  # of the next quarter: not the settled one's
    assert settle(funded, "2026-Q3", "return")["returned_fen"] == 90_000
    credit = funded.session.execute(text("SELECT code, credit_fen FROM household ORDER BY code")).all()
    assert [tuple(row) for row in credit] == [("H1", 60_000), ("H2", 30_000)]
    assert {line["closing_fen"] for line in fund(funded).values()} == {0, -1_000}
    assert ledger.imbalance_fen(funded.session) == 0


@pytest.mark.parametrize("order", [("2026-Q2", "2026-Q3"), ("2026-Q3", "2026-Q2")])
def test_b2_a_surplus_is_returned_once_whichever_quarter_is_settled_first(
    funded: Books, order: tuple[str, str]
) -> None:
    funded.bill(20_000, "2026-05-15", fee_item="parking", issued="2026-05-01")
    funded.pay(20_000, "2026-05-10")
    close(funded, *(f"2026-0{month}" for month in range(4, 10)))
    returned = [settle(funded, quarter, "return")["returned_fen"] for quarter in order]
    assert returned == ([18_000, 90_000] if order[0] == "2026-Q2" else [108_000, 0])
    assert funded.one("SELECT sum(credit_fen) FROM household") == 108_000
    assert {line["closing_fen"] for line in fund(funded).values()} == {0}
    assert ledger.imbalance_fen(funded.session) == 0


def test_b2_one_expense_asked_for_twice_at_once_is_one(engine: Engine, funded: Books) -> None:
    funded.session.commit()
    request_id = uuid4()
    with Session(engine) as first, first.begin(), ThreadPoolExecutor(1) as pool:
        expense(Books(first), 5_000, "2026-08-03", request_id=request_id)

        def again() -> None:
            with Session(engine) as second, second.begin():
                expense(Books(second), 5_000, "2026-08-03", request_id=request_id)

        waiting = pool.submit(again)
        until(lambda: waiting.done() or waits_for_a_lock(engine), "the second request met the first")
        first.commit()
        waiting.result()
    assert fund(funded)["greening"]["spent_fen"] == 5_000


def test_b2_a_lump_sum_estate_has_no_fund(house: Books) -> None:
    with pytest.raises(Conflict, match="包干制"):
        expense(house, 1, "2026-10-01")
    close(house, "2026-09", "2026-10")
    assert house.one("SELECT count(*) FROM fund_entry") == 0


def test_b2_the_policy_is_data(funded: Books) -> None:
    shares = {"security": Decimal(3), "repair": Decimal(1)}
    funds.set_fund_policy(funded.session, FINANCE, "E1", Decimal("0.2"), shares)
    close(funded, "2026-07")
    assert {name: line["contributed_fen"] for name, line in fund(funded).items() if line["contributed_fen"]} == {
        "security": 60_000, "repair": 20_000,
    }  # fmt: skip
    for wrong in ({"security": Decimal(0)}, {"champagne": Decimal(1)}):
        with pytest.raises(Invalid):
            funds.set_fund_policy(funded.session, FINANCE, "E1", Decimal("0.2"), wrong)


def test_b8_a_posting_and_a_close_at_the_same_time_wait_for_each_other(engine: Engine, house: Books) -> None:
    house.session.commit()
    with Session(engine) as other, other.begin():
        allocate_payment(other, settled(20_000, "2026-10-20"), NOW)
        with Session(engine) as closing:
            closing.execute(text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                accounts.close_month(closing, FINANCE, "E1", "2026-09", NOW)
