"""D3: holds from complaints, orders and payments, whose events may arrive in any order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.holds.tables import stands
from services.common.contracts.events import DunningWithdrawn
from tests.support.billing.books import NOW, Books
from tests.support.billing.dunning import DUE, complain, on
from tests.support.databases import waits_for_a_lock
from tests.support.outbox import events
from tests.support.waiting import until


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def test_d3_a_complaint_holds_at_once_and_its_end_resumes_at_the_right_rung(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    books.sweep(on(1))
    source = complain(books, NOW)
    (hold,) = books.case()["holds"]
    assert (hold["reason"], hold["since"], hold["released_at"]) == ("open_complaint", NOW, None)
    assert books.sweep(on(15))["held"] == 1
    assert books.sweep(on(31))["held"] == 1
    assert books.steps() == ["overdue_notice"]
    holds.release(books.session, "complaint", source, "H1", NOW + timedelta(days=1))
    assert books.case()["holds"][0]["released_at"] == NOW + timedelta(days=1)
    assert books.sweep(on(31))["held"] == 0
    assert books.steps() == ["overdue_notice", "demand_letter"]


def test_d3_reminders_go_out_while_held(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    complain(books, NOW)
    books.sweep(on(-1))
    assert books.steps() == ["reminder_1"]


def test_d3_one_hold_of_several_is_enough(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    complain(books, NOW)
    second = uuid4()
    holds.hold(books.session, "work_order", second, "H1", NOW, holds_dunning=True)
    holds.release(books.session, "work_order", second, "H1", NOW)
    books.sweep(on(10))
    assert books.steps() == []


FACTS: list[Callable[[Session, UUID], None]] = [
    lambda s, i: holds.hold(s, "complaint", i, "H1", NOW, holds_dunning=True),
    lambda s, i: holds.release(s, "complaint", i, "H1", NOW + timedelta(hours=1)),
    lambda s, i: holds.hold(s, "complaint", i, "H1", NOW + timedelta(hours=2), holds_dunning=True),
    lambda s, i: holds.release(s, "complaint", i, "H1", NOW + timedelta(hours=3)),
]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_d3_news_in_any_order_leads_to_the_same_hold(books: Books, count: int) -> None:
    books.household()
    books.bill(30000, DUE)
    seen = set()
    for order in permutations(FACTS[:count]):
        source = uuid4()
        for fact in (*order, order[0]):
            fact(books.session, source)
        standing = books.one(f"SELECT count(*) FROM dunning_hold h WHERE source_id = :id AND {stands('h')}", id=source)
        periods = [(h["since"], h["released_at"]) for h in books.case()["holds"] if h["source_id"] == source]
        seen.add((standing, tuple(periods)))
    (only,) = seen
    assert only[0] == (1 if count == 3 else 0)
    assert len(only[1]) == (1 if count == 2 else 2)


def test_d3_events_that_hold_nothing(books: Books) -> None:
    books.household()
    holds.hold(books.session, "complaint", uuid4(), None, NOW, holds_dunning=True)
    holds.hold(books.session, "complaint", uuid4(), "H1", NOW, holds_dunning=False)
    holds.release(books.session, "complaint", uuid4(), None, NOW)
    holds.release(books.session, "complaint", uuid4(), "H1", NOW)
    assert (books.case()["holds"], books.case()["held"]) == ([], False)
    with pytest.raises(holds.UnknownHousehold):
        holds.hold(books.session, "complaint", uuid4(), "H9", NOW, holds_dunning=True)


def test_d3_a_payment_in_flight_holds_until_it_is_posted(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    payment = uuid4()
    holds.start_payment(books.session, payment, "H1", NOW)
    assert books.sweep(on(10))["held"] == 1
    books.pay(100, "2026-10-20", payment_id=payment)
    assert [h["reason"] for h in books.case()["holds"]] == ["payment_in_flight"]
    assert books.case()["held"] is False
    books.sweep(on(10))
    assert books.steps() == ["overdue_notice"]


def test_d3_a_hold_calls_back_what_is_on_its_way_when_we_learn_of_it(books: Books) -> None:
    """Not of a payment, which may fail, nor of a complaint whose closing came first; late news counts when it comes."""
    books.household()
    later, closed = NOW + timedelta(hours=5), uuid4()
    holds.hold(books.session, "complaint", uuid4(), "H1", NOW, holds_dunning=True, learned_at=later)
    holds.hold(books.session, "waiver", uuid4(), "H1", NOW, holds_dunning=True)
    holds.hold(books.session, "complaint", uuid4(), "H1", NOW, holds_dunning=False)
    holds.start_payment(books.session, uuid4(), "H1", NOW)
    holds.release(books.session, "complaint", closed, "H1", NOW + timedelta(hours=1))
    holds.hold(books.session, "complaint", closed, "H1", NOW, holds_dunning=True)
    assert events(books.session, DunningWithdrawn) == [
        DunningWithdrawn(household="H1", estate="E1", reason=reason, withdrawn_at=at)
        for reason, at in (("open_complaint", later), ("pending_waiver", NOW))
    ]


def test_d3_the_news_of_a_start_may_come_last(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    posted, expired = uuid4(), uuid4()
    books.pay(100, "2026-10-20", payment_id=posted)
    holds.start_payment(books.session, posted, "H1", NOW)
    holds.expire_payment(books.session, expired, "H1", NOW - timedelta(hours=1))
    holds.start_payment(books.session, expired, "H1", NOW)
    assert books.case()["held"] is False
    assert books.sweep(on(10))["actions"] == 1


@pytest.mark.parametrize("first", ["start", "settle"])
def test_d3_start_and_settlement_at_once_leave_no_hold(engine: Engine, first: str) -> None:
    """Neither transaction sees the other's rows; the household's lock makes the second wait for the first."""
    payment = uuid4()
    deeds: dict[str, Callable[[Session], Any]] = {
        "start": lambda session: holds.start_payment(session, payment, "H1", NOW),
        "settle": lambda session: Books(session).pay(100, "2026-10-20", payment_id=payment),
    }
    with Session(engine) as session:
        Books(session).household()
        session.commit()

    def second() -> None:
        with Session(engine) as session, session.begin():
            deeds[next(name for name in deeds if name != first)](session)

    with ThreadPoolExecutor(1) as pool, Session(engine) as session:
        deeds[first](session)
        work = pool.submit(second)
        until(lambda: work.done() or waits_for_a_lock(engine), "the second has met the first")
        session.commit()
        work.result()
    with Session(engine) as session:
        assert session.scalar(text(f"SELECT count(*) FROM dunning_hold h WHERE {stands('h')}")) == 0
