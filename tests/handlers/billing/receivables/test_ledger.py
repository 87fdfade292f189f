"""B6, B7, B9: a settled payment in the ledger, once, in any order, and balances that agree."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.billing.holds.handlers import UnknownHousehold
from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, RECEIVABLE
from services.billing.receivables.trial_balance import handlers
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.common.contracts.errors import Forbidden, NotFound
from services.common.contracts.events import PaymentAllocated, PaymentReallocated
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, Books, settled
from tests.support.outbox import events


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def last_words(session: Session) -> list[PaymentAllocated | PaymentReallocated]:
    """What each payment's receipt says in the end."""
    words: dict[UUID, PaymentAllocated | PaymentReallocated] = {
        event.payment_id: event for event in events(session, PaymentAllocated)
    }
    for event in sorted(events(session, PaymentReallocated), key=lambda event: event.revision):
        words[event.payment_id] = event
    return list(words.values())


def totals(books: Books) -> dict[str, int]:
    return {line.account: line.balance_fen for line in trial_balance(books.session, SYSTEM, None)["accounts"]}


def test_b6_a_payment_settles_bills_oldest_first_and_the_rest_is_credit(books: Books) -> None:
    books.household()
    new, old = books.bill(50000, "2026-11-15"), books.bill(30000, "2026-10-15")
    event = books.pay(90000, "2026-11-10", channel="wechat")
    # 30000 × 26 days × 0.0003 = 2.34
    (told,) = events(books.session, PaymentAllocated)
    assert [(a.bill_id, a.principal_fen, a.late_fee_fen) for a in told.allocations] == [
        (new, 50000, 0),
        (old, 30000, 234),
    ]
    assert (told.payment_id, told.credit_fen, told.estate) == (event.payment_id, 9766, "E1")
    assert totals(books) == {
        "cash_wechat": 90000, "receivable": 0, "fee_income": -80000, "late_fee_income": -234, "customer_credit": -9766,
    }  # fmt: skip
    assert books.one("SELECT credit_fen FROM household WHERE code = 'H1'") == 9766
    assert imbalance_fen(books.session) == 0


def test_b7_entries_are_booked_on_the_business_day(books: Books) -> None:
    books.household()
    books.bill(50000, "2026-10-15")
    books.pay(100, "2026-09-30")
    assert books.one("SELECT booked_on FROM ledger_entry WHERE debit_account = 'cash_cash'") == date(2026, 9, 30)


def test_b9_designated_bills_come_first(books: Books) -> None:
    books.household()
    books.bill(30000, "2026-10-15")
    chosen = books.bill(50000, "2026-12-15")
    books.pay(20000, "2026-11-10", bills=[chosen])
    assert books.one("SELECT paid_fen FROM bill WHERE id = :id", id=chosen) == 20000


def test_b9_late_fee_first_is_a_policy(books: Books) -> None:
    books.household()
    books.session.execute(text("UPDATE collection_policy SET allocation = 'late_fee_first'"))
    books.bill(100000, "2026-10-15")
    books.pay(1000, "2026-10-25")
    assert totals(books)["late_fee_income"] == -300


def test_b7_a_payment_is_posted_once_even_without_the_inbox(books: Books) -> None:
    books.household()
    books.bill(50000, "2026-10-15")
    event = books.pay(20000, "2026-10-10")
    before = totals(books)
    allocate_payment(books.session, event, NOW)
    assert totals(books) == before
    assert len(events(books.session, PaymentAllocated)) == 1


def test_b7_copies_arriving_at_once_are_posted_once(engine: Engine) -> None:
    with Session(engine) as session:
        books = Books(session)
        books.household()
        books.bill(50000, "2026-10-15")
        session.commit()
    event = settled(20000, "2026-10-10")

    def deliver(_: int) -> None:
        with Session(engine) as session, session.begin():
            allocate_payment(session, event, NOW)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(deliver, range(6)))
    with Session(engine) as session:
        assert session.scalar(text("SELECT sum(paid_fen) FROM bill")) == 20000
        assert imbalance_fen(session) == 0


def test_b7_different_payments_at_once_lose_nothing(engine: Engine) -> None:
    with Session(engine) as session:
        books = Books(session)
        books.household()
        books.household("H2")
        for due in ("2026-08-15", "2026-09-15", "2026-10-15"):
            books.bill(10000, due)
            books.bill(10000, due, "H2")
        session.commit()
    payments = [settled(1700, f"2026-10-{n:02d}", f"H{n % 2 + 1}") for n in range(1, 25)]

    def deliver(event: Any) -> None:
        with Session(engine) as session, session.begin():
            allocate_payment(session, event, NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, payments))
    with Session(engine) as session:
        cash = session.scalar(text("SELECT sum(amount_fen) FROM ledger_entry WHERE debit_account = 'cash_cash'"))
        moved_back = session.scalar(
            text("SELECT COALESCE(sum(amount_fen), 0) FROM ledger_entry WHERE credit_account = 'cash_cash'")
        )
        assert cash - moved_back == 24 * 1700
        assert imbalance_fen(session) == 0


