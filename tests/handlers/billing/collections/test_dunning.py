"""D1: sweeps on real rows, one rung after the other, once each, whoever sweeps and however often."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning import handlers, queries
from services.billing.collections.dunning.handlers import SweepRequest
from services.billing.collections.dunning.rules import DunningPolicy, due_step
from services.billing.holds import handlers as holds
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import DunningItem, DunningStepsDue, SweepSliceRequested
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books, day
from tests.support.billing.dunning import DUE, Diary, complain, items, on
from tests.support.outbox import events

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def test_the_whole_ladder_once_each(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    for days in range(-10, 80):
        books.sweep(on(days))
    taken = [(step["step"], step["overdue_days"]) for step in books.case()["steps"]]
    assert taken == [
        ("reminder_7", -7), ("reminder_1", -1), ("overdue_notice", 1), ("visit", 8), ("demand_letter", 16),
        ("formal_notice", 45), ("legal_file", 61),
    ]  # fmt: skip
    assert len({item.cause for item in items(books)}) == len(items(books)) == 7


@pytest.mark.parametrize(
    ("days", "step"),
    [(-7, "reminder_7"), (-1, "reminder_1"), (1, "overdue_notice"), (15, "overdue_notice"), (400, "overdue_notice")],
)
def test_fm10_a_household_first_swept_late_starts_at_the_first_rung(books: Books, days: int, step: str) -> None:
    books.household()
    books.bill(30000, DUE)
    books.sweep(on(days))
    assert books.steps() == [step]


def test_the_item_says_what_is_owed(books: Books) -> None:
    books.household(building="7")
    books.steward("S9", "7")
    oldest = books.bill(30000, DUE)
    books.bill(20000, "2026-10-20", fee_item="parking")
    books.bill(5000, "2026-12-15")
    books.sweep(on(1))
    books.sweep(on(20))
    item = items(books)[-1]
    # 30000 × 20 days + 20000 × 15 days
    assert item == DunningItem(
        household="H1", building="7", cause=f"dunning:H1:{oldest}:demand_letter", step="demand_letter",
        kind="message", template="dunning.demand_letter", channels=["letter", "email"], steward="S9",
        due_date=day(DUE), overdue_days=20, overdue_fen=50000, late_fee_fen=180 + 90, deadline=day(on(35)),
        fee_items=["parking", "property_fee"], units=["U-H1"],
    )  # fmt: skip


def test_fm13_letters_name_unit_and_fee_items(books: Books) -> None:
    """Only what the amount is made of: no item that is paid, in dispute or not due yet, none twice."""
    books.household()
    diary = Diary(books)
    books.bill(30000, DUE, fee_item="water")
    paid = books.bill(20000, on(-31), fee_item="property_fee")
    books.pay(20000, on(-40), bills=[paid])
    diary.dispute(books.bill(20000, DUE, fee_item="parking"))
    books.bill(9000, on(-31), fee_item="water", period="2026-07")
    books.bill(9000, on(31), fee_item="heating")
    books.sweep(on(1))
    assert [(item.fee_items, item.units) for item in items(books)] == [(["water"], ["U-H1"])]
    books.household("H2")
    books.bill(9000, on(31), "H2", fee_item="heating")
    books.bill(9000, on(32), "H2", fee_item="parking")
    books.sweep(on(25))
    reminders = [item for item in items(books) if item.household == "H2"]
    assert [(item.step, item.fee_items, item.overdue_fen) for item in reminders] == [("reminder_7", ["heating"], 9000)]


def test_d1_between_two_stewards_the_task_is_nobodys_not_the_next_ones(books: Books) -> None:
    books.household(building="7")
    books.steward("S8", "7")
    books.session.execute(text("UPDATE stewardship SET to_date = :day WHERE staff_code = 'S8'"), {"day": on(-1)})
    books.steward("S9", "7", since=day(on(40)))
    books.bill(30000, DUE)
    for days in (-1, 20, 45):
        books.sweep(on(days))
    assert [item.steward for item in items(books)] == ["S8", None, "S9"]


def test_c1_an_item_states_the_fee_of_the_statement_whatever_was_paid(books: Books) -> None:
    """Nothing paid, paid in part, counted by segments, settled with a fee left behind; one name JSON has to escape."""
    names = ["untouched", "in part", "apart", "fee left", 'quo"ted\\1']
    for name in names:
        books.household(name, building='B "2"')
        books.bill(30000, DUE, name)
    books.pay(12000, on(9), "in part")
    apart = books.bill(7000, on(2), "apart", fee_item="parking")
    books.session.execute(text("UPDATE bill SET late_fee_apart = true WHERE id = :id"), {"id": apart})
    settled = books.bill(20000, on(-40), "fee left", fee_item="parking")
    books.pay(20000, on(5), "fee left", bills=[settled])
    books.sweep(on(20))
    told = {item.household: item for item in items(books)}
    assert sorted(told) == sorted(names)
    assert {item.building for item in told.values()} == {'B "2"'}
    stated = {name: books.statement(on(20), name)["late_fee_fen"] for name in names}
    assert {name: item.late_fee_fen for name, item in told.items()} == stated
    assert stated["fee left"] > stated["apart"] > stated["untouched"] > stated["in part"] > 0


def test_a_reminder_names_the_amount_that_will_be_due(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    books.bill(99, on(31))
    books.sweep(on(-7))
    assert [(item.overdue_fen, item.late_fee_fen, item.overdue_days) for item in items(books)] == [(30000, 0, -7)]


def test_a_second_sweep_writes_nothing(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    assert books.sweep(on(10))["actions"] == 1
    told = len(events(books.session, DunningStepsDue))
    assert books.sweep(on(10)) | {"id": "", "created_at": None} == {
        "id": "", "as_of": day(on(10)), "status": "done", "estates_total": 1, "estates_done": 1, "actions": 0,
        "held": 0, "created_at": None, "finished_at": NOW,
    }  # fmt: skip
    assert len(events(books.session, DunningStepsDue)) == told


def test_sweeps_at_once_take_a_step_once(engine: Engine) -> None:
    with Session(engine) as session:
        books = Books(session)
        books.household()
        books.bill(30000, DUE)
        slices = []
        for days in (10, 10, 11, 16):
            sweep_id = uuid4()
            handlers.start_sweep(session, SYSTEM, sweep_id, SweepRequest(day(on(days))), NOW)
            slices += books.slices(sweep_id) * 2
        session.commit()

    def take(slice_id: int) -> None:
        with Session(engine) as session, session.begin():
            handlers.sweep_slice(session, slice_id, NOW)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(take, slices))
    with Session(engine) as session:
        rows = session.execute(text("SELECT position, as_of FROM dunning_action ORDER BY id")).all()
        assert rows == sorted(set(rows))
        assert len({item.cause for item in items(Books(session))}) == len(rows)


def test_a_paid_bill_hands_over_to_the_next_oldest(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    books.bill(20000, on(31))
    books.sweep(on(30))
    books.pay(31000, on(32))
    for days in (36, 37, 38):
        books.sweep(on(days))
    assert [(s["step"], s["due_date"].isoformat(), s["as_of"].isoformat()) for s in books.case()["steps"]] == [
        ("overdue_notice", DUE, on(30)), ("overdue_notice", on(31), on(37)),
    ]  # fmt: skip


def test_fm10_an_imported_debt_of_a_year_is_noticed_then_visited_then_demanded(books: Books) -> None:
    """Whatever was said to the household before the debt was entered did not speak of it."""
    books.household()
    diary = Diary(books)
    books.bill(30000, DUE)
    assert diary.daily(1, 9) == [(1, "H1:overdue_notice"), (8, "H1:visit")]
    books.bill(20000, on(-365), entered_at=diary.tick())
    assert diary.daily(10, 50) == [(15, "H1:overdue_notice"), (22, "H1:visit"), (29, "H1:demand_letter"),
                                   (44, "H1:formal_notice")]  # fmt: skip


def test_fm10_what_was_held_from_its_first_day_starts_at_the_notice(books: Books) -> None:
    books.household()
    diary = Diary(books)
    books.bill(30000, DUE)
    source = complain(books, diary.tick())
    assert diary.daily(1, 40) == []
    holds.release(books.session, "complaint", source, "H1", diary.tick())
    assert diary.daily(41, 60) == [(41, "H1:overdue_notice"), (48, "H1:visit"), (55, "H1:demand_letter")]


@pytest.mark.bends_the_books
def test_fm3_nobody_in_credit_is_dunned(books: Books) -> None:
    """Credit kept for whatever reason; overdue 3, 20, 50 and 70 days; the small amount and one fen more."""
    books.household()
    for number, days in enumerate((-3, -20, -50, -70)):
        books.bill(2500, on(days), fee_item=f"f{number}")
    fee = books.statement(DUE)["late_fee_fen"]
    books.prepay(30000, day(on(-80)))
    assert books.sweep(DUE) | {"id": "", "created_at": None} == {
        "id": "", "as_of": day(DUE), "status": "done", "estates_total": 1, "estates_done": 1, "actions": 0, "held": 0,
        "created_at": None, "finished_at": NOW,
    }  # fmt: skip
    assert (books.steps(), books.case(today=day(DUE))["next_step"]) == ([], None)
    credit_to(books, 10000 + fee - 500)
    assert books.sweep(DUE)["actions"] == 0, "500 fen are not worth a letter"
    credit_to(books, 10000 + fee - 501)
    assert books.sweep(DUE)["actions"] == 1
    (item,) = items(books)
    assert (item.overdue_fen, item.late_fee_fen, item.credit_fen) == (10000, fee, 10000 + fee - 501)


def test_fm3_an_estate_has_its_own_small_amount(books: Books) -> None:
    for code, estate in (("H1", "E1"), ("H2", "E2")):
        books.household(code, estate)
        books.bill(900, DUE, code)
    books.session.execute(text("INSERT INTO dunning_policy VALUES (:id, 1000, 7, 15, 1)"), {"id": books.estates["E1"]})
    books.sweep(on(1))
    assert (books.steps("H1"), books.steps("H2")) == ([], ["overdue_notice"])


def test_late_fee_that_is_left_alone_is_collected_above_the_small_amount(books: Books) -> None:
    for code, fen in (("H1", 100000), ("H2", 30000)):
        books.household(code)
        bill = books.bill(fen, DUE, code)
        books.pay(fen, on(20), code, bills=[bill])
    books.sweep(on(21))
    assert (books.steps("H1"), books.steps("H2")) == (["overdue_notice"], [])
    assert [(one.overdue_fen, one.late_fee_fen, one.due_date) for one in items(books)] == [(0, 600, day(DUE))]
    books.bill(30000, on(40))
    books.sweep(on(33))
    assert books.steps("H1") == ["overdue_notice", "reminder_7"], "what falls due next is reminded of all the same"


def credit_to(books: Books, fen: int) -> None:
    """Only so much of the credit is left."""
    books.session.execute(text("UPDATE household SET credit_fen = :fen"), {"fen": fen})


def test_nothing_for_who_owes_nothing(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    books.pay(30000, DUE)
    assert books.sweep(on(10))["actions"] == 0
    assert books.case()["next_step"] is None


def test_estates_are_swept_as_asked_and_in_scope(books: Books) -> None:
    books.household()
    books.household("H2", "E2")
    books.bill(600, DUE)
    books.bill(600, DUE, "H2")
    assert books.sweep(on(1), ["E2"])["actions"] == 1
    assert (books.steps(), books.steps("H2")) == ([], ["overdue_notice"])
    manager = Caller(sub="m", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))
    with pytest.raises(Forbidden):
        handlers.start_sweep(books.session, manager, uuid4(), SweepRequest(TODAY, ["E2"]), NOW)
    handlers.start_sweep(books.session, manager, uuid4(), SweepRequest(TODAY), NOW)
    with pytest.raises(Invalid):
        handlers.start_sweep(books.session, SYSTEM, uuid4(), SweepRequest(TODAY, ["E9"]), NOW)
    with pytest.raises(Invalid):
        handlers.start_sweep(books.session, SYSTEM, uuid4(), SweepRequest(TODAY, []), NOW)
    with pytest.raises(Forbidden):
        handlers.start_sweep(books.session, STEWARD, uuid4(), SweepRequest(TODAY), NOW)


def test_the_same_request_is_one_sweep(books: Books) -> None:
    books.household()
    sweep_id = uuid4()
    for _ in range(2):
        asked = SweepRequest(TODAY, ["E1"])
        assert handlers.start_sweep(books.session, SYSTEM, sweep_id, asked, NOW) == {"id": sweep_id}
    assert len(events(books.session, SweepSliceRequested)) == 1
    assert handlers.get_sweep(books.session, SYSTEM, sweep_id)["status"] == "pending"
    with pytest.raises(Conflict):
        handlers.start_sweep(books.session, SYSTEM, sweep_id, SweepRequest(TODAY), NOW)
    with pytest.raises(NotFound):
        handlers.get_sweep(books.session, SYSTEM, uuid4())


@pytest.mark.parametrize("as_of", ["1999-12-31", "2200-01-01", "9999-12-31"])
def test_d1_no_sweep_for_a_day_of_another_age(books: Books, as_of: str) -> None:
    books.household()
    with pytest.raises(Invalid):
        books.sweep(as_of)
    assert books.sweep("2199-12-31")["status"] == "done"


def test_a_sweep_of_no_estate_is_done(books: Books) -> None:
    assert books.sweep(on(1))["status"] == "done"


def test_batches_are_bounded(books: Books) -> None:
    for number in range(501):
        books.household(f"H{number}")
        books.bill(600 + number, DUE, f"H{number}")
    books.sweep(on(1))
    assert [len(event.items) for event in events(books.session, DunningStepsDue)] == [500, 1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-10, 90), st.booleans()), min_size=1, max_size=8))
def test_sql_and_python_take_the_same_steps(engine: Engine, sweeps: list[tuple[int, bool]]) -> None:
    with Session(engine) as session:
        books = Books(session)
        household_id = books.household()
        bill_id = books.bill(30000, DUE)
        ladder = queries.steps(queries.ladder(session, books.estates["E1"]))
        clock, source = datetime(2026, 1, 1, tzinfo=UTC), uuid4()
        for number, (days, held) in enumerate(sweeps):
            at = clock + timedelta(hours=number)
            (holds.hold(session, "complaint", source, "H1", at, holds_dunning=True) if held
             else holds.release(session, "complaint", source, "H1", at))  # fmt: skip
            before = queries.actions(session, household_id)
            bill = queries.standing(session, household_id, day(on(days)))
            assert bill is not None
            assert bill.bill_id == bill_id
            expected = due_step(ladder, bill, day(on(days)), DunningPolicy(), held=held)
            books.sweep(on(days))
            new = [row.step for row in queries.actions(session, household_id)][len(before) :]
            assert new == ([expected.code] if expected else [])
        session.rollback()
