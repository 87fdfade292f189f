"""The law of incentives (C4)."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.receivables.incentives.rules import (
    BillStanding,
    Policy,
    coupon_due,
    credit_level,
    discount_fen,
    draw,
    most_discount,
    points,
)
from services.common.domain.calendar import add_months

POLICY = Policy(True, Decimal("0.5"), Decimal(1), 7, 1, Decimal("0.5"), 3, 2_000, 365)
DUE = date(2026, 10, 15)


@pytest.mark.parametrize(
    ("paid_on", "brought"),
    [("2026-10-08", 205), ("2026-10-09", 102), ("2026-10-15", 102), ("2026-10-16", 0), (None, 0)],
)
def test_c4_early_payment_brings_more_than_timely_and_late_nothing(paid_on: str | None, brought: int) -> None:
    day = None if paid_on is None else date.fromisoformat(paid_on)
    assert points(BillStanding(DUE, 20_523, day), POLICY) == brought


def test_c4_where_incentives_are_off_nothing_is_brought() -> None:
    off = Policy(False, *list(vars(POLICY).values())[1:])
    assert points(BillStanding(DUE, 20_523, DUE), off) == 0


def months(*in_time: bool) -> list[tuple[date, bool]]:
    return [(add_months(date(2026, 1, 1), n), flag) for n, flag in enumerate(in_time)]


def test_c4_a_full_streak_brings_a_coupon_and_the_next_only_after_another() -> None:
    assert coupon_due(months(True, True), 3, None) is None
    assert coupon_due(months(True, False, True), 3, None) is None
    assert coupon_due(months(True, True, True), 3, None) == date(2026, 3, 1)
    assert coupon_due(months(*[True] * 5), 3, date(2026, 3, 1)) is None
    assert coupon_due(months(*[True] * 6), 3, date(2026, 3, 1)) == date(2026, 6, 1)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 12))
def test_c4_seen_month_by_month_no_month_counts_for_two_coupons(in_time: list[bool], streak: int) -> None:
    lived, given_for, last = months(*in_time), [], None
    for upto in range(1, len(lived) + 1):
        month = coupon_due(lived[:upto], streak, last)
        if month is not None:
            given_for.append(month)
            last = month
    apart = [(b.year - a.year) * 12 + b.month - a.month for a, b in pairwise(given_for)]
    assert all(distance >= streak for distance in apart)


@given(st.text(), st.sets(st.integers(1, 10**6), max_size=50), st.integers(0, 60))
def test_c4_a_draw_can_be_repeated_by_anybody(seed: str, tickets: set[int], winners: int) -> None:
    won = draw(seed, tickets, winners)
    assert won == draw(seed, sorted(tickets, reverse=True), winners)
    assert len(won) == len(set(won)) == min(winners, len(tickets))
    assert set(won) <= tickets


def test_c4_another_seed_draws_others() -> None:
    assert draw("a", range(100), 5) != draw("b", range(100), 5)


@pytest.mark.parametrize(
    ("in_time", "overdue", "code"),
    [
        ([True] * 2, 0, "new"),
        ([True] * 12, 0, "AAA"),
        ([True] * 11 + [False], 0, "AA"),
        ([True] * 9 + [False] * 3, 0, "A"),
        ([False] * 6 + [True] * 6, 0, "B"),
        ([True] * 12, 3, "B"),
        ([True] * 12, 61, "C"),
    ],
)
def test_c4_credit_level(in_time: list[bool], overdue: int, code: str) -> None:
    assert credit_level(in_time, overdue).code == code


def test_c4_a_discount_is_worth_its_points_and_bounded_by_the_bill() -> None:
    assert discount_fen(300, POLICY) == 300
    assert most_discount(20_523, POLICY) == 10_261


@given(st.integers(0, 400), st.integers(0, 10**8))
def test_c4_paying_later_never_brings_more(days: int, fen: int) -> None:
    day = DUE - timedelta(days=200) + timedelta(days=days)
    later = day + timedelta(days=1)
    assert points(BillStanding(DUE, fen, day), POLICY) >= points(BillStanding(DUE, fen, later), POLICY)
