"""D6: the closure programme on a real PostgreSQL: enrolment, appointments, stages, and what facts do to a case."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.closure import handlers
from services.billing.collections.closure.handlers import Cut, Meeting
from services.billing.holds.handlers import release
from services.common.contracts.answers.closure import MeetingResult
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.database import transaction
from services.common.domain.access import Caller
from services.common.domain.calendar import SHANGHAI
from tests.support.billing.books import NOW, TODAY, Books, day
from tests.support.billing.legal import AUDITOR, MANAGER, OTHER, hold
from tests.support.billing.relief import Relief
from tests.support.waiting import until

OLD, FRESH = "2025-11-15", "2026-06-15"
STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def start(books: Books, request_id: UUID | None = None, as_of: str = "2026-11-21") -> dict[str, Any]:
    return handlers.start_programme(books.session, MANAGER, request_id or uuid4(), "E1", day(as_of), NOW)


def enrolled(books: Books) -> int:
    """One household with an old bill, in the programme; the bill."""
    books.household()
    books.steward("S1", "1")
    bill_id = books.bill(30000, OLD)
    start(books)
    return bill_id


def case(books: Books, household: str = "H1") -> dict[str, Any]:
    return handlers.get_case(books.session, MANAGER, household, TODAY)


def meet(books: Books, at: str, request_id: UUID | None = None) -> dict[str, Any]:
    when = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    wanted = Meeting(when, "at the owner's door", "S1")
    return handlers.make_appointment(books.session, STEWARD, request_id or uuid4(), "H1", wanted, NOW)


def outcome(
    books: Books, appointment: dict[str, Any], result: MeetingResult, note: str | None = None
) -> dict[str, Any]:
    return handlers.record_outcome(books.session, STEWARD, appointment["id"], result, note, NOW)


@pytest.mark.bends_the_books
def test_d6_a_run_enrols_arrears_of_more_than_a_year_and_a_second_one_only_what_is_new(books: Books) -> None:
    for code, due in (("H1", OLD), ("H2", FRESH), ("H3", "2025-11-21"), ("H4", "2025-11-20")):
        books.household(code)
        books.bill(30000, due, code)
    request = uuid4()
    first = start(books, request)
    assert (first["enrolled"], first["bills"]) == (2, 2)
    assert start(books, request) == first
    assert (again := start(books))["enrolled"] == again["bills"] == 0
    books.session.execute(text("UPDATE bill SET due_date = '2025-11-01' WHERE due_date = '2026-06-15'"))
    assert start(books)["enrolled"] == 1
    with pytest.raises(Conflict):
        handlers.start_programme(books.session, MANAGER, request, "E1", day("2026-11-20"), NOW)
    with pytest.raises(Invalid):
        start(books, as_of="2026-11-22")
    with pytest.raises(Forbidden):
        handlers.start_programme(books.session, OTHER, uuid4(), "E1", TODAY, NOW)


def test_d6_two_runs_at_once_enrol_each_household_and_bill_once(engine: Engine) -> None:
    def run(own: Session) -> tuple[int, int]:
        done = handlers.start_programme(own, MANAGER, uuid4(), "E1", TODAY, NOW)
        return done["enrolled"], done["bills"]

    with transaction(engine) as session:
        books = Books(session)
        for number in range(40):
            books.household(f"H{number}")
            books.bill(30000, OLD, f"H{number}")
    assert beside(engine, run, run) == [(40, 40), (0, 0)]
    with transaction(engine) as session:
        books.session = session
        books.bill(30000, OLD, "H7", fee_item="parking")
    assert beside(engine, run, run) == [(0, 1), (0, 0)]


def beside(engine: Engine, first: Callable[[Session], Any], second: Callable[[Session], Any]) -> list[Any]:
    """What both give when the second begins before the first commits, and has to wait for it."""

    def later() -> Any:
        with transaction(engine) as own:
            return second(own)

    def settled() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        with engine.connect() as connection:
            return waiting.done() or bool(connection.scalar(text(query)))

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as own:
            found = first(own)
            waiting = pool.submit(later)
            until(settled, "the second waits or is done")
        return [found, waiting.result()]


def test_d6_appointments_keep_to_window_and_cap_and_name_the_next_time(books: Books) -> None:
    enrolled(books)
    request = uuid4()
    first = meet(books, "2026-11-22T20:30", request)  # a Sunday evening
    assert meet(books, "2026-11-22T20:30", request) == first
    with pytest.raises(Conflict):
        meet(books, "2026-11-23T20:30", request)
    with pytest.raises(Conflict, match="2026-11-24T08:00:00\\+08:00"):
        meet(books, "2026-11-23T21:00")
    meet(books, "2026-11-24T09:00")
    with pytest.raises(Conflict, match="2026-11-29T08:00:00\\+08:00"):
        meet(books, "2026-11-25T09:00")
    outcome(books, first, "cancelled")
    meet(books, "2026-11-25T09:00")
    with pytest.raises(Invalid):
        meet(books, "2026-11-20T09:00")
    assert [one["outcome"] for one in case(books)["appointments"]] == ["cancelled", None, None]


def test_d6_two_stewards_at_once_cannot_break_the_cap(engine: Engine) -> None:
    with transaction(engine) as session:
        enrolled(Books(session))

    def plan(hour: int) -> Callable[[Session], bool]:
        when = datetime(2026, 11, 25, hour, tzinfo=SHANGHAI)

        def make(own: Session) -> bool:
            try:
                handlers.make_appointment(own, STEWARD, uuid4(), "H1", Meeting(when, "door", "S1"), NOW)
            except Conflict:
                return False
            return True

        return make

    with transaction(engine) as session:
        assert plan(9)(session)
    assert beside(engine, plan(10), plan(11)) == [True, False]


def test_d6_a_case_goes_from_the_steward_to_the_lawyers_letter(books: Books) -> None:
    enrolled(books)
    seen = [case(books)["stage"]]
    for week, result in enumerate(("refused", "promised", "service_problem", "fixed", "refused")):
        made = meet(books, (day("2026-11-23") + timedelta(days=7 * week)).isoformat() + "T19:00")
        done = outcome(books, made, result)
        assert outcome(books, made, result)["advanced"] is False
        seen.append(done["case_stage"])
    assert seen == ["steward", "manager", "manager", "time_limited_fix", "time_limited_fix", "lawyers_letter"]
    history = case(books)["history"]
    assert [one["outcome"] for one in history] == [
        None, "refused", "promised", "service_problem", "fixed", "refused",
    ]  # fmt: skip
    with pytest.raises(Conflict):
        outcome(books, made, "promised")


@pytest.mark.parametrize("source", ["complaint", "plan"])
def test_d6_a_complaint_or_a_plan_pauses_a_case_before_the_lawyers_letter(books: Books, source: str) -> None:
    enrolled(books)
    books.session.execute(text("UPDATE closure_case SET stage = 'on_site'"))
    made = meet(books, "2026-11-23T19:00")
    held = hold(books, source)
    paused = case(books)
    assert (paused["status"], paused["paused_by"], paused["stage_due_on"]) == ("paused", [source], day("2026-12-06"))
    done = outcome(books, made, "refused")
    assert (done["case_stage"], done["advanced"]) == ("on_site", False)
    with pytest.raises(Conflict, match="paused"):
        meet(books, "2026-11-24T19:00")
    release(books.session, "plan" if source == "plan" else "complaint", held, "H1", NOW)
    assert outcome(books, meet(books, "2026-11-24T19:00"), "refused")["case_stage"] == "lawyers_letter"


def test_d6_a_fix_of_our_service_is_never_paused(books: Books) -> None:
    enrolled(books)
    books.session.execute(text("UPDATE closure_case SET stage = 'time_limited_fix'"))
    hold(books, "complaint")
    assert meet(books, "2026-11-23T19:00")["stage"] == "time_limited_fix"


@pytest.mark.bends_the_books
def test_d6_payment_closes_a_case_and_new_old_arrears_open_it_again(books: Books) -> None:
    enrolled(books)
    outcome(books, meet(books, "2026-11-23T19:00"), "refused")
    books.pay(10000, "2026-11-20")
    assert (case(books)["status"], case(books)["recovered_fen"], case(books)["open_fen"]) == ("active", 10000, 20000)
    books.pay(30000, "2026-11-20")
    assert (case(books)["status"], case(books)["recovered_fen"]) == ("closed", 30000)
    with pytest.raises(Conflict, match="closed"):
        meet(books, "2026-11-29T19:00")
    books.bill(50000, "2025-10-15", fee_item="parking")  # more than the credit that is left
    assert start(books)["enrolled"] == 1
    again = case(books)
    assert (again["status"], again["stage"], again["open_fen"] > 0) == ("active", "steward", True)


def test_d6_progress_and_lists_per_estate_and_steward(books: Books) -> None:
    for code, building in (("H1", "1"), ("H2", "2"), ("H3", "1")):
        books.household(code, building=building)
        books.bill(30000, OLD, code)
    books.steward("S1", "1")
    books.steward("S2", "2")
    start(books)
    books.pay(50000, "2026-11-20", "H1")
    hold(books, "complaint", "H2")
    [item] = handlers.progress(books.session, AUDITOR, None, TODAY)["items"]
    assert item == {
        "estate": "E1", "enrolled": 3, "active": 1, "paused": 1, "closed": 1, "recovered_fen": 30000,
        "open_fen": 60000, "enrolled_fen": 90000, "by_stage": {"steward": 2},
    }  # fmt: skip

    def of(**cut: Any) -> list[str]:
        found = handlers.list_cases(books.session, MANAGER, Cut(**cut), 50, None, TODAY)
        return [one["household"] for one in found["items"]]

    assert of(steward="S1") == ["H1", "H3"]
    assert of(steward="S1", status="active") == ["H3"]
    assert of(status="paused") == ["H2"]
    assert of(stage="manager") == []
    page = handlers.list_cases(books.session, MANAGER, Cut(), 2, None, TODAY)
    rest = handlers.list_cases(books.session, MANAGER, Cut(), 2, page["next_cursor"], TODAY)
    assert [one["household"] for one in page["items"] + rest["items"]] == ["H1", "H2", "H3"]
    assert handlers.progress(books.session, OTHER, None, TODAY)["items"] == []


def test_d6_a_household_outside_the_programme_has_no_case(books: Books) -> None:
    books.household()
    with pytest.raises(NotFound):
        case(books)
    with pytest.raises(NotFound):
        handlers.record_outcome(books.session, STEWARD, uuid4(), "refused", None, NOW)
    assert handlers.progress(books.session, AUDITOR, "E1", TODAY)["items"] == []


def test_d6_what_was_paid_on_a_bill_that_was_voided_is_not_recovered(books: Books) -> None:
    """It is the household's credit again, and pays what else it owes (FM1)."""
    books.household()
    voided, kept = books.bill(30000, OLD), books.bill(20000, OLD, fee_item="parking")
    books.pay(5000, "2025-11-01", bills=[voided])
    start(books)
    assert case(books)["recovered_fen"] == 0
    books.pay(1000, OLD, bills=[voided])
    books.pay(300, OLD, bills=[kept])
    assert case(books)["recovered_fen"] == 1300
    Relief(books).void(voided)
    assert (case(books)["recovered_fen"], case(books)["open_fen"]) == (300 + 6000, 19700 - 6000)


@pytest.mark.bends_the_books
def test_fm3_nobody_in_credit_is_enrolled_and_a_case_that_credit_covers_is_closed(books: Books) -> None:
    enrolled(books)
    books.household("H2")
    books.bill(30000, OLD, "H2")
    books.prepay(90000, day("2024-01-01"), "H2")
    assert start(books)["enrolled"] == 0, "H1 is in it already, H2 owes nothing less its credit"
    assert case(books)["status"] == "active"
    books.prepay(90000, day("2024-01-01"))
    assert case(books)["status"] == "closed"
