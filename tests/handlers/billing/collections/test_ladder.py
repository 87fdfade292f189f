"""D1, D2, D3: no rung skipped or repeated when the oldest bill changes, is paid, voided, disputed or comes back."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning import queries
from services.billing.collections.dunning.ladder import handlers as ladder
from services.billing.collections.dunning.ladder.rules import Rung
from services.billing.collections.dunning.policy_tables import policy_of
from services.billing.collections.dunning.rules import due_step
from services.billing.holds import handlers as holds
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.common.contracts.errors import Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, Books, day
from tests.support.billing.dunning import DUE, Diary, complain, items, on

ADMIN = Caller(sub="a", roles=frozenset({"group_admin"}), estates=frozenset({"*"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def diary(books: Books) -> Diary:
    books.household()
    return Diary(books)


def test_d1_of_two_bills_of_one_day_the_second_is_told_nothing_twice(diary: Diary) -> None:
    first = diary.books.bill(30000, DUE)
    diary.books.bill(5000, DUE, fee_item="parking")
    assert diary.daily(-7, 20) == [(-7, "H1:reminder_7"), (-1, "H1:reminder_1"), (1, "H1:overdue_notice"),
                                   (8, "H1:visit"), (16, "H1:demand_letter")]  # fmt: skip
    diary.pay(30000, 20, bills=[first])
    assert diary.daily(20, 70) == [(45, "H1:formal_notice"), (61, "H1:legal_file")]


def test_d1_a_bill_hidden_behind_an_older_one_is_not_sent_a_demand_first(diary: Diary) -> None:
    older = diary.books.bill(30000, DUE)
    diary.books.bill(20000, on(30))
    diary.daily(1, 50)
    diary.pay(30100, 50, bills=[older])
    found = [(days - 30, step) for days, step in diary.daily(50, 100)]
    assert found == [(22, "H1:overdue_notice"), (29, "H1:visit"), (36, "H1:demand_letter"), (51, "H1:formal_notice"),
                     (66, "H1:legal_file")], "seven days after the formal notice of the older one"  # fmt: skip


def test_d1_hidden_without_a_step_in_its_own_time_too(diary: Diary) -> None:
    """Nothing was taken for the older bill between its 16th and its 44th day; the younger one was passed over all the
    same."""
    older = diary.books.bill(30000, DUE)
    diary.books.bill(20000, on(20))
    diary.daily(1, 35)
    diary.pay(30100, 35, bills=[older])
    assert [step for _, step in diary.daily(36, 40)] == ["H1:overdue_notice"]


def test_d1_a_step_that_stated_the_younger_bill_is_not_repeated_for_it(diary: Diary) -> None:
    older = diary.books.bill(30000, DUE)
    diary.books.bill(20000, on(10), fee_item="parking")
    assert diary.sweep(1) + diary.sweep(30) == ["H1:overdue_notice", "H1:demand_letter"]
    diary.pay(30300, 30, bills=[older])
    assert diary.daily(31, 60) == [(55, "H1:formal_notice")]


@pytest.mark.bends_the_books
def test_d1_a_voided_bill_hands_over_and_its_reissue_goes_on(diary: Diary) -> None:
    first = diary.books.bill(30000, DUE)
    diary.daily(-7, 16)
    diary.void(first)
    reissue = diary.books.bill(25000, DUE, entered_at=diary.tick())
    diary.books.session.execute(text("UPDATE bill SET reissue_of = :of WHERE id = :id"), {"of": first, "id": reissue})
    assert diary.daily(17, 60) == [(45, "H1:formal_notice")]


def test_d1_a_disputed_bill_is_left_out_and_the_others_go_on(diary: Diary) -> None:
    first = diary.books.bill(30000, DUE)
    diary.books.bill(20000, on(5), fee_item="parking")
    diary.daily(1, 5)
    diary.dispute(first)
    assert [(days - 5, step) for days, step in diary.daily(6, 22)] == [
        (3, "H1:overdue_notice"), (10, "H1:visit"), (17, "H1:demand_letter")]  # fmt: skip
    last = items(diary.books)[-1]
    assert (last.overdue_fen, last.due_date) == (20000, day(on(5)))
    assert last.late_fee_fen == 102, "20000 × 17 days; the disputed bill's is left out of the letter"
    case = diary.books.case()
    assert [(one["bill_id"], one["status"]) for one in case["disputes"]] == [(first, "open")]
    assert diary.books.statement(on(22))["late_fee_fen"] == 102 + 198, "it accrues all the same"
    diary.settle(first)
    # its notice stands; the demand of day 22 left it out, so it gets visit and demand itself, late and apart
    assert [step for _, step in diary.daily(23, 44)] == ["H1:visit", "H1:demand_letter"]


def test_d1_an_upheld_dispute_keeps_the_bill_off_the_ladder(diary: Diary) -> None:
    first = diary.books.bill(30000, DUE)
    diary.dispute(first)
    assert diary.daily(1, 3) == []
    diary.settle(first, "upheld")
    assert diary.daily(4, 20) == []
    assert diary.books.case()["next_step"] is None


def test_d1_restored_principal_repeats_nothing(diary: Diary) -> None:
    first = diary.books.bill(30000, DUE)
    diary.books.bill(20000, on(30))
    diary.daily(-7, 17)
    diary.pay(30000, 17, bills=[first])
    diary.daily(18, 35)
    diary.refund(first, 30000, 36)
    assert [step for _, step in diary.daily(36, 70)] == ["H1:formal_notice", "H1:legal_file"]


@pytest.mark.parametrize(("fen", "step"), [(30000, "visit"), (10000, "demand_letter")])
def test_d1_what_comes_back_of_a_bill_paid_in_part_was_never_out_of_sight(diary: Diary, fen: int, step: str) -> None:
    """Settled and restored, it makes up for the visit of days when it was not there; paid in part, it stood there."""
    bill = diary.books.bill(30000, DUE)
    diary.daily(1, 5)
    diary.pay(fen, 1, bills=[bill])
    diary.sweep(6)
    diary.refund(bill, fen, 7)
    source = complain(diary.books, diary.tick())
    assert diary.daily(8, 20) == []
    holds.release(diary.books.session, "complaint", source, "H1", diary.tick())
    assert diary.sweep(21) == [f"H1:{step}"]


@pytest.mark.bends_the_books
def test_d3_release_resumes_at_the_right_step_even_with_a_past(diary: Diary) -> None:
    """A bill that stood in sight all the time is where its age puts it; an older bill long paid changes nothing."""
    paid = diary.books.bill(30000, DUE)
    diary.sweep(1)
    diary.pay(30100, 2, bills=[paid])
    diary.books.bill(20000, on(30))
    diary.sweep(31)
    source = complain(diary.books, diary.tick())
    assert diary.daily(32, 60) == []
    holds.release(diary.books.session, "complaint", source, "H1", diary.tick())
    assert diary.sweep(61) == ["H1:demand_letter"]


def test_d1_a_ladder_that_changes_keeps_what_was_taken(diary: Diary) -> None:
    diary.books.bill(30000, DUE)
    diary.daily(-7, 1)
    ladder.put_ladder(diary.books.session, ADMIN, "E1", own_ladder(first=1))
    assert diary.daily(2, 12) == [(10, "H1:demand")]
    assert diary.books.case()["steps"][-1]["template"] == "dunning.demand_letter"
    assert ladder.put_ladder(diary.books.session, ADMIN, "E1", [])["inherited"] is True
    assert diary.daily(13, 30) == [(17, "H1:visit"), (24, "H1:demand_letter")]


def own_ladder(first: int = 1) -> list[Rung]:
    notice = Rung("overdue_notice", first, 9, "message", ("sms",), "dunning.overdue_notice", ("no_hold",), None, 1)
    demand = Rung("demand", 10, None, "message", ("letter",), "dunning.demand_letter", ("no_hold",), 15, 1)
    return [notice, demand]


def test_d1_the_ladder_is_read_and_changed_by_those_who_may(books: Books) -> None:
    books.household()
    group = ladder.get_ladder(books.session, SYSTEM, None)
    assert " ".join(step["code"] for step in group["steps"]) == (
        "reminder_7 reminder_1 overdue_notice visit demand_letter formal_notice legal_file"
    )
    assert ladder.get_ladder(books.session, SYSTEM, "E1")["inherited"] is True
    changed = ladder.put_ladder(books.session, ADMIN, "E1", own_ladder())
    assert (changed["inherited"], [step["code"] for step in changed["steps"]]) == (False, ["overdue_notice", "demand"])
    with pytest.raises(Invalid):
        ladder.put_ladder(books.session, ADMIN, None, [])
    with pytest.raises(Invalid):
        ladder.put_ladder(books.session, ADMIN, "E1", own_ladder(first=0))
    with pytest.raises(NotFound):
        ladder.put_ladder(books.session, ADMIN, "E9", [])
    manager = Caller(sub="m", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))
    with pytest.raises(Forbidden):
        ladder.put_ladder(books.session, manager, "E1", [])
    with pytest.raises(Forbidden):
        ladder.put_ladder(books.session, ADMIN.model_copy(update={"estates": frozenset({"E1"})}), None, own_ladder())


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("dissatisfied", ["overdue_notice", "problem", "demand_letter", "formal_notice", "legal_file"]),
        ("hardship", ["overdue_notice", "visit", "plan_offer", "formal_notice"]),
        ("malicious", ["overdue_notice", "visit", "demand_letter", "legal_file"]),
        ("vacant", ["overdue_notice", "vacancy", "demand_letter", "formal_notice", "legal_file"]),
        ("legacy_dispute", ["overdue_notice", "settlement", "demand_letter"]),
    ],
)
def test_d2_each_cause_has_its_track(diary: Diary, cause: str, expected: list[str]) -> None:
    diary.books.session.execute(text("UPDATE household SET arrears_cause = :cause"), {"cause": cause})
    diary.books.bill(30000, DUE)
    found = diary.daily(1, 70)
    assert [step for _, step in found] == [f"H1:{step}" for step in expected]
    if cause == "malicious":
        assert found[-1][0] == 32, "the day after the demand's deadline"
    assert {item.template.startswith("dunning.") for item in items(diary.books)} == {True}


Event = tuple[str, int, int]
EVENTS = st.one_of(
    st.tuples(st.just("sweep"), st.integers(-8, 110), st.just(0)),
    st.tuples(st.just("pay"), st.integers(0, 100), st.integers(0, 2)),
    st.tuples(st.just("clear"), st.integers(0, 100), st.integers(0, 2)),
    st.tuples(st.just("prepay"), st.integers(0, 100), st.just(0)),
    st.tuples(st.just("enter"), st.integers(-40, 40), st.just(0)),
    st.tuples(st.just("dispute"), st.just(0), st.integers(0, 2)),
    st.tuples(st.just("settle"), st.just(0), st.integers(0, 2)),
    st.tuples(st.just("void"), st.just(0), st.integers(0, 2)),
    st.tuples(st.just("hold"), st.integers(0, 1), st.just(0)),
)
DUES = (0, 0, 30)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, min_size=3, max_size=14), st.sampled_from((0, 500, 50_000)))
def test_d1_sql_is_the_law_whatever_happens_to_the_bills(
    engine: Engine, happenings: list[Event], small_fen: int
) -> None:
    """After any history a sweep takes what `due_step` says; no rung twice for a bill, none twice that spoke of it."""
    with Session(engine) as session:
        books = Books(session)
        household_id = books.household()
        diary, source = Diary(books), uuid4()
        session.execute(text("UPDATE dunning_policy SET small_amount_fen = :fen"), {"fen": small_fen})
        bills = [books.bill(100_000 + number, on(due), fee_item=f"f{number}") for number, due in enumerate(DUES)]
        rungs = queries.steps(queries.ladder(session, books.estates["E1"]))
        policy = policy_of(session, books.estates["E1"])
        held = False
        for kind, days, which in happenings:
            if kind == "sweep":
                bill = queries.standing(session, household_id, day(on(days)))
                wanted = due_step(rungs, bill, day(on(days)), policy, held=held) if bill else None
                assert diary.sweep(days) == ([f"H1:{wanted.code}"] if wanted else [])
                assert diary.sweep(days) == []
            elif kind == "hold":
                held = bool(days)
                change = holds.hold if held else holds.release
                more = {"holds_dunning": True} if held else {}
                change(session, "complaint", source, "H1", diary.tick(), **more)  # type: ignore[arg-type]
            else:
                happen(diary, kind, days, bills[which])
        taken = session.execute(text("SELECT bill_id, step, as_of, position FROM dunning_action ORDER BY id")).all()
        assert len({(row.bill_id, row.step) for row in taken}) == len(taken)
        assert [row.as_of for row in taken] == sorted({row.as_of for row in taken}), "one a day, days in order"
        assert imbalance_fen(session) == 0
        session.rollback()


def happen(diary: Diary, kind: str, days: int, bill_id: int) -> None:
    """If it can happen to the bill as it is."""
    query = "SELECT voided_at IS NULL AND amount_fen > paid_fen + waived_fen FROM bill WHERE id = :id"
    is_open = diary.books.one(query, id=bill_id)
    disputed = diary.books.one("SELECT disputed_at IS NOT NULL FROM bill WHERE id = :id", id=bill_id)
    running = diary.books.one(
        "SELECT count(*) FROM bill_dispute WHERE bill_id = :id AND settled_at IS NULL", id=bill_id
    )
    if kind == "pay" and is_open:
        diary.pay(70_000, days, bills=[bill_id])
    elif kind == "clear" and is_open:
        fen = diary.books.one("SELECT amount_fen - paid_fen - waived_fen FROM bill WHERE id = :id", id=bill_id)
        diary.pay(fen, days, bills=[bill_id])
    elif kind == "prepay":
        diary.books.prepay(120_000, day(on(days)))
    elif kind == "enter":
        number = diary.books.one("SELECT count(*) FROM bill")
        diary.books.bill(100_000, on(days), fee_item=f"f{number}", entered_at=diary.tick())
    elif kind == "dispute" and is_open and not disputed:
        diary.dispute(bill_id)
    elif kind == "settle" and running:
        diary.settle(bill_id)


def test_d3_any_order_of_the_same_facts_leads_to_the_same_record_and_sweep(engine: Engine) -> None:
    with Session(engine) as session:
        books = Books(session)
        for code in ("H1", "H2"):
            books.household(code)
            books.bill(30000, DUE, code)
        session.commit()
    complaint, order, paid, expired = (uuid4() for _ in range(4))
    at = [NOW + timedelta(hours=hour) for hour in range(8)]

    def facts(session: Session) -> list[Callable[[], None]]:
        return [
            lambda: holds.hold(session, "complaint", complaint, "H1", at[0], holds_dunning=True),
            lambda: holds.release(session, "complaint", complaint, "H1", at[2]),
            lambda: holds.hold(session, "complaint", complaint, "H1", at[4], holds_dunning=True),
            lambda: holds.hold(session, "work_order", order, "H1", at[1], holds_dunning=True),
            lambda: holds.release(session, "work_order", order, "H1", at[3]),
            lambda: holds.start_payment(session, expired, "H2", at[1]),
            lambda: holds.expire_payment(session, expired, "H2", at[2]),
            lambda: holds.start_payment(session, paid, "H2", at[3]),
        ]

    seen = []

    @settings(max_examples=25, deadline=None)
    @given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=5))
    def same(order_of: list[int], again: list[int]) -> None:
        with Session(engine) as session:
            known = facts(session)
            for place in [*order_of, *again]:
                known[place]()
            books = Books(session)
            swept = books.sweep(on(20))
            seen.append((books.case("H1")["holds"], books.case("H2")["holds"], swept["actions"], swept["held"]))
            session.rollback()
        assert seen[-1] == seen[0]

    same()
    assert seen[0][2:] == (0, 2)
