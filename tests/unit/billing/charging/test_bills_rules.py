"""The amount rule, tariff versions within a month, and due dates (B1, B3)."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.charging.bills.views import rules as views
from services.billing.charging.slices.rules import amount_fen, run_status, together
from services.billing.charging.tariffs.coverage import tariff_anomalies
from services.billing.charging.tariffs.cycles import BillingPolicy, Cycle, due_date, usual_due_date
from services.billing.charging.tariffs.rules import Part, Rate, TariffVersion, rates
from services.common.domain.calendar import WorkingCalendar

OCTOBER = date(2026, 10, 1)
DEFAULT = BillingPolicy("monthly", "arrears", due_day=15, month_offset=1, roll_to_working_day=False)


def version(number: int = 1, **changed: object) -> TariffVersion:
    fields: dict[str, object] = {
        "id": number,
        "fee_item": "property",
        "usage": "residential",
        "method": "per_area",
        "version": number,
        "unit_price": Decimal("2.35"),
        "effective_from": date(2026, 1, 1),
        "effective_to": None,
        "vacancy_ratio": None,
        "published": True,
    }
    return TariffVersion(**(fields | changed))  # type: ignore[arg-type]


def billed(versions: list[TariffVersion], area: str = "100", *, vacant: bool = False, period: date = OCTOBER) -> int:
    [rate] = rates(versions, period)
    return amount_fen(rate, Decimal(area), vacant=vacant)


def test_per_area_is_rounded_half_up_once() -> None:
    assert billed([version()], "87.33") == 20_523  # 205.2255
    assert billed([version(unit_price=Decimal("0.005"))], "1") == 1  # a tie goes up


def test_fixed_ignores_the_area() -> None:
    assert billed([version(method="fixed", unit_price=Decimal(120))], "0") == 12_000


def test_vacancy_ratio_counts_for_vacant_units_only() -> None:
    reduced = [version(vacancy_ratio=Decimal("0.7"))]
    assert billed(reduced, vacant=True) == 16_450
    assert billed(reduced, vacant=False) == 23_500
    assert billed([version()], vacant=True) == 23_500


def test_two_versions_in_a_month_are_split_by_day_and_rounded_once() -> None:
    versions = [version(1), version(2, unit_price=Decimal("2.50"), effective_from=date(2026, 10, 11))]
    exact = Fraction("87.33") * (Fraction("2.35") * 10 + Fraction("2.5") * 21) / 31 * 100
    assert billed(versions, "87.33") == floor(exact + Fraction(1, 2))
    assert rates(versions, OCTOBER)[0].tariff_id == 2


def test_days_outside_every_version_are_not_charged() -> None:
    assert billed([version(effective_from=date(2026, 10, 17))], "31") == 3_525  # 15 of 31 days: 15 × 2.35
    assert billed([version(effective_to=date(2026, 10, 1))], "31") == 235


def test_a_newer_version_ends_an_older_one() -> None:
    versions = [version(1, effective_to=date(2030, 1, 1)), version(2, effective_from=date(2026, 9, 1))]
    [rate] = rates(versions, OCTOBER)
    assert [part.tariff_id for part in rate.parts] == [2]


def test_an_unpublished_version_neither_bills_nor_ends_another() -> None:
    versions = [version(1), version(2, effective_from=date(2026, 10, 11), published=False)]
    [rate] = rates(versions, OCTOBER)
    assert [(part.tariff_id, part.days) for part in rate.parts] == [(1, 31)]


def test_no_version_in_the_month_is_no_rate() -> None:
    assert rates([version(effective_from=date(2026, 11, 1))], OCTOBER) == []
    assert rates([version(effective_to=date(2026, 9, 30))], OCTOBER) == []


def test_b1_metered_and_shared_fees_are_no_rates() -> None:
    versions = [version(method="metered", fee_item="water"), version(2), version(3, method="shared", fee_item="light")]
    assert [rate.fee_item for rate in rates(versions, OCTOBER)] == ["property"]
    assert tariff_anomalies(versions, Cycle(OCTOBER, 1)) == []


def test_an_estate_without_a_published_tariff_is_told() -> None:
    assert [a.kind for a in tariff_anomalies([], Cycle(OCTOBER, 1))] == ["no_published_tariff"]
    waiting = tariff_anomalies([version(published=False)], Cycle(OCTOBER, 1))
    assert [a.kind for a in waiting] == ["no_published_tariff", "unpublished_tariff"]
    assert tariff_anomalies([version()], Cycle(OCTOBER, 1)) == []


@given(
    area=st.decimals(0, 10_000, places=2),
    prices=st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=3),
    days=st.lists(st.integers(1, 10), min_size=3, max_size=3),
    ratio=st.none() | st.decimals(0, 1, places=4),
    vacant=st.booleans(),
)
def test_amount_is_the_exact_sum_rounded_half_up(
    area: Decimal, prices: list[Decimal], days: list[int], ratio: Decimal | None, vacant: bool
) -> None:
    parts = [
        Part(i, i, "per_area", p, ratio, d, date(2026, 10, 1))
        for i, (p, d) in enumerate(zip(prices, days, strict=False), 1)
    ]
    factor = Fraction(ratio) if vacant and ratio is not None else Fraction(1)
    exact = sum(Fraction(area) * Fraction(p.unit_price) * p.days * factor for p in parts) / 31 * 100
    rate = Rate("property", "residential", 31, tuple(parts))
    assert amount_fen(rate, area, vacant=vacant) == floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, date(2026, 11, 15)),
        ({"month_offset": 0}, date(2026, 10, 15)),
        ({"timing": "advance"}, date(2026, 9, 15)),
        ({"due_day": 31}, date(2026, 11, 30)),
        ({"due_day": 31, "month_offset": 4}, date(2027, 2, 28)),
        ({"roll_to_working_day": True}, date(2026, 11, 16)),  # the 15th is a Sunday
    ],
)
def test_due_date_follows_the_policy(changed: dict[str, object], expected: date) -> None:
    policy = BillingPolicy(**(vars(DEFAULT) | changed))  # type: ignore[arg-type]
    assert usual_due_date(policy, OCTOBER, WorkingCalendar()) == expected


@pytest.mark.parametrize(
    ("issued_on", "changed", "expected"),
    [
        ("2026-10-20", {}, "2026-11-15"),
        ("2026-10-31", {}, "2026-11-15"),
        ("2026-11-01", {}, "2026-11-16"),
        ("2026-11-29", {}, "2026-12-14"),
        ("2026-11-29", {"timing": "advance"}, "2026-12-14"),
        ("2026-11-21", {"roll_to_working_day": True}, "2026-12-07"),  # the 6th is a Sunday
        ("2026-11-21", {"notice_days": 0}, "2026-11-21"),
        ("2026-11-10", {"notice_days": 0}, "2026-11-15"),
    ],
)
def test_fm10_no_bill_is_due_before_its_notice_is_over(
    issued_on: str, changed: dict[str, object], expected: str
) -> None:
    policy = BillingPolicy(**(vars(DEFAULT) | changed))  # type: ignore[arg-type]
    due = due_date(policy, OCTOBER, date.fromisoformat(issued_on), WorkingCalendar())
    assert due == date.fromisoformat(expected)


def test_due_date_in_a_leap_year() -> None:
    policy = BillingPolicy("monthly", "arrears", due_day=30, month_offset=1, roll_to_working_day=False)
    assert usual_due_date(policy, date(2028, 1, 1), WorkingCalendar()) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("slices", "done", "parked", "expected"),
    [
        (0, 0, 0, "done"),
        (3, 0, 0, "pending"),
        (3, 1, 0, "running"),
        (3, 1, 1, "failed"),
        (3, 3, 0, "done"),
    ],
)
def test_run_status(slices: int, done: int, parked: int, expected: str) -> None:
    assert run_status(slices, done, parked) == expected


def used(*parts: dict[str, object], month_days: int = 31) -> dict[str, object]:
    return {"month_days": month_days, "parts": list(parts)}


def part(**changed: object) -> dict[str, object]:
    whole = {"version": 1, "method": "per_area", "unit_price": "2.3500", "vacancy_ratio": None, "days": 31}
    return whole | changed


def test_formula_of_a_whole_month() -> None:
    terms = views.rate_terms(Decimal("87.33"), views.parts_of(used(part()), vacant=False, grade=None))
    assert views.formula(terms) == "87.33 × 2.35 = 205.2255"
    told = views.explanation(terms, 20_523, 0)
    assert told["zh-CN"] == "87.33 m² × 2.35 元/m²·月 = 205.2255 元，四舍五入到分：205.23 元"
    assert told["en"].endswith("= 205.2255 yuan, rounded half up to the fen: 205.23 yuan")


def test_formula_of_a_split_month_with_vacancy() -> None:
    rate = used(part(days=10, vacancy_ratio="0.7000"), part(version=2, unit_price="2.5000", days=21))
    terms = views.rate_terms(Decimal("100.00"), views.parts_of(rate, vacant=True, grade=None))
    assert views.formula(terms) == "100 × 2.35 × 10/31 × 0.7 + 100 × 2.5 × 21/31 ≈ 222.41935484"


@pytest.mark.parametrize(
    ("amount", "paid", "waived", "voided", "expected"),
    [
        (100, 0, 0, False, "open"),
        (100, 1, 0, False, "partially_paid"),
        (100, 0, 1, False, "partially_paid"),
        (100, 60, 40, False, "paid"),
        (100, 100, 0, True, "void"),
    ],
)
def test_status_of_a_bill(amount: int, paid: int, waived: int, voided: bool, expected: str) -> None:
    assert views.status(amount, paid, waived, is_void=voided) == expected


@pytest.mark.parametrize(
    ("units", "groups"),
    [
        ([], []),
        ([5_000, 5_000, 12], [[0], [1], [2]]),
        ([1_667] * 7, [[0, 1, 2], [3, 4, 5], [6]]),
        ([4_000, 2_000, 0], [[0, 1, 2]]),
        ([4_000, 2_001, 0], [[0], [1, 2]]),
    ],
)
def test_b4_small_slices_share_a_message(units: list[int], groups: list[list[int]]) -> None:
    assert together(enumerate(units), 5_000) == groups


@given(st.lists(st.integers(0, 5_000)))
def test_b4_every_slice_is_in_one_message_of_bounded_size(units: list[int]) -> None:
    groups = together(enumerate(units), 5_000)
    assert [slice_id for group in groups for slice_id in group] == list(range(len(units)))
    assert all(sum(units[slice_id] for slice_id in group) <= 7_500 for group in groups)