def test_b9_any_order_of_arrival_leads_to_the_same_books(database: Callable[[str], Engine]) -> None:
    payments = [
        settled(70000, "2025-03-16", payment_id=UUID(int=1)),
        settled(40000, "2025-02-14", payment_id=UUID(int=2)),
        settled(51000, "2025-04-01", payment_id=UUID(int=3)),
        settled(2500, "2025-01-10", payment_id=UUID(int=4)),
    ]
    outcomes = []
    for seed in range(5):
        random.Random(seed).shuffle(payments)
        with Session(database("billing")) as session:
            books = Books(session)
            books.household()
            books.bill(100000, "2025-01-15")
            books.bill(50000, "2025-02-15")
            for event in payments:
                allocate_payment(session, event, NOW)
            paid = session.scalars(text("SELECT paid_fen FROM bill ORDER BY id")).all()
            statement = books.statement("2025-06-30")
            outcomes.append((totals(books), paid, statement["total_due_fen"], statement["credit_fen"]))
            told = events(session, PaymentAllocated)
            for event in told:
                parts = sum(a.principal_fen + a.late_fee_fen for a in event.allocations)
                assert parts + event.credit_fen == event.amount_fen
            assert sum(a.principal_fen for event in last_words(session) for a in event.allocations) == sum(paid)
            assert imbalance_fen(session) == 0
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_b6_credit_that_was_spent_is_not_taken_back(books: Books) -> None:
    books.household()
    books.bill(10000, "2026-01-15")
    books.pay(12000, "2026-03-16")
    credit = books.one("SELECT credit_fen FROM household")
    bill_id = books.bill(5000, "2026-05-15")
    books.move("credit_applied", CUSTOMER_CREDIT, RECEIVABLE, credit, date(2026, 5, 1), bill_id)
    assert imbalance_fen(books.session) == 0
    books.pay(1, "2026-02-01")
    assert imbalance_fen(books.session) == 0
    assert books.one("SELECT credit_fen FROM household") == 0


def test_b9_a_household_nobody_knows_stops_the_event(books: Books) -> None:
    books.estate()
    with pytest.raises(UnknownHousehold):
        allocate_payment(books.session, settled(100, "2026-10-10", "NOBODY"), NOW)


def test_b7_the_ledger_refuses_change(books: Books) -> None:
    books.household()
    books.bill(100, "2026-10-15")
    with pytest.raises(DBAPIError, match="append-only"):
        books.session.execute(text("UPDATE ledger_entry SET amount_fen = 1"))


@pytest.mark.bends_the_books
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE bill SET paid_fen = paid_fen - 7",
        "UPDATE household SET credit_fen = credit_fen + 7",
        "UPDATE rate_rollup SET collected_fen = collected_fen + 7 WHERE collected_fen > 0",
        "UPDATE rate_rollup SET billed_fen = billed_fen + 7 WHERE billed_fen > 0",
        "UPDATE bill SET waived_fen = 7 WHERE paid_fen < amount_fen - 7",
    ],
)
def test_b7_every_difference_is_seen(books: Books, damage: str) -> None:
    books.household()
    books.bill(50000, "2026-10-15")
    books.pay(20000, "2026-10-10")
    assert imbalance_fen(books.session) == 0
    books.session.execute(text(damage))
    assert imbalance_fen(books.session) >= 7


@pytest.mark.bends_the_books
def test_b7_differences_of_two_estates_do_not_hide_each_other(books: Books) -> None:
    books.household()
    books.household("H2", "E2")
    books.session.execute(text("UPDATE household SET credit_fen = 5 WHERE code = 'H1'"))
    books.bill(100, "2026-10-15", "H2")
    assert imbalance_fen(books.session) == 5
    books.session.execute(text("UPDATE bill SET paid_fen = 5"))
    assert imbalance_fen(books.session) == 10


def test_b7_trial_balance(books: Books) -> None:
    books.household()
    books.household("H2", "E2")
    books.bill(50000, "2026-10-15")
    books.bill(100, "2026-10-15", "H2")
    books.pay(20000, "2026-10-10")
    balance = trial_balance(books.session, SYSTEM, "E1")
    assert {line.account: (line.debit_fen, line.credit_fen) for line in balance["accounts"]} == {
        "cash_cash": (20000, 0), "fee_income": (0, 50000), "receivable": (50000, 20000),
    }  # fmt: skip
    assert (balance["difference_fen"], balance["imbalance_fen"], balance["receivable_fen"]) == (0, 0, 30000)
    own = Caller(sub="m", roles=frozenset({"estate_manager"}), estates=frozenset({"E2"}))
    assert trial_balance(books.session, own, None)["receivable_fen"] == 100
    with pytest.raises(Forbidden):
        trial_balance(books.session, own, "E1")
    with pytest.raises(Forbidden):
        trial_balance(books.session, Caller(sub="o", roles=frozenset({"owner"}), household="H1"), None)
    with pytest.raises(NotFound):
        trial_balance(books.session, SYSTEM, "E9")


def test_b7_empty_books_balance(books: Books) -> None:
    balance = trial_balance(books.session, SYSTEM, None)
    assert (balance["accounts"], balance["difference_fen"], balance["imbalance_fen"]) == ([], 0, 0)
    assert handlers.imbalance_fen(books.session) == 0


def test_b9_a_payment_of_an_unknown_bill_falls_to_the_oldest(books: Books) -> None:
    books.household()
    bill_id = books.bill(100, "2026-10-15")
    books.pay(60, "2026-10-10", bills=[987654], payment_id=uuid4())
    assert books.one("SELECT paid_fen FROM bill WHERE id = :id", id=bill_id) == 60
