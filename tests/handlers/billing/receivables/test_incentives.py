"""Points, coupons, lots and credit level from how bills were truly paid; a discount is money, and balances (C4)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.incentives import handlers, redeeming, tables
from services.billing.receivables.incentives.handlers import DrawRequest
from services.billing.receivables.incentives.redeeming import Redemption
from services.billing.receivables.incentives.rules import BillStanding, Policy, points
from services.billing.receivables.trial_balance import handlers as ledger
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import BillsAdjusted
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, TODAY, Books, day
from tests.support.billing.desk import FINANCE
from tests.support.outbox import events

POLICY = Policy(True, Decimal("0.5"), Decimal(1), 7, 1, Decimal("0.5"), 2, 2_000, 365)
PROMISER = Caller(sub="finance-2", roles=frozenset({"finance"}), estates=frozenset({"*"}))
OWNER = Caller(sub="o", roles=frozenset({"owner"}), household="H1")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def books(books: Books) -> Books:
    books.household("H1")
    handlers.set_policy(books.session, PROMISER, "E1", POLICY)
    return books


def judge(books: Books, now: datetime = NOW) -> int | None:
    return handlers.judge_next_estate(books.session, now)


def has(books: Books, household: str = "H1", today: date = TODAY) -> dict[str, Any]:
    return handlers.get_incentives(books.session, FINANCE, household, today)


def redeem(books: Books, request_id: UUID | None = None, caller: Caller = FINANCE, **asked: Any) -> dict[str, Any]:
    return redeeming.redeem(books.session, caller, "H1", request_id or uuid4(), Redemption(**asked), NOW)


def test_c4_points_for_early_and_timely_payment_once_a_day(books: Books) -> None:
    books.bill(20_000, "2026-10-15")
    books.bill(20_000, "2026-11-15")
    books.bill(20_000, "2026-12-15")
    books.pay(20_000, "2026-10-01")
    books.pay(20_000, "2026-11-15")
    books.pay(20_000, "2026-11-16")
    assert judge(books) is not None
    assert has(books)["points"] == 200 + 100, "the December bill is not due yet: it may still be refunded"
    assert judge(books) is None
    assert judge(books, NOW + timedelta(days=30)) is not None
    assert has(books)["points"] == 200 + 100 + 200


@pytest.mark.bends_the_books
def test_c4_what_is_taken_back_takes_its_points_back(books: Books) -> None:
    bill = books.bill(20_000, "2026-11-15")
    books.pay(20_000, "2026-11-15")
    judge(books)
    books.session.execute(text("UPDATE bill SET paid_fen = 0 WHERE id = :id"), {"id": bill})
    judge(books, NOW + timedelta(days=1))
    assert has(books)["points"] == 0
    assert [entry["kind"] for entry in has(books)["entries"]] == ["taken_back", "earned"]


def test_c4_a_late_arrival_of_timely_money_brings_its_points(books: Books) -> None:
    books.bill(20_000, "2026-11-15")
    judge(books)
    books.pay(20_000, "2026-11-10")
    judge(books, NOW + timedelta(days=1))
    assert has(books)["points"] == 100


def test_c4_as_shipped_nothing_is_given(books: Books) -> None:
    books.session.execute(text("DELETE FROM incentive_policy WHERE estate_id <> 0"))
    books.bill(20_000, "2026-11-15")
    books.pay(20_000, "2026-11-10")
    assert judge(books) is None
    assert has(books)["enabled"] is False
    with pytest.raises(Conflict, match="no incentives"):
        redeem(books, points=1, service="car wash")


def test_c4_points_become_a_discount_that_balances_and_is_not_collected(books: Books) -> None:
    books.bill(20_000, "2026-11-15")
    books.pay(20_000, "2026-11-01")
    judge(books)
    nxt = books.bill(20_000, "2026-12-15")
    request_id = uuid4()
    once = redeem(books, request_id, OWNER, points=150, bill_id=nxt)
    assert (once["value_fen"], once["points_left"]) == (150, 50)
    assert redeem(books, request_id, OWNER, points=150, bill_id=nxt) == once
    assert books.statement("2026-11-21")["principal_fen"] == 19_850
    rolled = books.session.execute(text("SELECT sum(collected_fen), sum(waived_fen) FROM rate_rollup")).one()
    assert tuple(rolled) == (20_000, 150)
    assert ledger.imbalance_fen(books.session) == 0
    [told] = events(books.session, BillsAdjusted)
    assert told.bills[0].open_change_fen == -150
    with pytest.raises(Conflict, match="another redemption"):
        redeem(books, request_id, OWNER, points=10, bill_id=nxt)


def test_c4_what_cannot_be_redeemed(books: Books) -> None:
    bill = books.bill(20_000, "2026-11-15")
    books.pay(20_000, "2026-11-01")
    judge(books)
    small = books.bill(100, "2026-12-15")
    with pytest.raises(Conflict, match="fewer points"):
        redeem(books, points=201, bill_id=small)
    for asked in ({"points": 60, "bill_id": small}, {"points": 10, "bill_id": bill}):
        with pytest.raises(Conflict, match="at most"), books.session.begin_nested():
            redeem(books, **asked)
    for wrong in ({}, {"points": 5}, {"points": 5, "coupon_id": uuid4(), "bill_id": small}, {"bill_id": small}):
        with pytest.raises(Invalid):
            redeem(books, **wrong)
    with pytest.raises(NotFound):
        redeem(books, coupon_id=uuid4(), service="car wash")
    with pytest.raises(Forbidden):
        redeeming.redeem(books.session, OWNER, "H2", uuid4(), Redemption(points=1, service="x"), NOW)


def test_c4_points_are_spent_once_by_two_at_the_same_time(engine: Engine, books: Books) -> None:
    books.bill(20_000, "2026-11-15")
    books.pay(20_000, "2026-11-01")
    judge(books)
    books.session.commit()

    def spend(_: int) -> str:
        with Session(engine) as session, session.begin():
            try:
                redeeming.redeem(session, FINANCE, "H1", uuid4(), Redemption(points=200, service="car wash"), NOW)
            except Conflict:
                return "refused"
            return "redeemed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(spend, range(2))) == ["redeemed", "refused"]
    assert has(books)["points"] == 0


def test_c4_a_streak_brings_one_coupon_that_is_worth_its_value_once(books: Books) -> None:
    for due in ("2026-09-15", "2026-10-15"):
        books.bill(20_000, due)
        books.pay(20_000, due)
    for later in range(3):
        judge(books, NOW + timedelta(days=later))
    [coupon] = has(books)["coupons"]
    assert (coupon["value_fen"], coupon["month"], coupon["status"]) == (2_000, "2026-10", "valid")
    bill = books.bill(20_000, "2026-12-15")
    redeem(books, coupon_id=coupon["id"], bill_id=bill)
    assert books.statement("2026-11-21")["principal_fen"] == 18_000
    with pytest.raises(Conflict, match="spent"):
        redeem(books, coupon_id=coupon["id"], service="car wash")
    assert has(books)["coupons"][0]["status"] == "redeemed"


def test_c4_lots_are_drawn_once_by_a_seed_anybody_can_check(books: Books) -> None:
    for code in ("H2", "H3"):
        books.household(code)
    for code in ("H1", "H2", "H3"):
        books.bill(20_000, "2026-10-15", code)
    for code in ("H1", "H2"):
        books.pay(20_000, "2026-10-15", code)
    judge(books)
    request_id, asked = uuid4(), DrawRequest("2026-10", 1, 5_000, "seed")
    told = handlers.draw_lots(books.session, FINANCE, "E1", request_id, asked, NOW)
    assert told["tickets"] == 2
    assert told == handlers.draw_lots(books.session, FINANCE, "E1", request_id, asked, NOW)
    coupons = [len(has(books, code)["coupons"]) for code in ("H1", "H2", "H3")]
    assert sorted(coupons) == [0, 0, 1]
    assert coupons[2] == 0, "who was late has no ticket"
    for other in (replace(asked, month="2026-09"), replace(asked, seed="luck"), replace(asked, coupon_fen=1)):
        with pytest.raises(Conflict, match="another draw"):
            handlers.draw_lots(books.session, FINANCE, "E1", request_id, other, NOW)
    with pytest.raises(Conflict, match="drawn already"):
        handlers.draw_lots(books.session, FINANCE, "E1", uuid4(), asked, NOW)
    with pytest.raises(Conflict, match="not over"):
        handlers.draw_lots(books.session, FINANCE, "E1", uuid4(), DrawRequest("2026-11", 1, 1, "s"), NOW)


def test_c4_credit_level_of_a_household(books: Books) -> None:
    for due in ("2026-08-15", "2026-09-15", "2026-10-15"):
        books.bill(20_000, due)
        books.pay(20_000, due)
    assert has(books)["credit_level"] == "AAA"
    books.bill(20_000, "2026-11-15")
    assert has(books)["credit_level"] == "B"


def test_c4_sql_and_rule_give_the_same_points(books: Books) -> None:
    """Over random bills and payments the set-based judgement is the rule's."""

    @hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(1, 50_000), st.integers(-30, 30), st.booleans()), min_size=1, max_size=5))
    def holds(lived: list[tuple[int, int, bool]]) -> None:
        with books.session.begin_nested() as nested:
            due, expected = day("2026-10-15"), 0
            for number, (fen, after, whole) in enumerate(lived):
                bill = books.bill(fen, "2026-10-15", fee_item=f"item{number}")
                paid_on = due + timedelta(days=after)
                part = fen if whole else max(1, fen // 2)
                books.pay(part, paid_on.isoformat(), bills=[bill])
                settled = paid_on if part == fen else None
                expected += points(BillStanding(due, part, settled), POLICY)
            key = {"first": due, "last": due, "today": TODAY}
            tables.reward(books.session, books.estates["E1"], POLICY, **key)
            assert tables.balance(books.session, books.households["H1"][0]) == expected
            nested.rollback()

    holds()


def test_c4_who_may_set_the_policy(books: Books) -> None:
    steward = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
    with pytest.raises(Forbidden):
        handlers.set_policy(books.session, steward, "E1", POLICY)
    finance = Caller(sub="f", roles=frozenset({"finance"}), estates=frozenset({"E1"}))
    with pytest.raises(Forbidden):
        handlers.set_policy(books.session, finance, None, POLICY)
    assert handlers.get_policy(books.session, steward, "E1")["coupon_fen"] == 2_000


def test_fc1_who_promised_a_discount_does_not_redeem_it(books: Books) -> None:
    """A discount is principal given up: it takes whoever set the policy, or drew the lots, and somebody else."""
    give = """INSERT INTO point_entry (household_id, points, kind, source, booked_on)
              SELECT id, 100, 'earned', 'test', DATE '2026-11-01' FROM household"""
    books.session.execute(text(give))
    bill = books.bill(20_000, "2026-12-15")
    with pytest.raises(Forbidden, match="four eyes"), books.session.begin_nested():
        redeem(books, caller=PROMISER, points=50, bill_id=bill)
    redeem(books, caller=PROMISER, points=1, service="car wash")
    redeem(books, points=50, bill_id=bill)
    books.session.execute(text("UPDATE waiver_authority SET up_to_fen = 49, roles = '{}' WHERE kind = 'principal' "
                               "AND position = 1"))  # fmt: skip
    redeem(books, caller=PROMISER, points=49, bill_id=bill)


def test_fc1_who_drew_the_lots_does_not_redeem_the_coupon(books: Books) -> None:
    books.bill(20_000, "2026-10-15")
    books.pay(20_000, "2026-10-15")
    judge(books)
    handlers.draw_lots(books.session, FINANCE, "E1", uuid4(), DrawRequest("2026-10", 1, 5_000, "seed"), NOW)
    bill = books.bill(20_000, "2026-12-15")
    [won] = [each for each in has(books)["coupons"] if each["reason"] == "lottery"]
    with pytest.raises(Forbidden, match="four eyes"), books.session.begin_nested():
        redeem(books, coupon_id=won["id"], bill_id=bill)
    redeem(books, caller=PROMISER, coupon_id=won["id"], bill_id=bill)
