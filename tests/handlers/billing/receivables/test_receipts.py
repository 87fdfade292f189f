"""FM8: receipts say what the ledger says; every payment whose places moved is told anew (B9, E3)."""

from collections import defaultdict
from collections.abc import Callable
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, OPENING_EQUITY, RECEIVABLE
from services.common.contracts.events import PaymentAllocated, PaymentReallocated
from tests.support.billing.books import NOW, Books, settled
from tests.support.billing.relief import Relief
from tests.support.outbox import events

A, B, C = (UUID(int=number) for number in (1, 2, 3))
Receipt = tuple[int, int, int]  # principal, late fee, credit


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def receipts(session: Session) -> dict[UUID, Receipt]:
    """What each payment's receipt says in the end; every one of them adds up, and nothing on it is negative."""
    last: dict[UUID, PaymentAllocated | PaymentReallocated] = {}
    for event in [*events(session, PaymentAllocated), *events(session, PaymentReallocated)]:
        parts = [part for line in event.allocations for part in (line.principal_fen, line.late_fee_fen)]
        assert min([*parts, event.credit_fen]) >= 0
        assert sum(parts) + event.credit_fen == event.amount_fen
        newest = last.get(event.payment_id)
        if newest is None or revision(event) > revision(newest):
            last[event.payment_id] = event
    return {payment: shape(event) for payment, event in last.items()}


def revision(event: PaymentAllocated | PaymentReallocated) -> int:
    return event.revision if isinstance(event, PaymentReallocated) else 0


def shape(event: PaymentAllocated | PaymentReallocated) -> Receipt:
    principal = sum(line.principal_fen for line in event.allocations)
    return principal, sum(line.late_fee_fen for line in event.allocations), event.credit_fen


def by_the_ledger(session: Session) -> dict[UUID, Receipt]:
    """Where the ledger has the money of each payment."""
    sums: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    query = text("SELECT source, debit_account, credit_account, amount_fen FROM ledger_entry "
                 "WHERE source IN (SELECT payment_id::text FROM payment_posting)")  # fmt: skip
    for row in session.execute(query):
        sums[UUID(row.source)][row.credit_account] += row.amount_fen
        sums[UUID(row.source)][row.debit_account] -= row.amount_fen
    return {
        payment: (parts["receivable"], parts["late_fee_income"], parts["customer_credit"])
        for payment, parts in sums.items()
    }


def opening(books: Books) -> int:
    books.household()
    return books.bill(10000, "2026-06-15", charged_to=OPENING_EQUITY)


def test_fm8_a_payment_that_made_room_is_told_anew(books: Books) -> None:
    bill = opening(books)
    books.pay(6100, "2026-07-10", payment_id=A)
    books.pay(4000, "2026-06-20", payment_id=B)
    assert receipts(books.session) == {A: (6000, 51, 49), B: (4000, 0, 0)} == by_the_ledger(books.session)
    [told] = events(books.session, PaymentReallocated)
    assert (told.payment_id, told.revision, told.household, told.estate) == (A, 1, "H1", "E1")
    assert [(line.bill_id, line.open_change_fen) for line in told.adjustments] == [(bill, 100)]


def test_fm8_in_order_nobody_is_told_anew(books: Books) -> None:
    opening(books)
    books.pay(4000, "2026-06-20", payment_id=B)
    books.pay(6100, "2026-07-10", payment_id=A)
    assert receipts(books.session) == {A: (6000, 51, 49), B: (4000, 0, 0)}
    assert events(books.session, PaymentReallocated) == []


def test_fm8_who_was_not_moved_is_not_told(books: Books) -> None:
    """The first payment has paid its bill; what is entered late pays another, and the third keeps its places."""
    books.household()
    first, second = books.bill(1000, "2026-05-15", fee_item="a"), books.bill(1000, "2026-06-15", fee_item="b")
    books.pay(1000, "2026-05-10", payment_id=A, bills=[first])
    books.pay(1000, "2026-05-05", payment_id=B, bills=[second])
    assert events(books.session, PaymentReallocated) == []
    assert receipts(books.session) == {A: (1000, 0, 0), B: (1000, 0, 0)}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_fm8_in_any_order_of_arrival_receipts_end_the_same(engine: Engine, order: tuple[int, ...]) -> None:
    payments = [
        settled(6100, "2026-07-10", payment_id=A),
        settled(4000, "2026-06-20", payment_id=B),
        settled(3000, "2026-07-01", payment_id=C),
    ]
    with Session(engine) as session:
        opening(Books(session))
        for index in order:
            allocate_payment(session, payments[index], NOW)
        # 15 (5 days on 10000) + 19.8 (11 days on 6000) + 8.1 (9 days on 3000) = 42.9
        assert receipts(session) == {B: (4000, 0, 0), C: (3000, 0, 0), A: (3000, 43, 3057)} == by_the_ledger(session)
        moves = sum(line.open_change_fen for told in events(session, PaymentReallocated) for line in told.adjustments)
        placed = sum(shape(event)[0] for event in events(session, PaymentAllocated))
        assert placed - moves == 10000, "sums of what was told are what was paid"


def test_fm8_a_void_changes_no_receipt_until_the_money_is_placed_anew(books: Books) -> None:
    """The credit note says where the money went; once it pays another bill as if it had come in order, it is told."""
    books.household()
    void = books.bill(10000, "2025-03-15")
    books.bill(8000, "2025-07-15")
    books.pay(10000, "2025-03-05", payment_id=A)
    Relief(books).void(void)
    assert receipts(books.session) == {A: (10000, 0, 0)}
    books.pay(5000, "2025-03-03", payment_id=B)
    assert receipts(books.session) == {A: (3000, 0, 7000), B: (5000, 0, 0)}


def test_fm8_what_credit_paid_is_the_payments_own_place_once_it_is_placed_anew(books: Books) -> None:
    """As if both had come in order: what the first left over pays the second bill itself (ADR 17)."""
    books.household()
    books.bill(10000, "2026-01-15")
    books.pay(12000, "2026-01-10", payment_id=A)
    bill = books.bill(2000, "2026-05-15")
    books.move("credit_applied", CUSTOMER_CREDIT, RECEIVABLE, 2000, NOW.date(), bill)
    assert receipts(books.session) == {A: (10000, 0, 2000)}
    books.pay(100, "2026-01-05", payment_id=B)
    assert receipts(books.session) == {A: (11900, 0, 100), B: (100, 0, 0)} == by_the_ledger(books.session)


def test_fm8_where_moving_would_take_back_credit_that_was_paid_out_no_receipt_changes(books: Books) -> None:
    """In order the first payment would pay the newest bill too, with money that is gone: the late one pays it now."""
    books.household()
    books.bill(10000, "2026-01-15")
    books.pay(12000, "2026-01-10", payment_id=A)
    Relief(books).refund(2000)
    books.bill(5000, "2026-06-15")
    books.pay(100, "2026-01-05", payment_id=B)
    assert receipts(books.session) == {A: (10000, 0, 2000), B: (100, 0, 0)} == by_the_ledger(books.session)
    assert events(books.session, PaymentReallocated) == []
