"""The law of arrears risk: what is known on a day, scores and reasons (D7)."""

from dataclasses import replace
from datetime import date, timedelta
from math import log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.collections.risk.rules import (
    FEATURES,
    GRACE_DAYS,
    Bill,
    Model,
    Month,
    Past,
    Weight,
    band,
    features,
    month_of,
    probability,
    reasons,
    turns,
)
from services.common.domain.calendar import add_months

DAY = date(2026, 11, 1)
PLAIN = Model(-1.5, {name: Weight(0.2, 1.0, 0.5) for name in FEATURES})
MONTHS = st.lists(st.tuples(st.booleans(), st.integers(-15, 15), st.integers(0, 400)), max_size=30)


def months(*late: bool, last: date = date(2026, 10, 15)) -> list[Month]:
    """Months up to October, oldest first; late ones are open."""
    count = len(late)
    dues = [add_months(last, n - count + 1) for n in range(count)]
    return [month_of([Bill(due, () if flag else (due,))]) for due, flag in zip(dues, late, strict=True)]


def test_d7_what_is_known_of_a_household() -> None:
    known = features(Past(months(False, True, True), [date(2026, 10, 3)], [date(2025, 1, 1)]), DAY)
    assert known == {
        "late_last": 1.0,
        "late_share_3": pytest.approx(2 / 3),
        "late_share_12": pytest.approx(2 / 3),
        "pays_after_6": pytest.approx(32 / 3 / 15),
        "open_months": pytest.approx(log1p(2)),
        "late_streak": pytest.approx(log1p(2)),
        "on_time_streak": 0.0,
        "complaints": pytest.approx(log1p(1)),
        "orders": 0.0,
        "short_history": 0.0,
    }


def test_d7_nothing_is_known_of_a_new_household() -> None:
    known = features(Past([]), DAY)
    assert known.pop("short_history") == 1.0
    assert set(known.values()) == {0.0}


@given(MONTHS, st.integers(0, 30))
def test_d7_the_future_of_a_day_changes_nothing_that_was_known_on_it(
    lived: list[tuple[bool, int, int]], back: int
) -> None:
    """A score of a past day is the same whatever came after: no month, payment or complaint leaks back."""
    dues = [add_months(DAY, n - len(lived), 15) for n in range(len(lived))]
    all_turns = [
        tuple(
            due + timedelta(days=more)
            for more in ([after] if not late else [])
            + [GRACE_DAYS + 1 + more + 7 * n for n in range(1 if late else 2 * (more % 3))]
        )
        for due, (late, after, more) in zip(dues, lived, strict=True)
    ]
    day = add_months(DAY, -back)
    later = Past([month_of([Bill(due, all_)]) for due, all_ in zip(dues, all_turns, strict=True)], [DAY], [DAY])
    then = Past(
        [
            month_of([Bill(due, tuple(turn for turn in all_ if turn < day))])
            for due, all_ in zip(dues, all_turns, strict=True)
            if due < day
        ]
    )
    assert features(later, day) == features(then, day)


def test_d7_a_month_is_what_could_be_said_of_it_after_the_grace() -> None:
    due = date(2026, 9, 15)
    bounced = month_of([Bill(due, (date(2026, 9, 10), date(2026, 11, 5), date(2026, 11, 9)))])
    assert (bounced.late, bounced.paid_after) == (False, -5)
    mornings = [date(2026, 10, 5), date(2026, 11, 5), date(2026, 11, 6), date(2026, 11, 9), date(2026, 11, 10)]
    assert [bounced.open_on(morning) for morning in mornings] == [False, False, True, True, False]
    both = month_of([Bill(due, (date(2026, 9, 10),)), Bill(date(2026, 9, 28))])
    assert (both.due, both.late, both.paid_after) == (date(2026, 9, 28), True, 16)
    assert [both.open_on(date(2026, 9, day)) for day in (27, 28, 29)] == [False, False, True]


def test_d7_the_days_a_bill_was_settled_and_open_again() -> None:
    days = [date(2026, 9, day) for day in range(1, 6)]
    assert turns(100, []) == turns(100, [(days[0], 99)]) == ()
    assert turns(100, [(days[2], 60), (days[0], 40)]) == (days[2],)
    assert turns(100, [(days[0], 100), (days[1], -1), (days[1], 1), (days[3], -100), (days[4], 100)]) == (
        days[0], days[3], days[4],
    )  # fmt: skip


def test_d7_a_score_is_the_logistic_of_what_is_known() -> None:
    known = dict.fromkeys(FEATURES, 0.2)
    assert probability(PLAIN, known) == pytest.approx(0.18242552)
    assert probability(PLAIN, known | {"late_last": 1.0}) > probability(PLAIN, known)
    assert probability(Model(-5_000.0, {}), {}) == 0.0


def test_d7_reasons_name_what_speaks_most_for_being_late_in_both_languages() -> None:
    known = dict.fromkeys(FEATURES, 0.0) | {"late_share_12": 0.5, "late_streak": log1p(6)}
    assert [reason["code"] for reason in reasons(PLAIN, known, 12)] == ["late_streak", "late_share_12"]
    assert reasons(PLAIN, known, 12)[0]["text"] == {"zh-CN": "连续 6 期逾期", "en": "late 6 month(s) in a row"}
    assert reasons(PLAIN, known, 12)[1]["text"] == {
        "zh-CN": "近 12 期逾期比例 50%", "en": "late in 50% of the last 12 month(s)",
    }  # fmt: skip
    assert len(reasons(PLAIN, dict.fromkeys(FEATURES, 0.0), 12)) == 1


def test_fc10_no_reason_tells_of_months_that_are_not_there() -> None:
    """Of a household whose bills came this morning nobody knows whether it pays late."""
    fresh = features(Past([]), DAY)
    assert [reason["code"] for reason in reasons(PLAIN, fresh, 0)] == ["short_history"]
    against = Model(0.0, {name: Weight(0.0, 1.0, -1.0) for name in FEATURES})
    assert [reason["code"] for reason in reasons(against, fresh, 0)] == ["short_history"]
    two = Past(months(True, False))
    assert two.known_months(DAY) == 2
    words = {reason["code"]: reason["text"]["en"] for reason in reasons(PLAIN, features(two, DAY), 2, most=10)}
    assert words["late_share_12"] == words["late_share_3"] == "late in 50% of the last 2 month(s)"


def test_fm3_credit_that_covers_everything_leaves_no_month_open() -> None:
    late = Past(months(True, True))
    assert features(late, DAY)["open_months"] == pytest.approx(log1p(2))
    assert features(replace(late, is_covered=True), DAY)["open_months"] == 0.0


@pytest.mark.parametrize(("chance", "name"), [(0.5, "high"), (0.49, "medium"), (0.2, "medium"), (0.19, "low")])
def test_d7_bands_order_the_calls(chance: float, name: str) -> None:
    assert band(chance) == name
