"""Clock law (G2, H2): wall and working clocks, pauses, working-day commitments with 调休."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.domain.calendar import SHANGHAI, WorkingCalendar
from services.common.sla.rules import CLOCKS, Clock, Limit, Running, advance, commitment, elapsed, is_overdue, outcome

CALENDAR = WorkingCalendar()
NOON = datetime(2026, 9, 30, 12, 0, tzinfo=SHANGHAI)  # the eve of the National Day week, 1 to 7 October


def test_wall_clock_knows_no_holidays() -> None:
    limit = Limit(24 * 60)
    assert limit.ends(NOON, CALENDAR) == NOON + timedelta(hours=24)
    assert Running(limit, NOON).reaches(80, CALENDAR) == NOON + timedelta(hours=19, minutes=12)


def test_working_clock_stands_still_over_the_holidays() -> None:
    # 12 h are left of 30 September, the rest runs on Thursday 8 October
    assert advance(NOON, timedelta(hours=24), "working", CALENDAR) == datetime(2026, 10, 8, 12, 0, tzinfo=SHANGHAI)
    assert elapsed(NOON, datetime(2026, 10, 8, 12, 0, tzinfo=SHANGHAI), "working", CALENDAR) == timedelta(hours=24)


def test_working_clock_answers_in_the_zone_it_was_asked_in() -> None:
    assert advance(NOON.astimezone(UTC), timedelta(hours=1), "working", CALENDAR).tzinfo is UTC


@given(
    start=st.integers(0, 720).map(lambda hours: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=17 * hours)),
    minutes=st.integers(0, 60 * 24 * 20),
    clock=st.sampled_from(CLOCKS),
)
def test_elapsed_undoes_advance(start: datetime, minutes: int, clock: Clock) -> None:
    span = timedelta(minutes=minutes)
    assert elapsed(start, advance(start, span, clock, CALENDAR), clock, CALENDAR) == span


def test_pause_keeps_what_was_used_and_resuming_runs_the_rest() -> None:
    running = Running(Limit(48 * 60), NOON)
    paused = running.paused(NOON + timedelta(hours=10), CALENDAR)
    assert paused.reaches(100, CALENDAR) is None
    assert paused.used_at(NOON + timedelta(days=30), CALENDAR) == timedelta(hours=10)
    resumed = paused.resumed(NOON + timedelta(days=5))
    assert resumed.reaches(100, CALENDAR) == NOON + timedelta(days=5, hours=38)
    assert resumed.used_at(NOON + timedelta(days=5, hours=1), CALENDAR) == timedelta(hours=11)


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        (date(2026, 2, 13), 2, date(2026, 2, 24)),
        (date(2026, 2, 13), 7, date(2026, 3, 2)),
        (date(2025, 9, 26), 2, date(2025, 9, 29)),
        (date(2025, 9, 26), 7, date(2025, 10, 13)),
    ],
)
def test_worked_examples_of_commitments(received: date, days: int, due: date) -> None:
    at = datetime(received.year, received.month, received.day, 9, 30, tzinfo=SHANGHAI)
    promised = commitment(at, days, CALENDAR)
    assert promised.day == due
    assert not promised.provisional
    last = datetime(due.year, due.month, due.day, 23, 59, 59, 999_999, tzinfo=SHANGHAI)
    assert promised.until == last
    assert outcome(last, promised.until) == "met"
    assert outcome(last + timedelta(microseconds=1), promised.until) == "breached"


def test_commitment_counts_from_the_day_in_shanghai() -> None:
    late_evening_utc = datetime(2026, 2, 12, 17, 0, tzinfo=UTC)  # already the 13th in Shanghai
    assert commitment(late_evening_utc, 2, CALENDAR).day == date(2026, 2, 24)


def test_commitment_into_a_year_nobody_announced_is_provisional() -> None:
    received = datetime(2026, 12, 30, 9, 0, tzinfo=SHANGHAI)
    assert commitment(received, 7, CALENDAR).provisional
    assert not commitment(received, 1, CALENDAR).provisional
    known = WorkingCalendar({date(2027, 1, 1): False}, CALENDAR.announced | {2027})
    assert commitment(received, 2, CALENDAR).day == date(2027, 1, 1)
    assert commitment(received, 2, known).day == date(2027, 1, 4)
    assert not commitment(received, 2, known).provisional


def test_overdue_is_only_what_is_still_to_be_done() -> None:
    later = NOON + timedelta(seconds=1)
    assert is_overdue(NOON, None, later)
    assert not is_overdue(NOON, None, NOON)
    assert not is_overdue(NOON, later, later)
    assert not is_overdue(None, None, later)
