"""The law of arrears risk: what is known on a day, scores and reasons (D7)."""

from datetime import date, timedelta
from math import log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.risk.rules import (
    FEATURES,
    GRACE_DAYS,
    Model,
    Month,
    Past,
    Weight,
    band,
    features,
    probability,
    reasons,
)
from services.common.calendar import add_months

DAY = date(2026, 11, 1)
PLAIN = Model(-1.5, {name: Weight(0.2, 1.0, 0.5) for name in FEATURES})
MONTHS = st.lists(st.tuples(st.booleans(), st.integers(-15, 15), st.integers(0, 400)), max_size=30)


def months(*late: bool, last: date = date(2026, 10, 15)) -> list[Month]:
    """Months up to October, oldest first; late ones are open."""
    count = len(late)
    return [
        Month(add_months(last, n - count + 1), flag, 16 if flag else 0, None if flag else last)
        for n, flag in enumerate(late)
    ]


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
    past = [
        Month(add_months(DAY, n - len(lived), 15), late, 16 if late else after, None)
        for n, (late, after, _) in enumerate(lived)
    ]
    settled = [
        Month(m.due, m.late, m.paid_after, m.due + timedelta(days=GRACE_DAYS + 1 + more))
        for m, (_, _, more) in zip(past, lived, strict=True)
    ]
    day = add_months(DAY, -back)
    later = Past(settled, [DAY], [DAY])
    then = Past(
        [
            m if m.settled_on and m.settled_on < day else Month(m.due, m.late, m.paid_after, None)
            for m in settled
            if m.due < day
        ]
    )
    assert features(later, day) == features(then, day)


def test_d7_a_score_is_the_logistic_of_what_is_known() -> None:
    known = dict.fromkeys(FEATURES, 0.2)
    assert probability(PLAIN, known) == pytest.approx(0.18242552)
    assert probability(PLAIN, known | {"late_last": 1.0}) > probability(PLAIN, known)
    assert probability(Model(-5_000.0, {}), {}) == 0.0


def test_d7_reasons_name_what_speaks_most_for_being_late_in_both_languages() -> None:
    known = dict.fromkeys(FEATURES, 0.0) | {"late_share_12": 0.5, "late_streak": log1p(6)}
    assert [reason["code"] for reason in reasons(PLAIN, known)] == ["late_streak", "late_share_12"]
    assert reasons(PLAIN, known)[0]["text"] == {"zh-CN": "连续 6 期逾期", "en": "late 6 months in a row"}
    assert reasons(PLAIN, known)[1]["text"] == {
        "zh-CN": "近十二期逾期比例 50%", "en": "late in 50% of the last twelve months",
    }  # fmt: skip
    assert len(reasons(PLAIN, dict.fromkeys(FEATURES, 0.0))) == 1


@pytest.mark.parametrize(("chance", "name"), [(0.5, "high"), (0.49, "medium"), (0.2, "medium"), (0.19, "low")])
def test_d7_bands_order_the_calls(chance: float, name: str) -> None:
    assert band(chance) == name
