"""D1, D3, D5: the ladder, holds whose news comes in any order, age buckets."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.collections.dunning.rules import (
    BUCKETS,
    Claim,
    DunningPolicy,
    Standing,
    Step,
    Taken,
    bucket_days,
    bucket_of,
    due_step,
    next_step,
)
from services.billing.holds.rules import HoldFact, HoldPeriod, hold_periods

LADDER = [
    Step("reminder", 1, -7, 0),
    Step("notice", 2, 1, 14, ("no_hold",)),
    Step("visit", 3, 8, 15, ("no_hold",), 3),
    Step("demand", 4, 16, 44, ("no_hold",), 7),
    Step("formal", 5, 45, 60, ("no_hold",), 15),
    Step("legal", 6, 61, None, ("no_hold",), 15),
]
EARLY = [*LADDER[:4], Step("legal", 6, 31, None, ("no_hold", "after:notice", "after:demand"))]
DUE = date(2026, 10, 15)
BILL = 7
POLICY = DunningPolicy()


def on(day: int) -> date:
    return DUE + timedelta(days=day)


def took(code: str, day: int, bill: int = BILL, deadline: int | None = None, *, without: bool = False) -> Taken:
    return Taken(code, bill, on(day), None if deadline is None else on(deadline), without)


def due(
    day: int,
    *taken: Taken,
    held: bool = False,
    covered: int | None = None,
    ladder: list[Step] = LADDER,
    claim_fen: int = 30000,
    policy: DunningPolicy = POLICY,
) -> str | None:
    bill = Standing(BILL, DUE, claim_fen, taken, None if covered is None else on(covered))
    step = due_step(ladder, bill, on(day), policy, held=held)
    return step.code if step else None


@pytest.mark.parametrize(
    ("day", "code"),
    [(-8, None), (-7, "reminder"), (0, "reminder"), (1, "notice"), (10, "notice"), (15, "notice"), (4000, "notice")],
)
def test_fm10_the_ladder_starts_at_its_first_rung_for_whoever_was_never_written_to(day: int, code: str | None) -> None:
    assert due(day) == code


@pytest.mark.parametrize(
    ("day", "code"),
    [(8, "visit"), (15, "visit"), (16, "demand"), (44, "demand"), (45, "formal"), (60, "formal"), (61, "legal"),
     (4000, "legal")],
)  # fmt: skip
def test_d1_the_step_of_a_day_for_whoever_was_noticed_in_time(day: int, code: str) -> None:
    assert due(day, took("notice", 1)) == code


def test_fm10_a_debt_of_a_year_is_noticed_then_visited_then_demanded() -> None:
    taken: list[Taken] = []
    for day in range(365, 450):
        if code := due(day, *taken):
            taken.append(took(code, day))
    assert [(one.code, (one.as_of - DUE).days) for one in taken] == [
        ("notice", 365), ("visit", 372), ("demand", 379), ("formal", 394), ("legal", 409),
    ]  # fmt: skip


def test_fm10_at_most_one_rung_in_seven_days_and_none_is_left_out_for_it() -> None:
    assert due(15, took("notice", 10)) is None
    assert due(17, took("notice", 10)) == due(30, took("notice", 10)) == "visit", "its window ended before the gap did"
    assert due(17, took("notice", 10), policy=DunningPolicy(gap_days=8)) is None
    assert due(1, took("reminder", 0)) == "notice", "a reminder urges nobody"


def test_fm10_a_debt_that_is_entered_after_a_step_was_not_spoken_of() -> None:
    others = took("notice", 380, bill=1, without=True), took("visit", 388, bill=1, without=True)
    assert due(394, *others) is None, "seven days apart, whichever bill they were for"
    assert due(395, *others) == "notice"


@pytest.mark.parametrize(("claim_fen", "code"), [(501, "notice"), (500, None), (0, None), (-20000, None)])
def test_fm3_nothing_is_urged_at_or_under_the_small_amount(claim_fen: int, code: str | None) -> None:
    assert due(10, claim_fen=claim_fen) == code
    bill = Standing(BILL, DUE, claim_fen)
    assert (next_step(LADDER, bill, on(10), POLICY) is None) == (code is None)


def test_fm3_a_claim_is_what_the_statement_adds_up_to() -> None:
    assert Claim(10000, 120, 30000).fen == -19880


def test_d1_a_step_is_taken_once_and_no_two_on_one_day() -> None:
    assert due(10, took("notice", 10)) is None
    assert due(14, took("notice", 7)) == "visit"
    assert due(14, took("notice", 7), took("visit", 14)) is None
    assert due(10, took("notice", 10, bill=1)) is None


def test_d1_no_rung_below_one_already_taken() -> None:
    assert due(9, took("visit", 8)) is None


def test_d1_a_sweep_for_an_earlier_day_takes_nothing() -> None:
    assert due(8, took("notice", 10)) is None
    assert due(8, took("notice", 10, bill=1)) is None


def test_d3_a_hold_stops_escalation_but_no_reminder() -> None:
    assert due(-1, held=True) == "reminder"
    assert due(20, held=True) is None


def test_d3_after_a_hold_the_rungs_of_its_time_are_let_go_but_never_the_first() -> None:
    assert due(21, took("notice", 1)) == "demand"
    assert due(21) == "notice"


def test_d1_a_rung_taken_for_another_bill_counts_when_this_one_was_old_enough() -> None:
    assert due(15, took("visit", 8, bill=1)) is None
    assert due(20, took("visit", 8, bill=1)) == "demand"
    assert due(14, took("visit", 7, bill=1)) == "notice"
    assert due(23, took("demand", 16, bill=1)) is None


def test_d1_a_rung_that_left_the_bill_out_does_not_count() -> None:
    assert due(25, took("notice", 1), took("demand", 18, bill=1, without=True)) == "demand"


def test_d1_a_bill_that_was_passed_over_gets_every_rung_late_and_apart() -> None:
    taken: list[Taken] = []
    for day in range(20, 90):
        if code := due(day, *taken, covered=19):
            taken.append(took(code, day))
    assert [(one.code, (one.as_of - DUE).days) for one in taken] == [
        ("notice", 20), ("visit", 27), ("demand", 34), ("formal", 49), ("legal", 64),
    ]  # fmt: skip


def test_d1_a_bill_that_nobody_swept_for_goes_on_where_its_age_puts_it() -> None:
    assert due(20, took("notice", 1)) == due(20, took("notice", 1), covered=0) == "demand"
    assert due(20, took("notice", 1), covered=1) == "visit"


def test_d2_legal_earlier_but_never_before_notice_and_demand_and_its_deadline() -> None:
    told = [took("notice", 3), took("demand", 20, deadline=35)]
    assert due(40, told[0], ladder=EARLY) == "demand"
    assert due(4000, told[0], ladder=EARLY) is None
    assert due(35, *told, ladder=EARLY) is None
    assert due(36, *told, ladder=EARLY) == "legal"
    assert due(36, told[1], ladder=EARLY) is None


def test_d1_what_comes_next() -> None:
    def following(
        day: int, *taken: Taken, covered: int | None = None, ladder: list[Step] = LADDER
    ) -> tuple[str, int] | None:
        bill = Standing(BILL, DUE, 30000, taken, None if covered is None else on(covered))
        found = next_step(ladder, bill, on(day), POLICY)
        return (found[0].code, (found[1] - DUE).days) if found else None

    assert following(-30) == ("reminder", -7)
    assert following(3) == ("notice", 1)
    assert following(300) == ("notice", 1)
    assert following(10, took("notice", 10)) == ("visit", 17)
    assert following(50, took("demand", 40)) == ("formal", 55)
    assert following(70, took("legal", 70)) is None
    assert following(30, took("notice", 26), covered=25) == ("visit", 33)
    assert following(22, took("notice", 3), took("demand", 20, deadline=35), ladder=EARLY) == ("legal", 36)


@given(st.lists(st.integers(-20, 100), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40),
       st.none() | st.integers(-20, 100))  # fmt: skip
def test_d1_sweeps_of_any_days_take_rungs_in_order_once(days: list[int], held: list[bool], covered: int | None) -> None:
    taken: list[Taken] = []
    for day, hold in zip(days, held, strict=False):
        if code := due(day, *taken, held=hold, covered=covered):
            taken.append(took(code, day))
    codes = [step.code for step in LADDER]
    positions = [codes.index(one.code) for one in taken]
    assert positions == sorted(set(positions))
    assert [one.as_of for one in taken] == sorted({one.as_of for one in taken})
    by_code = {step.code: step for step in LADDER}
    assert all((one.as_of - DUE).days >= by_code[one.code].earliest_day for one in taken)
    urged = [one.as_of for one in taken if one.code != "reminder"]
    assert all((after - before).days >= 7 for before, after in pairwise(urged))
    assert [one.code for one in taken if one.code != "reminder"][:1] in ([], ["notice"])
    if covered is not None and covered >= 1:
        urging = [position for position in positions if position]
        assert urging == list(range(1, 1 + len(urging))), "none is skipped"


@given(st.lists(st.tuples(st.integers(-10, 80), st.sampled_from(LADDER[1:])), max_size=6), st.integers(1, 90))
def test_d1_nothing_is_repeated_that_the_bill_was_part_of(others: list[tuple[int, Step]], day: int) -> None:
    taken = [took(step.code, when, bill=1) for when, step in others]
    code = due(day, *taken)
    counted = {step.position for when, step in others if when >= step.earliest_day}
    assert code is None or next(step.position for step in LADDER if step.code == code) > max(counted, default=0)


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


def test_d3_a_hold_ends_with_its_last_day() -> None:
    over = at(5)
    assert hold_periods([HoldFact(at(1), True)], over=over) == [HoldPeriod(at(1), over)]
    assert hold_periods([HoldFact(at(1), True), HoldFact(at(3), False)], over=over) == [HoldPeriod(at(1), at(3))]
    assert hold_periods([HoldFact(at(1), True), HoldFact(at(9), False)], over=over) == [HoldPeriod(at(1), over)]


def test_buckets_cover_every_overdue_day_once() -> None:
    assert [bucket_of(day) for day in (0, 1, 15, 16, 30, 31, 60, 61, 365, 366)] == [
        None, "1-15", "1-15", "16-30", "16-30", "31-60", "31-60", "61-365", "61-365", "365+",
    ]  # fmt: skip
    assert [bucket_days(name) for name in ("365+", "365 ", ">365")] == [(366, None)] * 3
    assert bucket_days(BUCKETS[0][0]) == bucket_days("1–15") == (1, 15)
    with pytest.raises(KeyError):
        bucket_days("7-9")
