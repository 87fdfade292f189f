"""D1, D3, D5: the ladder, holds whose news comes in any order, age buckets."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.dunning.rules import (
    BUCKETS,
    HoldFact,
    HoldPeriod,
    Step,
    Taken,
    bucket_days,
    bucket_of,
    due_step,
    hold_periods,
    next_step,
)

LADDER = [
    Step("reminder", 1, -7, 0),
    Step("notice", 2, 1, 14, ("no_hold",)),
    Step("visit", 3, 8, 15, ("no_hold",)),
    Step("demand", 4, 16, 44, ("no_hold",)),
    Step("legal", 5, 61, None, ("no_hold",)),
]
DUE = date(2026, 10, 15)


def on(day: int) -> date:
    return DUE + timedelta(days=day)


def due(day: int, taken: list[Taken] | None = None, *, held: bool = False) -> str | None:
    step = due_step(LADDER, taken or [], DUE, on(day), held=held)
    return step.code if step else None


@pytest.mark.parametrize(
    ("day", "code"),
    [(-8, None), (-7, "reminder"), (0, "reminder"), (1, "notice"), (10, "notice"), (15, "visit"), (16, "demand"),
     (44, "demand"), (45, None), (60, None), (61, "legal"), (4000, "legal")],
)  # fmt: skip
def test_the_step_of_a_day(day: int, code: str | None) -> None:
    assert due(day) == code


def test_a_step_is_taken_once_and_no_two_on_one_day() -> None:
    assert due(10, [Taken(2, on(10))]) is None
    assert due(11, [Taken(2, on(10))]) == "visit"
    assert due(12, [Taken(2, on(10)), Taken(3, on(11))]) is None


def test_no_rung_below_one_already_taken() -> None:
    assert due(9, [Taken(3, on(8))]) is None


def test_a_sweep_for_an_earlier_day_takes_nothing() -> None:
    assert due(8, [Taken(2, on(10))]) is None


def test_a_hold_stops_escalation_but_no_reminder() -> None:
    assert due(-1, held=True) == "reminder"
    assert due(20, held=True) is None


def test_what_comes_next() -> None:
    def following(day: int, taken: list[Taken]) -> tuple[str, date] | None:
        found = next_step(LADDER, taken, DUE, on(day))
        return (found[0].code, found[1]) if found else None

    assert following(-30, []) == ("reminder", on(-7))
    assert following(3, []) == ("notice", on(1))
    assert following(10, [Taken(2, on(10))]) == ("visit", on(11))
    assert following(50, []) == ("legal", on(61))
    assert following(70, [Taken(5, on(70))]) is None


@given(st.lists(st.integers(-20, 100), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_sweeps_of_any_days_take_rungs_in_order_once(days: list[int], held: list[bool]) -> None:
    taken: list[Taken] = []
    for day, hold in zip(days, held, strict=False):
        step = due_step(LADDER, taken, DUE, on(day), held=hold)
        if step:
            assert step.covers(day)
            taken.append(Taken(step.position, on(day)))
    positions = [one.position for one in taken]
    assert positions == sorted(set(positions))


def at(hour: int) -> datetime:
    return datetime(2026, 11, 1, hour, tzinfo=UTC)


@given(st.permutations([HoldFact(at(1), True), HoldFact(at(2), False), HoldFact(at(3), True), HoldFact(at(4), False)]))
def test_the_record_is_the_same_in_any_order(facts: list[HoldFact]) -> None:
    assert hold_periods(facts) == [HoldPeriod(at(1), at(2)), HoldPeriod(at(3), at(4))]


def test_open_closed_early_and_ended_holds() -> None:
    assert hold_periods([HoldFact(at(1), True)]) == [HoldPeriod(at(1), None)]
    assert hold_periods([HoldFact(at(1), False)]) == []
    assert hold_periods([HoldFact(at(1), False), HoldFact(at(1), True)]) == [HoldPeriod(at(1), at(1))]
    late_clock = [HoldFact(at(1), False), HoldFact(at(2), True)]
    assert hold_periods(late_clock, ended=True) == [HoldPeriod(at(2), at(2))]


def test_buckets_cover_every_overdue_day_once() -> None:
    assert [bucket_of(day) for day in (0, 1, 15, 16, 30, 31, 60, 61, 365, 366)] == [
        None, "1-15", "1-15", "16-30", "16-30", "31-60", "31-60", "61-365", "61-365", "365+",
    ]  # fmt: skip
    assert [bucket_days(name) for name in ("365+", "365 ", ">365")] == [(366, None)] * 3
    assert bucket_days(BUCKETS[0][0]) == bucket_days("1–15") == (1, 15)
    with pytest.raises(KeyError):
        bucket_days("7-9")
