"""B6, FC1, FM1 (ADR 18): credit is kept for a refund on request, and leaves the house when another says so."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.receivables.credits.refunds import list_refunds, list_refunds_of
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.common.contracts.errors import Conflict, Forbidden, NotFound
from tests.support.billing.books import SYSTEM, Books, day
from tests.support.billing.relief import ADMIN, FINANCE, MANAGER, STEWARD, Relief, noon, who


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def relief(books: Books) -> Iterator[Relief]:
    books.household()
    yield Relief(books).on("2025-06-13")
    assert imbalance_fen(books.session) == 0


def prepaid(relief: Relief, fen: int = 50_000, household: str = "H1") -> None:
    relief.books.prepay(fen, day("2025-06-01"), household)


def credit(relief: Relief) -> tuple[int, int]:
    """In all, and kept for refunds."""
    return relief.books.one("SELECT credit_fen FROM household"), relief.books.one("SELECT reserved_fen FROM household")


def cash(relief: Relief) -> int:
    accounts = trial_balance(relief.books.session, SYSTEM, None)["accounts"]
    return sum(account.balance_fen for account in accounts if account.account == "cash_transfer")


def test_fc1_a_refund_is_asked_for_by_one_and_booked_by_another(relief: Relief) -> None:
    prepaid(relief)
    asked = relief.ask_refund(20_000)
    assert (asked["status"], asked["overdue_fen"]) == ("requested", 0)
    assert (asked["booked_on"], asked["refunded_by"]) == (None, None)
    assert (credit(relief), cash(relief)) == ((50_000, 20_000), 0)
    for own in (FINANCE, who("group_admin", "finance-1")):
        with pytest.raises(Forbidden, match="four eyes"):
            relief.approve_refund(asked["id"], own)
    done = relief.after(1).approve_refund(asked["id"])
    assert (done["status"], done["booked_on"]) == ("approved", day("2025-06-14"))
    assert (done["requested_by"], done["decided_by"], done["refunded_by"]) == ("finance-1", ADMIN.sub, ADMIN.sub)
    assert relief.approve_refund(asked["id"], who("finance", "finance-2")) == done
    assert (credit(relief), cash(relief)) == ((30_000, 0), -20_000)


def test_fm1_credit_kept_for_a_refund_pays_nothing_until_it_is_refused(relief: Relief) -> None:
    prepaid(relief)
    asked = relief.ask_refund(50_000)
    bill = relief.books.bill(8_000, "2025-07-15")
    with pytest.raises(Conflict, match="no credit"):
        relief.apply()
    relief.books.pay(3_000, "2025-06-13")
    assert relief.books.statement("2025-06-13")["principal_fen"] == 5_000
    relief.reject_refund(asked["id"])
    assert relief.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=bill) == 8_000
    assert credit(relief) == (45_000, 0)


def test_fm1_a_refund_that_is_withdrawn_pays_what_is_open_too(relief: Relief) -> None:
    prepaid(relief)
    asked = relief.ask_refund(50_000)
    relief.books.bill(8_000, "2025-07-15")
    taken = relief.withdraw_refund(asked["id"])
    assert relief.withdraw_refund(asked["id"]) == taken
    assert (taken["status"], credit(relief)) == ("withdrawn", (42_000, 0))


def test_fm1_while_something_is_overdue_only_finance_asks_and_the_answer_says_so(relief: Relief) -> None:
    """100.00 due 90 days ago, with 2.70 of late fee."""
    prepaid(relief)
    assert relief.withdraw_refund(relief.ask_refund(1, by=MANAGER)["id"], MANAGER)["status"] == "withdrawn"
    relief.books.bill(10_000, "2025-03-15")
    with pytest.raises(Forbidden, match=r"102\.70 yuan are overdue only finance"):
        relief.ask_refund(1_000, by=MANAGER)
    asked = relief.ask_refund(1_000)
    assert asked["overdue_fen"] == 10_270
    relief.apply()
    assert relief.approve_refund(asked["id"])["overdue_fen"] == 0


@pytest.mark.bends_the_books
def test_fm1_what_is_due_today_or_later_is_not_overdue(relief: Relief) -> None:
    prepaid(relief)
    relief.books.bill(10_000, "2025-06-13")
    assert relief.ask_refund(1_000, by=MANAGER)["overdue_fen"] == 0


def test_fc1_no_more_is_kept_than_there_is(relief: Relief) -> None:
    prepaid(relief)
    relief.ask_refund(30_000)
    with pytest.raises(Conflict, match=r"200\.00 yuan"):
        relief.ask_refund(20_001)
    relief.ask_refund(20_000)
    assert credit(relief) == (50_000, 50_000)


def test_fc1_the_same_request_is_one(relief: Relief) -> None:
    prepaid(relief)
    request_id = uuid4()
    asked = relief.ask_refund(1_000, request_id=request_id)
    assert relief.ask_refund(1_000, request_id=request_id) == asked
    with pytest.raises(Conflict, match="another refund"):
        relief.ask_refund(2_000, request_id=request_id)
    refused = relief.reject_refund(request_id)
    assert relief.reject_refund(request_id) == relief.ask_refund(1_000, request_id=request_id) == refused
    for decide in (relief.approve_refund, relief.withdraw_refund):
        with pytest.raises(Conflict, match="rejected already"):
            decide(request_id)
    assert credit(relief) == (50_000, 0)


def test_fc1_who_may_ask_and_who_may_decide(relief: Relief) -> None:
    prepaid(relief)
    for nobody in (STEWARD, who("cashier"), who("auditor"), who("finance", "f", "E2")):
        with pytest.raises(Forbidden):
            relief.ask_refund(1, by=nobody)
    asked = relief.ask_refund(1_000, by=who("region_manager", "r", "E1"))["id"]
    for nobody in (MANAGER, who("region_manager", "r2", "E1"), who("finance", "f", "E2")):
        with pytest.raises(Forbidden):
            relief.approve_refund(asked, nobody)
        with pytest.raises(Forbidden):
            relief.reject_refund(asked, nobody)
    with pytest.raises(Forbidden, match="Only who asked"):
        relief.withdraw_refund(asked, MANAGER)
    for nothing in (relief.approve_refund, relief.reject_refund, relief.withdraw_refund):
        with pytest.raises(NotFound):
            nothing(uuid4())
    assert relief.approve_refund(asked, FINANCE)["status"] == "approved"


def test_fc1_refunds_are_listed_by_scope_and_status(relief: Relief) -> None:
    relief.books.household("H2", "E2")
    prepaid(relief)
    prepaid(relief, household="H2")
    first = relief.ask_refund(1_000)["id"]
    second = relief.after(1).ask_refund(1_000, "H2")["id"]
    relief.reject_refund(first)

    def listed(by: Any = FINANCE, **cut: Any) -> list[Any]:
        terms = {"estate": None, "household": None, "status": None, "limit": 50, "cursor": None} | cut
        return [item["id"] for item in list_refunds(relief.books.session, by, **terms)["items"]]

    assert listed() == [second, first]
    assert listed(status="requested") == [second]
    assert listed(estate="E1") == listed(household="H1") == listed(who("estate_manager", "m", "E1")) == [first]
    page = list_refunds(relief.books.session, FINANCE, None, None, None, 1, None)
    assert listed(cursor=page["next_cursor"]) == [first]
    assert [item["id"] for item in list_refunds_of(relief.books.session, FINANCE, "H1", 50, None)["items"]] == [first]
    with pytest.raises(Forbidden):
        listed(who("cashier"))


def test_fc1_what_is_booked_twice_at_once_is_booked_once(relief: Relief, engine: Engine) -> None:
    prepaid(relief)
    asked = relief.ask_refund(20_000)["id"]
    relief.books.session.commit()

    def approve(by: Any) -> str:
        with Session(engine) as session, session.begin():
            return Relief(Books(session), noon("2025-06-13")).approve_refund(asked, by)["status"]

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(approve, (ADMIN, who("finance", "f2"), ADMIN, who("finance", "f3")))) == {"approved"}
    assert (credit(relief), cash(relief)) == ((30_000, 0), -20_000)


def test_fc1_of_an_approval_and_a_withdrawal_at_once_one_wins(relief: Relief, engine: Engine) -> None:
    prepaid(relief)
    asked = relief.ask_refund(20_000)["id"]
    relief.books.session.commit()

    def act(name: str) -> bool:
        with Session(engine) as session, session.begin():
            try:
                getattr(Relief(Books(session), noon("2025-06-13")), name)(asked)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(act, ("approve_refund", "withdraw_refund"))) == 1
    assert credit(relief) in ((30_000, 0), (50_000, 0))
    assert credit(relief)[0] - cash(relief) == 50_000


def test_fc1_killed_in_the_middle_of_an_approval_it_still_waits(relief: Relief, engine: Engine) -> None:
    prepaid(relief)
    asked = relief.ask_refund(20_000)["id"]
    relief.books.session.commit()
    with Session(engine) as session:
        Relief(Books(session), noon("2025-06-13")).approve_refund(asked)
        session.rollback()
    assert credit(relief) == (50_000, 20_000)
    assert relief.approve_refund(asked)["status"] == "approved"
