"""The statement of a household as of any day, and that SQL and Python count late fee alike (B6, C1)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.statement.handlers import statement
from services.common.contracts.errors import Forbidden, NotFound
from services.common.domain.access import Caller
from tests.support.billing.books import SYSTEM, Books, day


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def sums(statement: dict[str, Any]) -> tuple[int, int, int, int]:
    return tuple(statement[f"{name}_fen"] for name in ("principal", "late_fee", "credit", "total_due"))


@pytest.mark.parametrize(
    ("principal", "due", "payments", "as_of", "fee"),
    [
        (30000, "2025-09-15", [], "2025-09-15", 0),
        (30000, "2025-09-15", [], "2025-09-16", 9),
        (28560, "2025-03-15", [], "2025-06-13", 771),
        (100000, "2025-01-15", [(40000, "2025-02-14"), (60000, "2025-03-16")], "2025-04-30", 1440),
        (50000, "2025-04-15", [(20000, "2025-04-10"), (30000, "2025-05-15")], "2025-06-01", 270),
    ],
)
def test_c1_worked_examples(
    books: Books, principal: int, due: str, payments: list[tuple[int, str]], as_of: str, fee: int
) -> None:
    books.household()
    books.bill(principal, due, issued="2026-11-21")
    for amount, on in payments:
        books.pay(amount, on)
    left = principal - sum(amount for amount, _ in payments)
    assert sums(books.statement(as_of)) == (left, fee, 0, left + fee)


def test_c1_every_bill_is_listed_due_or_not(books: Books) -> None:
    books.household()
    books.bill(30000, "2026-10-15")
    later = books.bill(50000, "2026-12-15", issued="2026-11-01")
    books.pay(10000, "2026-10-10")
    shown = books.statement("2026-11-04")
    # 20000 × 20 days × 0.0003
    assert sums(shown) == (20000 + 50000, 120, 0, 70120)
    first, second = shown["bills"]
    assert {k: first[k] for k in ("unit", "period", "amount_fen", "outstanding_fen", "status", "overdue_days")} == {
        "unit": "E1/U-H1", "period": "2026-09", "amount_fen": 30000, "outstanding_fen": 20000,
        "status": "partially_paid", "overdue_days": 20,
    }  # fmt: skip
    assert (second["id"], second["status"], second["overdue_days"]) == (later, "open", 0)


def test_c1_as_of_a_past_day_it_is_as_it_was(books: Books) -> None:
    books.household()
    books.bill(30000, "2026-10-15", issued="2026-10-05")
    books.pay(45000, "2026-10-20")
    # billed later, but of this month: due or not, it is shown from the month's first day on
    assert sums(books.statement("2026-08-31")) == (0, 0, 0, 0)
    assert sums(books.statement("2026-09-01")) == (30000, 0, 0, 30000)
    assert sums(books.statement("2026-10-19")) == (30000, 36, 0, 30036)
    # 5 days: 45 fen of late fee, the rest is credit
    assert sums(books.statement("2026-10-20")) == (0, 0, 14955, -14955)


def test_c1_an_opening_balance_stands_on_every_day(books: Books) -> None:
    books.household()
    books.bill(30000, "2025-09-15", period="2025-09", issued="2025-09-15")
    books.session.execute(text("UPDATE bill SET run_id = NULL"))
    for on, fee in (("2025-08-01", 0), ("2025-09-14", 0), ("2025-09-15", 0), ("2025-09-16", 9)):
        assert sums(books.statement(on)) == (30000, fee, 0, 30000 + fee)
    books.pay(10000, "2025-09-10")
    assert sums(books.statement("2025-09-09")) == (30000, 0, 0, 30000)
    assert sums(books.statement("2025-09-10")) == (20000, 0, 0, 20000)


def test_c1_a_paid_bill_whose_late_fee_is_open_stays(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-01-15")
    books.pay(100000, "2026-02-14")
    shown = books.statement("2026-11-21")
    assert sums(shown) == (0, 900, 0, 900)
    assert [(b["id"], b["status"], b["overdue_days"]) for b in shown["bills"]] == [(bill_id, "paid", 30)]
    books.pay(900, "2026-11-21")
    assert sums(books.statement("2026-11-21")) == (0, 0, 0, 0)


def test_c1_no_clause_no_fee(books: Books) -> None:
    books.estate("E2", clause=None)
    books.household("H2", "E2")
    books.bill(100000, "2025-01-15", "H2")
    assert sums(books.statement("2026-11-21", "H2")) == (100000, 0, 0, 100000)


def test_c1_paid_before_the_books_opened_never_accrued(books: Books) -> None:
    household_id = books.household()
    bill_id = books.bill(100000, "2025-01-15")
    books.paid_before(bill_id, 40000, date(2026, 11, 21))
    assert sums(books.statement("2025-01-25")) == (60000, 180, 0, 60180)
    assert late_fees_due(books.session, [household_id], date(2025, 1, 25)) == {household_id: 180}


def test_c1_a_bill_settled_by_what_was_paid_before_the_books_opened(books: Books) -> None:
    """Whatever day is asked for: such a payment stands from the beginning of time, before which there is no day."""
    books.household()
    bill_id = books.bill(100000, "2025-01-15")
    books.paid_before(bill_id, 40000, date(2026, 11, 21))
    books.pay(60000, "2025-02-14")
    for today in ("2025-02-14", "2026-11-21"):
        shown = books.statement(today)
        assert sums(shown) == (0, 540, 0, 540)
        assert [(b["status"], b["overdue_days"]) for b in shown["bills"]] == [("paid", 30)]
    assert sums(books.statement("2025-02-13")) == (60000, 522, 0, 60522)
    books.household("H2")
    settled = books.bill(30000, "2025-01-15", "H2")
    books.paid_before(settled, 30000, date(2026, 11, 21))
    for any_day in ("1970-01-01", "2025-01-10", "2026-01-01", "2026-11-21"):
        assert sums(books.statement(any_day, "H2")) == (0, 0, 0, 0)


@pytest.mark.bends_the_books
def test_c1_a_voided_bill_is_owed_by_nobody(books: Books) -> None:
    books.household()
    books.bill(100000, "2025-01-15")
    books.session.execute(text("UPDATE bill SET voided_at = now()"))
    assert sums(books.statement("2026-11-21")) == (0, 0, 0, 0)


def test_c1_an_empty_household(books: Books) -> None:
    books.household()
    shown = books.statement("2026-11-21")
    assert (sums(shown), shown["bills"]) == ((0, 0, 0, 0), [])


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-31"])
def test_c1_any_day_of_the_calendar_can_be_asked_for(books: Books, as_of: str) -> None:
    household_id = books.household()
    books.session.execute(text("UPDATE collection_policy SET grace_days = 5"))
    books.bill(100000, "2025-01-15")
    books.bill(100000, "9999-12-31", period="2026-10", issued="2026-11-01")
    books.pay(40000, "2025-01-20")
    fee = 100000 if as_of[0] == "9" else 0  # never more than the principal
    assert books.statement(as_of)["late_fee_fen"] == fee
    for past in (True, False):
        assert late_fees_due(books.session, [household_id], day(as_of), past=past).get(household_id, 0) == fee


def test_c1_who_may_see_it(books: Books) -> None:
    books.household()
    day = date(2026, 11, 21)
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    assert statement(books.session, owner, "H1", day)["household"] == "H1"
    with pytest.raises(Forbidden):
        statement(books.session, owner.model_copy(update={"household": "H2"}), "H1", day)
    with pytest.raises(Forbidden):
        statement(books.session, Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E2"})), "H1", day)
    with pytest.raises(NotFound):
        statement(books.session, SYSTEM, "H9", day)


def test_c1_queries_do_not_grow_with_bills(engine: Engine, books: Books) -> None:
    books.household()
    for month in range(1, 13):
        books.bill(10000, f"2025-{month:02d}-15")
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert len(books.statement("2026-11-21")["bills"]) == 12
    assert len(seen) <= 5


DAYS = st.dates(date(2025, 1, 1), date(2025, 12, 31))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bills=st.lists(st.tuples(st.integers(1, 10**7), DAYS), min_size=1, max_size=4),
    payments=st.lists(st.tuples(st.integers(1, 10**7), DAYS), max_size=4),
    restored=st.booleans(),
    rates=st.lists(st.tuples(DAYS, st.decimals("0", "0.01", places=6)), max_size=2, unique_by=lambda rate: rate[0]),
    policy=st.tuples(
        st.sampled_from(["principal_first", "late_fee_first"]), st.booleans(), st.integers(0, 30),
        st.sampled_from(["from_due", "after_grace"]),
    ),
    days=st.integers(-20, 700),
)  # fmt: skip
def test_c1_sql_and_python_count_the_same_late_fee(
    engine: Engine, bills: Any, payments: Any, restored: bool, rates: Any, policy: Any, days: int
) -> None:
    with Session(engine) as session:
        books = Books(session)
        household_id = books.household()
        _set_policy(session, books.estates["E1"], policy, rates)
        made = [books.bill(fen, due.isoformat(), fee_item=f"item{n}") for n, (fen, due) in enumerate(bills)]
        for fen, on in payments:
            books.pay(fen, on.isoformat())
        if restored:
            _restore(books, made[0])
        as_of = date(2025, 6, 30) + timedelta(days=days)
        in_python = books.statement(as_of.isoformat())["late_fee_fen"]
        assert late_fees_due(session, [household_id], as_of, past=True).get(household_id, 0) == in_python
        now = date(2030, 1, 1)
        fee_now = books.statement(now.isoformat())["late_fee_fen"]
        assert late_fees_due(session, [household_id], now).get(household_id, 0) == fee_now
        session.rollback()


def _set_policy(session: Session, estate_id: int, policy: Any, rates: Any) -> None:
    names = ("allocation", "capped", "grace_days", "grace_mode")
    row = dict(zip(names, policy, strict=True)) | {"id": estate_id}
    session.execute(
        text("INSERT INTO collection_policy VALUES (:id, :allocation, :capped, :grace_days, :grace_mode)"), row
    )
    for since, daily in rates:
        rate = {"id": estate_id, "since": since, "daily": daily}
        session.execute(text("INSERT INTO late_fee_rate VALUES (:id, :since, :daily)"), rate)


def _restore(books: Books, bill_id: int) -> None:
    """A refund (E4) as it will be booked: the principal is open again from the reversal date."""
    paid = books.one("SELECT paid_fen FROM bill WHERE id = :id", id=bill_id)
    books.give_back(bill_id, paid, date(2025, 8, 8))
