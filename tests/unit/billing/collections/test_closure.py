"""D6: contact window and cap of appointments, and how a case goes from stage to stage, as pure law."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.collections.closure.rules import (
    ContactPolicy,
    Stage,
    fits_cap,
    next_possible,
    next_stage,
    status_of,
)
from services.common.domain.calendar import SHANGHAI

POLICY = ContactPolicy(time(8), time(21), 2, 7)
STEWARD, MANAGER = Stage("steward", 1, 14), Stage("manager", 2, 14)
ON_SITE, FIX = Stage("on_site", 3, 15), Stage("time_limited_fix", 3, 30, "service_problem")
LETTER = Stage("lawyers_letter", 4, 30)
STAGES = (STEWARD, MANAGER, ON_SITE, FIX, LETTER)
DAY = date(2026, 11, 20)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("wanted", "possible"),
    [
        ("2026-11-20T08:00", "2026-11-20T08:00"),
        ("2026-11-20T20:59", "2026-11-20T20:59"),
        ("2026-11-21T19:30", "2026-11-21T19:30"),  # a Saturday evening
        ("2026-11-22T10:00", "2026-11-22T10:00"),  # a Sunday
        ("2026-11-20T07:59", "2026-11-20T08:00"),
        ("2026-11-20T21:00", "2026-11-21T08:00"),
        ("2026-11-20T23:30", "2026-11-21T08:00"),
    ],
)
def test_d6_appointments_keep_to_the_contact_window_evenings_and_weekends_too(wanted: str, possible: str) -> None:
    assert next_possible(at(wanted), [], POLICY) == at(possible)


def test_d6_the_cap_names_the_next_possible_time() -> None:
    others = [at("2026-11-16T10:00"), at("2026-11-18T10:00")]
    assert next_possible(at("2026-11-20T10:00"), others, POLICY) == at("2026-11-23T08:00")
    assert next_possible(at("2026-11-20T10:00"), others[:1], POLICY) == at("2026-11-20T10:00")


def test_d6_the_cap_also_minds_appointments_planned_for_later() -> None:
    others = [at("2026-11-21T10:00"), at("2026-11-25T10:00")]
    assert next_possible(at("2026-11-20T10:00"), others, POLICY) == at("2026-11-28T08:00")


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(0, 60), st.integers(1, 3), st.integers(1, 10))
def test_d6_no_run_of_days_ever_holds_more_than_the_cap(asked: list[int], first: int, count: int, days: int) -> None:
    policy = ContactPolicy(time(8), time(21), count, days)
    made: list[datetime] = []
    for offset in [*asked, first]:
        made.append(next_possible(at("2026-11-01T12:00") + timedelta(days=offset), made, policy))
    booked = sorted(one.date() for one in made)
    for start in booked:
        assert sum(start <= day < start + timedelta(days=days) for day in booked) <= count


def test_d6_fits_cap_counts_runs_on_both_sides() -> None:
    assert not fits_cap(DAY, [DAY - timedelta(days=3), DAY + timedelta(days=3)], POLICY)
    assert fits_cap(DAY, [DAY - timedelta(days=4), DAY + timedelta(days=3)], POLICY)


@pytest.mark.parametrize(
    ("current", "outcome", "cause", "following"),
    [
        (STEWARD, "refused", "unknown", MANAGER),
        (STEWARD, "promised", "unknown", None),
        (STEWARD, "not_reached", "unknown", None),
        (STEWARD, "service_problem", "unknown", MANAGER),
        (MANAGER, "refused", "unknown", ON_SITE),
        (MANAGER, "refused", "dissatisfied", FIX),
        (MANAGER, "service_problem", "unknown", FIX),
        (ON_SITE, "service_problem", "unknown", FIX),
        (ON_SITE, "refused", "unknown", LETTER),
        (FIX, "service_problem", "unknown", None),
        (FIX, "fixed", "unknown", None),
        (FIX, "refused", "dissatisfied", LETTER),
        (LETTER, "refused", "unknown", None),
    ],
)
def test_d6_stages_advance_by_outcome(current: Stage, outcome: str, cause: str, following: Stage | None) -> None:
    assert next_stage(STAGES, current, outcome, DAY, DAY, cause) == following  # type: ignore[arg-type]


def test_d6_not_reached_goes_on_once_the_stages_days_are_over() -> None:
    assert next_stage(STAGES, STEWARD, "not_reached", DAY, DAY + timedelta(days=14), "unknown") is None
    assert next_stage(STAGES, STEWARD, "not_reached", DAY, DAY + timedelta(days=15), "unknown") == MANAGER


def test_d6_facts_end_and_pause_a_case() -> None:
    assert status_of(0, 0, complaint=True, plan=False) == "closed"
    assert status_of(2, 2, complaint=False, plan=False) == "closed", "FM3: nobody in credit is called on"
    assert status_of(2, 1, complaint=True, plan=False) == "paused"
    assert status_of(2, 1, complaint=False, plan=True) == "paused"
    assert status_of(2, 1, complaint=False, plan=False) == "active"
