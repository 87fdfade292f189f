"""FC3: money that finance dated back beyond policy is listed for the closing of its month (E3, B8)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.books.handlers import close_month, list_backdated_payments, list_closes
from services.billing.receivables.statement.handlers import open_bills
from services.common.contracts.errors import Forbidden, NotFound
from services.common.contracts.events import Backdating
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, Books, settled

FINANCE = Caller(sub="f1", roles=frozenset({"finance"}), estates=frozenset({"*"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def pay(books: Books, fen: int, on: str, by: str | None = "f1", reason: str | None = "slip found") -> None:
    backdating = Backdating(by=by, reason=reason) if by else None
    event = settled(fen, on, at=NOW).model_copy(update={"backdating": backdating})
    allocate_payment(books.session, event, NOW)


def listed(books: Books, period: str) -> list[dict[str, Any]]:
    return [dict(item) for item in list_backdated_payments(books.session, FINANCE, "E1", period)["items"]]


def test_fc3_a_month_lists_what_was_dated_back_into_it(books: Books) -> None:
    books.household()
    books.bill(50000, "2026-09-15")
    pay(books, 100, "2026-09-03")
    pay(books, 200, "2026-10-03", reason=None)
    pay(books, 300, "2026-09-04", by=None)
    assert [(item["amount_fen"], item["by"], item["reason"]) for item in listed(books, "2026-09")] == [
        (100, "f1", "slip found")
    ]
    [item] = listed(books, "2026-10")
    assert (item["household"], item["channel"], item["reason"]) == ("H1", "cash", None)
    assert (item["business_date"], item["booked_on"], item["settled_at"]) == (date(2026, 10, 3), date(2026, 10, 3), NOW)
    assert listed(books, "2026-08") == []


def test_fc3_the_closing_lists_it_and_what_came_too_late_is_listed_where_it_is_booked(books: Books) -> None:
    books.household()
    books.bill(50000, "2026-09-15")
    pay(books, 100, "2026-08-03")
    for period in ("2026-08", "2026-09"):
        closed = close_month(books.session, FINANCE, "E1", period, NOW)
    assert closed["backdated_payments"] == []
    pay(books, 200, "2026-09-30")
    closes = list_closes(books.session, FINANCE, "E1")["items"]
    amounts = [[item["amount_fen"] for item in close["backdated_payments"]] for close in closes]
    assert amounts == [[100], []]
    assert [(item["amount_fen"], item["booked_on"]) for item in listed(books, "2026-10")] == [(200, date(2026, 10, 1))]


def test_fc3_who_may_read_it(books: Books) -> None:
    books.household()
    cashier = Caller(sub="c", roles=frozenset({"cashier"}), estates=frozenset({"*"}))
    with pytest.raises(Forbidden):
        list_backdated_payments(books.session, cashier, "E1", "2026-09")


def test_fc5_open_bills_are_those_on_which_principal_or_late_fee_is_left(books: Books) -> None:
    books.household()
    books.household("H2")
    late = books.bill(10000, "2026-09-15")
    to_come = books.bill(20000, "2026-12-15")
    books.bill(30000, "2026-12-15", "H2")
    paid = books.bill(5000, "2026-10-15", fee_item="parking")
    books.pay(5000, "2026-10-10", bills=[paid])
    books.pay(10000, "2026-11-15", bills=[late])
    assert open_bills(books.session, SYSTEM, "H1") == {"household": "H1", "bill_ids": [late, to_come]}
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    assert open_bills(books.session, owner, "H1")["bill_ids"] == [late, to_come]
    with pytest.raises(Forbidden):
        open_bills(books.session, owner, "H2")
    with pytest.raises(NotFound):
        open_bills(books.session, SYSTEM, "H9")
