"""J3: the planned share by day, who is below it, and which year's calendar is missing."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.billing.figures.warnings.rules import Point, Standing, complaints, planned, shortfall, years_missing
from services.common.calendar import WorkingCalendar

JUNE = date(2026, 6, 1)
END = [Point(31, Decimal("0.9"))]
CURVE = [Point(10, Decimal("0.2")), Point(20, Decimal("0.8")), Point(31, Decimal("0.98"))]
shares = st.decimals(0, 1, places=4)


@st.composite
def curves(draw: st.DrawFn) -> list[Point]:
    days = sorted(draw(st.sets(st.integers(1, 31), min_size=1, max_size=6)))
    rates = sorted(draw(st.lists(shares, min_size=len(days), max_size=len(days))))
    return [Point(day, rate) for day, rate in zip(days, rates, strict=True)]


def of(billed: int, collected: int) -> Standing:
    return Standing(1, "E1", billed, collected)


def test_j3_a_single_rate_is_the_target_of_the_months_end() -> None:
    assert planned(END, date(2026, 6, 30)) == Decimal("0.9")
    assert planned(END, date(2026, 2, 28)) == Decimal("0.9")
    assert planned(END, date(2026, 6, 10)) == Decimal("0.3")


def test_j3_between_points_a_straight_line_and_after_the_last_its_share() -> None:
    assert planned(CURVE, date(2026, 6, 5)) == Decimal("0.1")
    assert planned(CURVE, date(2026, 6, 10)) == Decimal("0.2")
    assert planned(CURVE, date(2026, 6, 15)) == Decimal("0.5")
    assert planned(CURVE[:2], date(2026, 6, 25)) == Decimal("0.8")


@given(curves(), st.integers(0, 27))
def test_j3_a_plan_never_falls_and_stays_a_share(curve: list[Point], offset: int) -> None:
    assert complaints(curve) == []
    day = date(2026, 2, 1) + timedelta(days=offset)
    share = planned(curve, day)
    assert 0 <= share <= curve[-1].rate
    assert day.day == 1 or planned(curve, day - timedelta(days=1)) <= share


def test_j3_below_plan_is_exact_to_the_fen() -> None:
    day = date(2026, 6, 10)
    assert shortfall(of(1000, 300), END, day) is None
    found = shortfall(of(1001, 300), END, day)
    assert found is not None
    assert found.missing_fen == 1
    assert found.gap == Decimal("0.3") - Decimal(300) / 1001


@given(curves(), st.integers(1, 10**9), st.integers(0, 10**9), st.integers(1, 28))
def test_j3_what_is_missing_is_just_enough(curve: list[Point], billed: int, collected: int, day: int) -> None:
    on = JUNE.replace(day=day)
    found = shortfall(of(billed, collected), curve, on)
    if found is None:
        assert planned(curve, on) * billed <= collected
    else:
        assert shortfall(of(billed, collected + found.missing_fen), curve, on) is None
        assert shortfall(of(billed, collected + found.missing_fen - 1), curve, on) is not None


def test_j3_nothing_due_is_not_below_plan() -> None:
    assert shortfall(of(0, 0), END, JUNE) is None


def test_j3_a_curve_rises() -> None:
    assert [error["loc"] for error in complaints([])] == ["curve"]
    falling = [Point(10, Decimal("0.5")), Point(10, Decimal("0.4"))]
    assert [error["loc"] for error in complaints(falling)] == ["curve.1.day", "curve.1.rate"]


def test_j3_next_years_calendar_is_missed_in_time() -> None:
    known = WorkingCalendar(announced=frozenset({2026}))
    assert list(years_missing(known, date(2026, 11, 16), 45)) == []
    assert list(years_missing(known, date(2026, 11, 17), 45)) == [2027]
    assert list(years_missing(known, date(2027, 1, 5), 45)) == [2027]
    assert list(years_missing(WorkingCalendar(announced=frozenset({2026, 2027})), date(2026, 12, 31), 45)) == []
