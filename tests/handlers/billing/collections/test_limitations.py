"""D4: the limitation clock over many bills in SQL, equal to the law, and one warning per bill, threshold and expiry."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.legal import files
from services.billing.collections.legal.files import Step
from services.billing.collections.legal.limitation import handlers as limitations
from services.billing.collections.legal.limitation.rules import Restart, RestartKind, limitation
from services.billing.collections.legal.limitation.sql import near_expiry
from services.billing.receivables.plans.handlers import Offer, sign_plan
from services.billing.receivables.plans.rules import Instalment
from services.common.contracts.errors import Forbidden, Invalid
from services.common.contracts.events import LimitationWarned
from services.common.database import transaction
from tests.support.billing.books import NOW, TODAY, Books, day
from tests.support.billing.legal import AUDITOR, MANAGER, OTHER, delivered, learn, noon, promise
from tests.support.outbox import events

SOON = (TODAY + timedelta(days=30)).replace(year=TODAY.year - 3)  # a claim due then has 30 days left


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def listed(
    books: Books, within: int = 180, *, expired: bool = False, estate: str | None = "E1"
) -> list[dict[str, Any]]:
    found = limitations.list_limitations(books.session, MANAGER, estate, within, 50, None, TODAY, expired=expired)
    return list(found["items"])


def test_d4_sql_and_the_law_give_the_same_clock(books: Books) -> None:
    """Random bills with random restarts of every kind, leap days among them, looked at from random days."""
    dice, homes = Random(20261121), {}
    for number in range(150):
        code = f"H{number}"
        books.household(code)
        due = dice.choice(
            [date(2020, 2, 29), date(2016, 2, 29), date(2015, 1, 1) + timedelta(days=dice.randrange(3600))]
        )
        bill_id = books.bill(100_000, due.isoformat(), code)
        homes[bill_id] = (due, [_restart(books, dice, code, bill_id, due) for _ in range(dice.randrange(5))])
    for as_of in (date(2020, 2, 29), date(2023, 2, 28), date(2026, 11, 21), date(2027, 2, 28)):
        rows = near_expiry(books.session, [books.estates["E1"]], as_of, (-36_500, 36_500))
        found = {row.bill_id: (row.from_on if row.by else None, row.expires_on) for row in rows}
        law = {bill_id: limitation(due, restarts, as_of) for bill_id, (due, restarts) in homes.items()}
        assert found == {bill_id: (clock.restarted_on, clock.expires_on) for bill_id, clock in law.items()}
        assert {row.bill_id: row.by for row in rows} == {bill_id: clock.restarted_by for bill_id, clock in law.items()}


def _restart(books: Books, dice: Random, household: str, bill_id: int, due: date) -> Restart:
    kinds: list[RestartKind] = ["demand", "lawyers_letter", "proceedings", "promise", "part_payment"]
    kind, on = dice.choice(kinds), due + timedelta(days=dice.randrange(1, 3000))
    if kind == "promise" and dice.random() < 0.5:
        _signed(books, household, bill_id, on)
    elif kind == "promise":
        promise(books, on.isoformat(), household)
    elif kind == "part_payment":
        books.pay(1, on.isoformat(), household, bills=[bill_id])
    elif kind == "proceedings":
        _proceedings(books, household, on)
    else:
        template = "legal.lawyers_letter" if kind == "lawyers_letter" else "dunning.formal_notice"
        learn(books, delivered(on.isoformat(), on.isoformat(), household, template=template))
    return Restart(on, kind)


def _proceedings(books: Books, household: str, on: date) -> None:
    file_id, household_id = uuid4(), books.households[household][0]
    key = {"id": file_id, "household": household_id, "on": on, "request": uuid4(), "now": NOW}
    books.session.execute(text(
        "INSERT INTO legal_file (id, household_id, estate_id, kind, opened_on, gate, closed_on) "
        "VALUES (:id, :household, 1, 'suit', :on, '[]', :on)"), key)  # fmt: skip
    books.session.execute(text(
        "INSERT INTO legal_file_event (request_id, file_id, status, happened_on, recorded_by, recorded_at) "
        "VALUES (:request, :id, 'filed', :on, 'M1', :now)"), key)  # fmt: skip


def _signed(books: Books, household: str, bill_id: int, on: date) -> None:
    """An instalment plan of two parts was signed; how it went on does not matter."""
    key = {"id": uuid4(), "household": books.households[household][0], "on": on, "bill": bill_id, "now": NOW}
    books.session.execute(text(
        "INSERT INTO instalment_plan (id, household_id, estate_id, signed_on, late_days, revives, late_fee_fen, "
        "status, status_at, created_by, created_at) "
        "VALUES (:id, :household, 1, :on, 15, false, 0, 'broken', :now, 'M1', :now)"), key)  # fmt: skip
    books.session.execute(text(
        "INSERT INTO instalment_plan_part (plan_id, bill_id, due_date, amount_fen) "
        "SELECT :id, :bill, CAST(:on AS date) + days, 100 FROM unnest(ARRAY[30, 60]) AS days"), key)  # fmt: skip


def test_d4_who_signs_an_instalment_plan_promises_to_pay(books: Books) -> None:
    books.household()
    planned, other = (books.bill(30000, SOON.isoformat(), fee_item=item) for item in ("property_fee", "parking"))
    offer = Offer("H1", frozenset({planned}), TODAY, (Instalment(TODAY + timedelta(days=30), 30000),))
    sign_plan(books.session, MANAGER, uuid4(), offer, NOW)
    assert [claim["bill_id"] for claim in listed(books)] == [other]
    [claim] = [one for one in listed(books, within=1200) if one["bill_id"] == planned]
    assert (claim["restarted_on"], claim["restarted_by"]) == (TODAY, "promise")
    assert claim["expires_on"] == TODAY.replace(year=TODAY.year + 3)


@pytest.mark.bends_the_books
def test_d4_a_failed_delivery_and_a_paid_back_payment_restart_nothing(books: Books) -> None:
    books.household()
    bill_id = books.bill(30000, SOON.isoformat())
    learn(books, delivered("2025-01-10", "2025-01-05", template="dunning.formal_notice", outcome="failed"))
    learn(books, delivered("2025-01-10", "2025-01-05", template="dunning.overdue_notice"))
    paid = books.pay(1000, "2025-01-10", bills=[bill_id])
    assert listed(books) == []
    books.give_back(bill_id, 1000, date(2025, 2, 1), cause=str(paid.payment_id))
    [claim] = listed(books)
    assert (claim["bill_id"], claim["days_left"], claim["warn"], claim["restarted_on"]) == (bill_id, 30, 30, None)


def test_d4_a_restart_takes_a_claim_off_the_list_whatever_comes_first(books: Books) -> None:
    for code in ("H1", "H2"):
        books.household(code)
        books.bill(30000, SOON.isoformat(), code)
    promise(books, "2025-03-01", "H1")
    learn(books, delivered("2025-06-01", "2025-05-20", "H1"))
    learn(books, delivered("2025-06-01", "2025-05-20", "H2"))
    promise(books, "2025-03-01", "H2")
    rows = near_expiry(books.session, [books.estates["E1"]], TODAY, (0, 2000))
    assert {(row.expires_on, row.by) for row in rows} == {(day("2028-06-01"), "demand")}


def test_d4_the_list_is_by_estate_days_and_page(books: Books) -> None:
    books.household("H1")
    books.household("H2", "E2")
    ids = [
        books.bill(100, (SOON + timedelta(days=days)).isoformat(), "H1", fee_item=f"fee{days}")
        for days in (0, 1, 2, 400, -31)
    ]
    books.bill(100, SOON.isoformat(), "H2")
    assert [claim["bill_id"] for claim in listed(books)] == ids[:3]
    assert [claim["bill_id"] for claim in listed(books, within=30)] == ids[:1]
    assert [claim["bill_id"] for claim in listed(books, expired=True)] == [ids[4]]
    page = limitations.list_limitations(books.session, AUDITOR, "E1", 180, 2, None, TODAY)
    rest = limitations.list_limitations(books.session, AUDITOR, "E1", 180, 2, page["next_cursor"], TODAY)
    assert [claim["bill_id"] for claim in page["items"] + rest["items"]] == ids[:3]
    with pytest.raises(Forbidden):
        limitations.list_limitations(books.session, OTHER, "E1", 180, 2, None, TODAY)
    with pytest.raises(Invalid):
        limitations.list_limitations(books.session, AUDITOR, "E1", 180, 2, "nonsense", TODAY)


def warned(engine: Engine) -> list[tuple[int, int, date]]:
    with transaction(engine) as session:
        items = [item for event in events(session, LimitationWarned) for item in event.items]
    return [(item.bill_id, item.threshold, item.expires_on) for item in items]


def round_of(engine: Engine, on: date) -> int:
    return limitations.check_all(partial(transaction, engine), lambda: noon(on))


def test_d4_one_warning_per_bill_threshold_and_expiry_on_whatever_day_it_is_looked_at(engine: Engine) -> None:
    with transaction(engine) as session:
        books = Books(session)
        books.household()
        bill_id = books.bill(30000, "2024-02-29")
    end = date(2027, 2, 28)
    for left in (181, 180, 180, 179, 91, 90, 40, 30, 29, 0, -1):
        round_of(engine, end - timedelta(days=left))
    assert warned(engine) == [(bill_id, 180, end), (bill_id, 90, end), (bill_id, 30, end)]
    with transaction(engine) as session:
        promise_on(session, bill_id, "2027-02-10")
    round_of(engine, date(2030, 1, 15))
    assert warned(engine)[3:] == [(bill_id, 30, date(2030, 2, 10))]


def promise_on(session: Session, bill_id: int, on: str) -> None:
    session.execute(text("""
        INSERT INTO dunning_contact (id, household_id, kind, answer, promised_on, contacted_at, contacted_by)
        SELECT gen_random_uuid(), household_id, 'phone', 'x', :day, :at, 'S1' FROM bill WHERE id = :id"""),
        {"id": bill_id, "day": day(on), "at": noon(on)})  # fmt: skip


def test_d4_two_replicas_warn_once_and_look_once_a_day(engine: Engine) -> None:
    with transaction(engine) as session:
        books = Books(session)
        for number in range(8):
            books.household(f"H{number}", f"E{number}")
            books.bill(30000, SOON.isoformat(), f"H{number}")
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: round_of(engine, TODAY), range(2)))
    counts.append(round_of(engine, TODAY))
    assert sum(counts) == 8
    assert len(warned(engine)) == len(set(warned(engine))) == 8
    assert round_of(engine, TODAY + timedelta(days=1)) == 0


def test_d4_filing_a_suit_restarts_the_clock(books: Books) -> None:
    books.household()
    books.bill(30000, SOON.isoformat())
    file = files.open_file(books.session, MANAGER, uuid4(), "H1", "mediation", None, NOW)
    assert len(listed(books)) == 1
    files.change_status(books.session, MANAGER, uuid4(), file["id"], Step("filed", TODAY), NOW)
    assert listed(books) == []


def test_d4_claims_near_expiry_are_found_in_the_index_of_open_bills(books: Books) -> None:
    books.household()
    books.session.execute(
        text("""
        INSERT INTO bill (unit_id, household_id, amount_fen, paid_fen, estate_id, period, due_date, issued_on, building,
                          fee_item)
        SELECT u.id, u.household_id, 100, CASE WHEN n % 50 = 0 THEN 0 ELSE 100 END, u.estate_id, DATE '2000-01-01' + n,
               DATE '2000-01-01' + n, DATE '2000-01-01', '1', 'f'
        FROM unit u, generate_series(1, 20000) n""")
    )
    books.session.execute(text("ANALYZE bill"))
    plan = books.session.scalars(text(
        "EXPLAIN SELECT id FROM bill WHERE estate_id = ANY (ARRAY[1]) AND voided_at IS NULL "
        "AND amount_fen > paid_fen + waived_fen AND due_date <= DATE '2002-01-01'")).all()  # fmt: skip
    assert any("bill_open_idx" in line for line in plan), plan
