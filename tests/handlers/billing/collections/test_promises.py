"""D1, D3: a promise to pay pauses the ladder until its day, once after each rung; the ledger says what became of it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import ContactNote
from services.billing.collections.dunning.promises.handlers import PromiseNote, promise_payment
from services.billing.collections.dunning.promises.rules import Promise, pauses, status_of
from services.billing.collections.dunning.rules import DunningPolicy
from services.common.contracts.answers.dunning import PaymentPromise
from services.common.contracts.errors import Conflict, Forbidden, Invalid
from services.common.domain.access import Caller
from tests.support.billing.books import TODAY, Books, day
from tests.support.billing.dunning import DUE, Diary, on

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
CASHIER = Caller(sub="C1", roles=frozenset({"cashier"}), estates=frozenset({"E1"}))
NOW_DAY = (TODAY - day(DUE)).days  # 37


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def diary(books: Books) -> Diary:
    books.household()
    books.bill(30000, DUE)
    diary = Diary(books)
    assert diary.daily(30, NOW_DAY - 1) == [(30, "H1:overdue_notice")]
    return diary


def promise(
    diary: Diary, days: int, fen: int | None = None, *, request_id: UUID | None = None, caller: Caller = STEWARD
) -> PaymentPromise:
    content = PromiseNote(day(on(days)), fen, "after salary day")
    return promise_payment(diary.books.session, caller, "H1", request_id or uuid4(), content, diary.tick())


def test_a_promise_pauses_the_ladder_until_the_day_promised(diary: Diary) -> None:
    request = uuid4()
    made = [promise(diary, 44, request_id=request) for _ in range(2)]
    assert made[0] == made[1]
    assert (made[0]["amount_fen"], made[0]["step"], made[0]["status"]) == (30333, "overdue_notice", "open")
    assert diary.daily(NOW_DAY, 44) == [], "a visit would have been due on the first of these days"
    (hold,) = diary.books.case(today=day(on(44)))["holds"]
    assert (hold["reason"], hold["until"], hold["released_at"]) == ("promise", day(on(44)), None)
    assert diary.daily(45, 60) == [(45, "H1:visit"), (52, "H1:demand_letter")]


def test_a_promise_pauses_once_after_each_rung(diary: Diary) -> None:
    promise(diary, 40)
    with pytest.raises(Conflict):
        promise(diary, 44)
    assert diary.sweep(41) == ["H1:visit"]
    promise(diary, 50)
    assert diary.daily(48, 51) == [(51, "H1:demand_letter")]


def test_a_talk_in_which_payment_was_promised_pauses_as_far_as_the_policy_goes(diary: Diary) -> None:
    for days in (40, 44):
        said = ContactNote("phone", "will pay", promised_on=day(on(days)), outcome="promised")
        cases.add_contact(diary.books.session, STEWARD, "H1", uuid4(), said, diary.tick())
    case = diary.books.case()
    assert [one["promised_on"] for one in case["promises"]] == [day(on(40))], "the second is on record, no more"
    assert len(case["contacts"]) == 2
    assert diary.daily(NOW_DAY, 41) == [(41, "H1:visit")]


@pytest.mark.parametrize(("days", "error"), [(36, Invalid), (NOW_DAY + 16, Invalid), (NOW_DAY + 15, None)])
def test_a_promise_lies_ahead_but_not_too_far(diary: Diary, days: int, error: type[Exception] | None) -> None:
    if error is None:
        assert promise(diary, days)["status"] == "open"
    else:
        with pytest.raises(error):
            promise(diary, days)


@pytest.mark.bends_the_books
def test_nothing_is_promised_where_nothing_is_owed_or_by_who_may_not(diary: Diary) -> None:
    with pytest.raises(Forbidden):
        promise(diary, 40, caller=CASHIER)
    diary.books.session.execute(text("UPDATE household SET credit_fen = 40000"))
    with pytest.raises(Conflict):
        promise(diary, 40)


def test_whether_a_promise_was_kept_is_read_from_the_ledger(diary: Diary) -> None:
    promise(diary, 42, 5000)

    def standing(days: int) -> tuple[int, str]:
        (one,) = diary.books.case(today=day(on(days)))["promises"]
        return one["paid_fen"], one["status"]

    diary.pay(2000, 40)
    assert (standing(42), standing(43)) == ((2000, "open"), (2000, "broken"))
    diary.pay(3000, 43)
    assert standing(43) == (2000, "broken"), "too late"
    diary.pay(3000, 41)
    assert standing(43) == (5000, "kept")


def test_the_law_of_promises() -> None:
    policy = DunningPolicy(promise_days=3, promises_per_rung=2)
    assert [pauses(TODAY + timedelta(days=n), TODAY, 0, policy) for n in (-1, 0, 3, 4)] == [False, True, True, False]
    assert [pauses(TODAY, TODAY, earlier, policy) for earlier in (1, 2)] == [True, False]
    later = TODAY + timedelta(days=1)
    for fen, today, status in ((100, later, "kept"), (99, TODAY, "open"), (99, later, "broken")):
        assert status_of(Promise(TODAY, TODAY, 100, fen), today) == status
