from datetime import UTC, date, datetime

import pytest

from services.common.domain.calendar import (
    WorkingCalendar,
    add_months,
    business_date,
    end_of_business_day,
    format_period,
    month_length,
    parse_period,
)

CALENDAR = WorkingCalendar()


def test_the_business_day_turns_at_sixteen_utc() -> None:
    assert business_date(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 1)
    assert business_date(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == date(2026, 3, 2)
    assert end_of_business_day(date(2026, 3, 1)).astimezone(UTC) == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)


def test_an_instant_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        business_date(datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("received", "days", "expected"),
    [
        (date(2026, 2, 13), 2, date(2026, 2, 24)),
        (date(2026, 2, 13), 7, date(2026, 3, 2)),
        (date(2025, 9, 26), 2, date(2025, 9, 29)),
        (date(2025, 9, 26), 7, date(2025, 10, 13)),
    ],
)
def test_h2_worked_examples(received: date, days: int, expected: date) -> None:
    assert CALENDAR.add_working_days(received, days) == expected


def test_an_unannounced_year_is_provisional_and_counts_weekends_only() -> None:
    assert not CALENDAR.is_provisional(2026)
    assert CALENDAR.is_provisional(2027)
    assert CALENDAR.is_working(date(2027, 10, 1)), "a Friday; nobody has announced the National Day of 2027 yet"
    assert not CALENDAR.is_working(date(2027, 10, 2))


def test_the_override_table_wins_and_an_announcement_ends_the_provisional_state() -> None:
    announced = WorkingCalendar({date(2027, 10, 1): False}, frozenset({2027}))
    assert not announced.is_working(date(2027, 10, 1))
    assert not announced.is_provisional(2027)
    assert announced.add_working_days(date(2027, 9, 30), 1) == date(2027, 10, 4)


def test_months() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2026, 11, 1), 2, on_day=15) == date(2027, 1, 15)
    assert add_months(date(2026, 1, 15), -1) == date(2025, 12, 15)
    assert month_length(date(2028, 2, 1)) == 29


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "202610", "2026-10-01", "x", "0000-01", "1899-12", "3000-01"])
def test_a_period_is_a_month(text: str) -> None:
    with pytest.raises(ValueError):
        parse_period(text)


def test_periods_go_there_and_back() -> None:
    for period in ("2026-10", "1900-01", "2999-12"):
        assert format_period(parse_period(period)) == period
