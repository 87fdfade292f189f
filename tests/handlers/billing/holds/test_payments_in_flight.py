"""FC4: an order holds escalation when it would pay a good part of what is due, and for that alone (D3)."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from services.billing.holds.handlers import UnknownHousehold, expire_payment
from services.billing.receivables.allocation.in_flight import start_payment
from services.common.contracts.events import PaymentStarted
from tests.support.billing.books import Books

STARTED = datetime(2026, 11, 21, 4, tzinfo=UTC)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def start(books: Books, fen: int, *bills: int, payment_id: UUID | None = None) -> UUID:
    event = PaymentStarted(
        payment_id=payment_id or uuid4(), household="H1", estate="E1", amount_fen=fen, expires_at=STARTED,
        bill_ids=list(bills),
    )  # fmt: skip
    start_payment(books.session, event, STARTED)
    return event.payment_id


def is_held(books: Books) -> bool:
    return books.case()["held"]


def overdue(books: Books) -> int:
    """30000 due for 37 days: 333 of late fee, so that half of what is due is 15166.5."""
    books.household()
    return books.bill(30000, "2026-10-15")


@pytest.mark.parametrize(("fen", "holds"), [(1, False), (15166, False), (15167, True), (90000, True)])
def test_fc4_an_order_holds_from_half_of_what_is_due(books: Books, fen: int, holds: bool) -> None:
    overdue(books)
    start(books, fen)
    assert is_held(books) is holds


def test_fc4_any_number_of_small_orders_hold_nothing(books: Books) -> None:
    overdue(books)
    for _ in range(5):
        start(books, 15000)
    assert is_held(books) is False


def test_fc4_an_order_that_would_pay_what_is_not_due_holds_nothing(books: Books) -> None:
    overdue(books)
    later = books.bill(20000, "2026-12-15")
    start(books, 20000, later)
    assert is_held(books) is False
    start(books, 20000 + 15167, later)
    assert is_held(books) is True, "what the bill that is meant leaves over pays what is due"


def test_fc4_where_nothing_is_due_there_is_nothing_to_hold(books: Books) -> None:
    books.household()
    books.bill(20000, "2026-12-15")
    start(books, 20000)
    assert is_held(books) is False


def test_fc4_how_much_is_enough_is_policy(books: Books) -> None:
    overdue(books)
    row = {"estate_id": books.estates["E1"], "least_percent": 10}
    books.session.execute(text("INSERT INTO payment_hold_policy VALUES (:estate_id, :least_percent)"), row)
    start(books, 3033)
    assert is_held(books) is False
    start(books, 3034)
    assert is_held(books) is True


def test_fc4_a_small_order_that_ends_leaves_no_trace_and_a_late_start_neither(books: Books) -> None:
    overdue(books)
    small, whole = start(books, 1), uuid4()
    for payment in (small, whole):
        expire_payment(books.session, payment, "H1", STARTED)
    start(books, 30333, payment_id=whole)
    assert is_held(books) is False


def test_fc4_a_household_nobody_knows_stops_the_event(books: Books) -> None:
    books.estate()
    with pytest.raises(UnknownHousehold):
        start(books, 100)
