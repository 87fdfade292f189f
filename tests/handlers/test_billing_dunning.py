"""D1, D2, D3, D5: sweeps on real rows, holds from events in any order, cases, contacts, arrears."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.dunning import cases, handlers, holds, queries
from services.billing.dunning.cases import ArrearsCut, ContactNote
from services.billing.dunning.handlers import SweepRequest
from services.billing.dunning.rules import due_step
from services.common.access import Caller
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import DunningItem, DunningStepsDue, SweepSliceRequested
from tests.support.books import NOW, SYSTEM, TODAY, Books, day
from tests.support.outbox import events
from tests.support.waiting import until

DUE = "2026-10-15"
STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def books(engine: Engine) -> Iterator[Books]:
    with Session(engine) as session:
        yield Books(session)


def on(days: int, due: str = DUE) -> str:
    return (day(due) + timedelta(days=days)).isoformat()


def items(books: Books) -> list[DunningItem]:
    return [item for event in events(books.session, DunningStepsDue) for item in event.items]


def complain(books: Books, at: datetime, household: str = "H1", source: UUID | None = None) -> UUID:
    source = source or uuid4()
    holds.hold(books.session, "complaint", source, household, at, holds_dunning=True)
    return source


# --- the ladder ----------------------------------------------------------------------------------------------------


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
    [(-7, "reminder_7"), (-1, "reminder_1"), (1, "overdue_notice"), (15, "visit"), (30, "demand_letter"),
     (45, "formal_notice"), (61, "legal_file")],
)  # fmt: skip
def test_a_household_first_swept_late_starts_at_the_right_rung(books: Books, days: int, step: str) -> None:
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
    books.sweep(on(20))
    (item,) = items(books)
    # 30000 × 20 days + 20000 × 15 days
    assert item == DunningItem(
        household="H1", building="7", cause=f"dunning:H1:{oldest}:demand_letter", step="demand_letter",
        kind="message", template="dunning.demand_letter", channels=["letter", "email"], steward="S9",
        due_date=day(DUE), overdue_days=20, overdue_fen=50000, late_fee_fen=180 + 90, deadline=day(on(35)),
    )  # fmt: skip


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
    books.sweep(on(35))
    assert [(s["step"], s["due_date"].isoformat()) for s in books.case()["steps"]] == [
        ("demand_letter", DUE), ("overdue_notice", on(31)),
    ]  # fmt: skip
    books.sweep(on(36))
    assert len(books.steps()) == 2


def test_an_older_bill_that_turns_up_is_urged_by_its_own_age(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    books.sweep(on(1))
    books.bill(20000, "2026-01-15")
    books.sweep(on(2))
    assert books.steps() == ["overdue_notice", "legal_file"]


def test_nothing_for_who_owes_nothing(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    books.pay(30000, DUE)
    assert books.sweep(on(10))["actions"] == 0
    assert books.case()["next_step"] is None


def test_estates_are_swept_as_asked_and_in_scope(books: Books) -> None:
    books.household()
    books.household("H2", "E2")
    books.bill(100, DUE)
    books.bill(100, DUE, "H2")
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
        assert handlers.start_sweep(books.session, SYSTEM, sweep_id, asked, NOW) == {"id": str(sweep_id)}
    assert len(events(books.session, SweepSliceRequested)) == 1
    assert handlers.get_sweep(books.session, SYSTEM, sweep_id)["status"] == "pending"
    with pytest.raises(Conflict):
        handlers.start_sweep(books.session, SYSTEM, sweep_id, SweepRequest(TODAY), NOW)
    with pytest.raises(NotFound):
        handlers.get_sweep(books.session, SYSTEM, uuid4())


def test_a_sweep_of_no_estate_is_done(books: Books) -> None:
    assert books.sweep(on(1))["status"] == "done"


def test_batches_are_bounded(books: Books) -> None:
    for number in range(501):
        books.household(f"H{number}")
        books.bill(100 + number, DUE, f"H{number}")
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
            expected = due_step(ladder, queries.taken(before, bill_id), day(DUE), day(on(days)), held=held)
            books.sweep(on(days))
            new = [row.step for row in queries.actions(session, household_id)][len(before) :]
            assert new == ([expected.code] if expected else [])
        session.rollback()


# --- holds ---------------------------------------------------------------------------------------------------------


def test_a_complaint_holds_at_once_and_its_end_resumes_at_the_right_rung(books: Books) -> None:
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


def test_reminders_go_out_while_held(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    complain(books, NOW)
    books.sweep(on(-1))
    assert books.steps() == ["reminder_1"]


def test_one_hold_of_several_is_enough(books: Books) -> None:
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
def test_news_in_any_order_leads_to_the_same_hold(books: Books, count: int) -> None:
    books.household()
    books.bill(30000, DUE)
    seen = set()
    for order in permutations(FACTS[:count]):
        source = uuid4()
        for fact in (*order, order[0]):
            fact(books.session, source)
        stands = books.one(f"SELECT count(*) FROM dunning_hold h WHERE source_id = :id AND {holds.STANDS}", id=source)
        periods = [(h["since"], h["released_at"]) for h in books.case()["holds"] if h["source_id"] == str(source)]
        seen.add((stands, tuple(periods)))
    (only,) = seen
    assert only[0] == (1 if count == 3 else 0)
    assert len(only[1]) == (1 if count == 2 else 2)


def test_events_that_hold_nothing(books: Books) -> None:
    books.household()
    holds.hold(books.session, "complaint", uuid4(), None, NOW, holds_dunning=True)
    holds.hold(books.session, "complaint", uuid4(), "H1", NOW, holds_dunning=False)
    holds.release(books.session, "complaint", uuid4(), None, NOW)
    holds.release(books.session, "complaint", uuid4(), "H1", NOW)
    assert (books.case()["holds"], books.case()["held"]) == ([], False)
    with pytest.raises(holds.UnknownHousehold):
        holds.hold(books.session, "complaint", uuid4(), "H9", NOW, holds_dunning=True)


def test_a_payment_in_flight_holds_until_it_is_posted(books: Books) -> None:
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


def test_the_news_of_a_start_may_come_last(books: Books) -> None:
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
def test_start_and_settlement_at_once_leave_no_hold(engine: Engine, first: str) -> None:
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
        until(lambda: work.done() or _waits(engine), "the second has met the first")
        session.commit()
        work.result()
    with Session(engine) as session:
        assert session.scalar(text(f"SELECT count(*) FROM dunning_hold h WHERE {holds.STANDS}")) == 0


def _waits(engine: Engine) -> bool:
    with engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(connection.scalar(text(query)))


# --- cases, contacts, arrears --------------------------------------------------------------------------------------


def test_a_household_without_arrears_has_an_empty_case(books: Books) -> None:
    books.household()
    case = books.case()
    assert (case["steps"], case["holds"], case["next_step"], case["contacts"]) == ([], [], None, [])
    with pytest.raises(NotFound):
        books.case("H9")


def test_the_next_step(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    assert books.case(today=day(on(-20)))["next_step"] == {"step": "reminder_7", "earliest_on": day(on(-7))}
    books.sweep(on(1))
    assert books.case(today=day(on(1)))["next_step"] == {"step": "visit", "earliest_on": day(on(8))}


def test_a_contact_is_recorded_once(books: Books) -> None:
    books.household()
    said = ContactNote("phone", "after salary day", "visit", "18:30", date(2026, 11, 28), "forgot")
    request = uuid4()
    for _ in range(2):
        kept = cases.add_contact(books.session, STEWARD, "H1", request, said, NOW)
    assert (kept["answer"], kept["promised_on"], kept["contacted_by"]) == (said.answer, said.promised_on, "S1")
    assert len(books.case()["contacts"]) == 1
    assert books.case()["cause"] == "forgot"
    with pytest.raises(Conflict):
        cases.add_contact(books.session, STEWARD, "H1", request, ContactNote("phone", "other"), NOW)
    with pytest.raises(Invalid):
        cases.add_contact(books.session, STEWARD, "H1", uuid4(), ContactNote("phone", "x", "no_such_step"), NOW)
    with pytest.raises(NotFound):
        cases.add_contact(books.session, SYSTEM, "H9", uuid4(), said, NOW)


def test_an_owner_sees_the_own_case_without_contacts(books: Books) -> None:
    books.household()
    cases.add_contact(books.session, STEWARD, "H1", uuid4(), ContactNote("phone", "x"), NOW)
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    assert cases.get_dunning_case(books.session, owner, "H1", TODAY)["contacts"] == []
    with pytest.raises(Forbidden):
        cases.get_dunning_case(books.session, owner.model_copy(update={"household": "H2"}), "H1", TODAY)


def test_the_cause_of_arrears(books: Books) -> None:
    books.household()
    for _ in range(2):
        answer = cases.set_arrears_cause(books.session, STEWARD, "H1", "dissatisfied", "lift noise", NOW)
    assert answer == {"household": "H1", "cause": "dissatisfied"}
    assert [contact["answer"] for contact in books.case()["contacts"]] == ["lift noise"]
    with pytest.raises(Forbidden):
        cases.set_arrears_cause(
            books.session, STEWARD.model_copy(update={"estates": frozenset({"E2"})}), "H1", "forgot", None, NOW
        )


def test_list_of_cases(books: Books) -> None:
    for code, fen in (("H1", 100), ("H2", 200), ("H3", 300)):
        books.household(code)
        books.bill(fen, DUE, code)
    books.sweep(on(1))
    books.pay(300, on(1), "H3")
    complain(books, NOW, "H2")
    today = day(on(9))
    first = cases.list_dunning_cases(books.session, SYSTEM, "E1", None, 1, None, today)
    assert [(c["household"], c["step"], c["overdue_days"], c["held"]) for c in first["items"]] == [
        ("H1", "overdue_notice", 9, False)
    ]
    rest = cases.list_dunning_cases(books.session, SYSTEM, "E1", "overdue_notice", 5, first["next_cursor"], today)
    assert ([(c["household"], c["held"]) for c in rest["items"]], rest["next_cursor"]) == ([("H2", True)], None)
    assert cases.list_dunning_cases(books.session, SYSTEM, None, "visit", 5, None, today)["items"] == []


def arrears(books: Books, cut: ArrearsCut, caller: Caller = SYSTEM, **paging: Any) -> list[dict[str, Any]]:
    found = cases.list_arrears(books.session, caller, cut, paging.get("limit", 50), paging.get("cursor"), TODAY)
    return found["items"]  # type: ignore[no-any-return]


def test_the_arrears_ledger(books: Books) -> None:
    books.household("H1", building="1")
    books.household("H2", building="2")
    books.household("H3", "E2")
    books.steward("S1", "1")
    books.bill(10000, "2026-10-15")
    books.bill(500, "2026-11-15")
    books.bill(700, "2026-12-15")
    books.bill(300, "2025-11-20", "H2")
    books.bill(300, "2026-11-15", "H3")
    cases.set_arrears_cause(books.session, SYSTEM, "H2", "vacant", None, NOW)
    everyone = arrears(books, ArrearsCut())
    assert [(a["household"], a["bucket"]) for a in everyone] == [("H1", "31-60"), ("H2", "365+"), ("H3", "1-15")]
    # 10000 × 37 days + 500 × 6 days
    assert everyone[0] | {"oldest_due_date": None} == {
        "household": "H1", "estate": "E1", "building": "1", "steward": "S1", "cause": "unknown", "overdue_fen": 10500,
        "late_fee_fen": 111 + 1, "bills": 2, "oldest_due_date": None, "overdue_days": 37, "bucket": "31-60",
        "buckets": {"1-15": 500, "16-30": 0, "31-60": 10000, "61-365": 0, "365+": 0},
    }  # fmt: skip
    cuts = [
        (ArrearsCut(estate="E1"), ["H1", "H2"]), (ArrearsCut(building="2"), ["H2"]), (ArrearsCut(steward="S1"), ["H1"]),
        (ArrearsCut(bucket="365+"), ["H2"]), (ArrearsCut(bucket="1-15"), ["H3"]), (ArrearsCut(cause="vacant"), ["H2"]),
    ]  # fmt: skip
    for cut, expected in cuts:
        assert [a["household"] for a in arrears(books, cut)] == expected
    assert [a["household"] for a in arrears(books, ArrearsCut(), STEWARD)] == ["H1", "H2"]
    with pytest.raises(Forbidden):
        arrears(books, ArrearsCut(estate="E2"), STEWARD)
    with pytest.raises(Invalid):
        arrears(books, ArrearsCut(bucket="7-9"))


def test_arrears_are_paged(books: Books) -> None:
    for number in range(5):
        books.household(f"H{number}")
        books.bill(100, DUE, f"H{number}")
    seen, cursor = [], None
    while True:
        found = cases.list_arrears(books.session, SYSTEM, ArrearsCut(), 2, cursor, TODAY)
        seen += [item["household"] for item in found["items"]]
        if (cursor := found["next_cursor"]) is None:
            break
    assert seen == [f"H{number}" for number in range(5)]
    with pytest.raises(Invalid):
        cases.list_arrears(books.session, SYSTEM, ArrearsCut(), 2, "x", TODAY)
