"""Metered fees, shared costs, cycles, payers by day: the laws and their properties (B1, B3)."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.charging.metered import rules as metered
from services.billing.charging.metered.rules import CoveredSpan, Reading, Span, Trouble
from services.billing.charging.shared_costs import rules as shared
from services.billing.charging.shared_costs.rules import Cost, SharingUnit
from services.billing.charging.slices import rules
from services.billing.charging.tariffs.cycles import BillingPolicy, Cycle, cycle_of, issued_in, usual_due_date
from services.billing.charging.tariffs.rules import TariffVersion, rates
from services.common.domain.calendar import WorkingCalendar

OCTOBER = date(2026, 10, 1)
LAST = date(2026, 10, 31)
QUANTITIES = st.decimals(0, 10_000, places=4)
PRICES = st.decimals(0, 100, places=4)
LIMITS = st.lists(st.decimals("0.01", 500, places=2), max_size=4, unique=True).map(sorted)


def version(number: int = 1, **changed: object) -> TariffVersion:
    fields: dict[str, object] = {
        "id": number,
        "fee_item": "water",
        "usage": "residential",
        "method": "metered",
        "version": number,
        "unit_price": Decimal("3.15"),
        "effective_from": date(2020, 1, 1),
        "effective_to": None,
        "vacancy_ratio": None,
        "published": True,
    }
    return TariffVersion(**(fields | changed))  # type: ignore[arg-type]


def read(*shown: tuple[str, str]) -> list[Reading]:
    return [Reading(date.fromisoformat(day), Decimal(value)) for day, value in shown]


def span(*shown: tuple[str, str], billed: tuple[CoveredSpan, ...] = ()) -> Span | Trouble:
    return metered.span("water", read(*shown), billed, OCTOBER, LAST)


def billed_span(opened: str, closed: str, value: str, period: str = "2026-09-01", since: str = "0") -> CoveredSpan:
    opening, closing = read((opened, since), (closed, value))
    return CoveredSpan(date.fromisoformat(period), opening, closing)


# --- which consumption ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "billed", "expected"),
    [
        # never billed: from the last reading before the month
        ([("2026-08-31", "90"), ("2026-09-30", "100"), ("2026-10-31", "112")], (), 12),
        # … or from the first ever
        ([("2026-10-05", "100"), ("2026-10-31", "112")], (), 12),
        # September was not read: October catches it up
        ([("2026-08-31", "90"), ("2026-10-31", "112")], (billed_span("2026-07-31", "2026-08-31", "90"),), 22),
        # September was read, but not billed
        (
            [("2026-08-31", "90"), ("2026-09-30", "95"), ("2026-10-31", "112")],
            (billed_span("2026-07-31", "2026-08-31", "90"),),
            22,
        ),
        # a reading corrected after it was billed counts as billed: nothing is lost, nothing billed twice
        ([("2026-09-30", "99"), ("2026-10-31", "112")], (billed_span("2026-08-31", "2026-09-30", "100"),), 12),
        # a later month was billed first
        (
            [("2026-09-30", "100"), ("2026-10-31", "112"), ("2026-11-30", "120")],
            (billed_span("2026-10-31", "2026-11-30", "120", "2026-11-01", "112"),),
            12,
        ),
        # … and the reading between the two was corrected since, up or down: they meet where the later one began
        (
            [("2026-09-30", "100"), ("2026-10-31", "120"), ("2026-11-28", "125")],
            (billed_span("2026-10-31", "2026-11-28", "125", "2026-11-01", "110"),),
            10,
        ),
        (
            [("2026-09-30", "100"), ("2026-10-31", "105"), ("2026-11-28", "125")],
            (billed_span("2026-10-31", "2026-11-28", "125", "2026-11-01", "110"),),
            10,
        ),
        # … or was taken anew on a later day of the month
        (
            [("2026-09-30", "100"), ("2026-10-28", "110"), ("2026-10-31", "113"), ("2026-11-28", "125")],
            (billed_span("2026-10-28", "2026-11-28", "125", "2026-11-01", "110"),),
            10,
        ),
    ],
)
def test_b1_a_meter_bills_from_where_it_was_billed(
    shown: list[tuple[str, str]], billed: tuple[CoveredSpan, ...], expected: int
) -> None:
    found = span(*shown, billed=billed)
    assert isinstance(found, Span)
    assert found.quantity == expected


@pytest.mark.parametrize(
    ("shown", "billed", "kind"),
    [
        ([("2026-09-30", "100")], (), "missing_reading"),
        ([("2026-10-31", "100")], (), "missing_reading"),
        ([("2026-09-30", "100"), ("2026-10-31", "99.9999")], (), "backward_reading"),
        ([("2026-09-30", "100"), ("2026-10-10", "5"), ("2026-10-31", "140")], (), "backward_reading"),
        (
            [("2026-09-30", "113"), ("2026-10-31", "112")],
            (billed_span("2026-08-31", "2026-09-30", "113"),),
            "backward_reading",
        ),
        # corrected down since: nothing runs backwards, but more is billed than was used
        (
            [("2026-09-30", "110"), ("2026-10-31", "112")],
            (billed_span("2026-08-31", "2026-09-30", "113"),),
            "billed_ahead",
        ),
        (
            [("2026-09-30", "100"), ("2026-10-15", "105")],
            (billed_span("2026-09-30", "2026-11-30", "120", "2026-11-01"),),
            "already_metered",
        ),
    ],
)
def test_b1_what_is_not_known_is_not_billed(
    shown: list[tuple[str, str]], billed: tuple[CoveredSpan, ...], kind: str
) -> None:
    found = span(*shown, billed=billed)
    assert isinstance(found, Trouble)
    assert found.kind == kind


@given(st.lists(st.tuples(st.integers(1, 28), st.booleans()), min_size=2, max_size=14), st.data())
def test_b1_no_unit_is_lost_and_none_billed_twice(months: list[tuple[int, bool]], data: st.DataObject) -> None:
    """Whatever months lack a reading and in whatever order months are billed: bills cover each span at most once."""
    shown, value = [], Decimal(0)
    for n, (day, was_read) in enumerate(months):
        value += data.draw(st.decimals(0, 50, places=4))
        if was_read:
            shown.append(Reading(date(2025 + n // 12, n % 12 + 1, day), value))
    billed: list[CoveredSpan] = []
    quantity = Decimal(0)
    for n in data.draw(st.permutations(range(len(months)))):
        month = Cycle(date(2025 + n // 12, n % 12 + 1, 1), 1)
        found = metered.span("water", [r for r in shown if r.on <= month.last], billed, month.first, month.last)
        if isinstance(found, Span):
            billed.append(CoveredSpan(month.first, found.opening, found.closing))
            quantity += found.quantity
    spans = sorted((one.opening.on, one.closing.on) for one in billed)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert quantity <= (shown[-1].value - shown[0].value if shown else 0)
    if [one.period for one in billed] == sorted(one.period for one in billed) and billed:
        assert quantity == billed[-1].closing.value - shown[0].value


def end_of(month: int) -> date:
    return Cycle(date(2025 + month // 12, month % 12 + 1, 1), 1).last


@given(st.integers(2, 8), st.lists(st.tuples(st.sampled_from("rac"), st.integers(1, 8), st.integers(0, 100))))
def test_fm5_bills_of_a_meter_add_up_to_it_whatever_is_corrected_and_billed_again(
    months: int, acts: list[tuple[str, int, int]]
) -> None:
    """Months are run, voided and billed again, readings corrected up and down, in any order; then all is caught up."""
    shown = {n: Decimal(100 * n) for n in range(months + 1)}
    bills: dict[int, CoveredSpan] = {}

    def run(n: int) -> None:
        readings = [Reading(end_of(k), shown[k]) for k in sorted(shown) if k <= n]
        month = Cycle(end_of(n).replace(day=1), 1)
        found = metered.span("water", readings, list(bills.values()), month.first, month.last)
        if isinstance(found, Span) and n not in bills and found.quantity:
            bills[n] = CoveredSpan(month.first, found.opening, found.closing)

    for act, number, percent in acts:
        n = min(number, months)
        if act == "c":  # between its neighbours, so that nothing runs backwards
            most = shown[n + 1] if n < months else shown[n - 1] + 200
            shown[n] = shown[n - 1] + (most - shown[n - 1]) * percent / 100
        elif act == "a":
            bills.pop(n, None)
        run(n)
    shown[months + 1] = Decimal(10_000)
    for n in range(1, months + 2):
        run(n)
    assert sum(bill.closing.value - bill.opening.value for bill in bills.values()) == shown[months + 1] - shown[0]


@pytest.mark.parametrize(
    ("meter", "items", "expected"),
    [
        ("water", ["water", "gas"], "water"),
        ("water-2", ["water", "gas"], "water"),
        ("water-hot-1", ["water", "water-hot"], "water-hot"),
        ("waterfall", ["water", "gas"], None),
        ("M-77", ["water", "gas"], None),
        ("M-77", ["water"], "water"),
    ],
)
def test_b1_a_meter_is_named_after_its_fee(meter: str, items: list[str], expected: str | None) -> None:
    assert metered.fee_item_of(meter, items) == expected


def test_b1_a_backward_meter_stops_all_of_a_units_a_silent_one_none() -> None:
    fine, silent, backward = span(("2026-09-30", "1"), ("2026-10-31", "2")), Trouble("missing_reading", ""), Trouble(
        "backward_reading", ""
    )  # fmt: skip
    assert metered.by_meter({"a": fine, "b": silent}) == ([fine], [])
    assert metered.by_meter({"a": fine, "b": backward}) == ([], [backward])
    assert metered.by_meter({"a": silent, "b": silent}) == ([], [silent])


# --- what it costs -------------------------------------------------------------------------------------------------


def tiered(limits: list[Decimal], prices: list[Decimal], base: Decimal) -> TariffVersion:
    return version(unit_price=base, tiers=tuple(zip(limits, prices, strict=False)))


def cost(quantity: Decimal, price: TariffVersion, months: int = 1) -> Decimal:
    return sum((tier.quantity * tier.unit_price for tier in metered.tiers(quantity, price, months)), Decimal(0))


def test_b1_tiers_in_words() -> None:
    price = tiered([Decimal(15), Decimal(25)], [Decimal("4.20"), Decimal("6.30")], Decimal("3.15"))
    assert cost(Decimal(30), price) == 15 * Decimal("3.15") + 10 * Decimal("4.20") + 5 * Decimal("6.30")
    assert cost(Decimal(30), price, months=2) == 30 * Decimal("3.15")  # caught up: the limits count twice
    assert cost(Decimal(15), price) == 15 * Decimal("3.15")


@given(QUANTITIES, LIMITS, PRICES, st.integers(1, 12))
def test_b1_tiers_of_one_price_cost_the_flat_price(
    quantity: Decimal, limits: list[Decimal], price: Decimal, months: int
) -> None:
    parts = metered.tiers(quantity, tiered(limits, [price] * len(limits), price), months)
    assert sum((part.quantity for part in parts), Decimal(0)) == quantity
    assert sum((part.quantity * part.unit_price for part in parts), Decimal(0)) == quantity * price


@given(QUANTITIES, QUANTITIES, LIMITS, st.lists(PRICES, min_size=5, max_size=5), st.integers(1, 12))
def test_b1_tiers_are_monotone(
    one: Decimal, other: Decimal, limits: list[Decimal], prices: list[Decimal], n: int
) -> None:
    price = tiered(limits, prices[1:], prices[0])
    assert cost(min(one, other), price, n) <= cost(max(one, other), price, n)


def test_b1_a_new_price_counts_by_its_days() -> None:
    found = span(("2026-09-30", "100"), ("2026-10-31", "131"))
    assert isinstance(found, Span)
    prices = [
        version(effective_to=date(2026, 10, 10)),
        version(2, unit_price=Decimal(5), effective_from=date(2026, 10, 11)),
    ]
    used = metered.consumption([found], prices, OCTOBER, LAST)
    assert [(one.version, one.days) for one in used.versions] == [(1, 10), (2, 21)]
    assert used.exact_yuan == Fraction(10) * Fraction("3.15") + 21 * 5
    assert used.amount_fen == 13_650


@pytest.mark.parametrize(
    ("opened", "expected"), [("2026-09-30", 1), ("2026-09-01", 1), ("2026-08-31", 2), ("2026-10-03", 1)]
)
def test_b1_limits_count_once_a_month(opened: str, expected: int) -> None:
    assert metered.limit_months(date.fromisoformat(opened), OCTOBER, LAST) == expected


@given(
    st.lists(st.tuples(st.integers(1, 40), st.decimals(0, 100, places=4)), min_size=1, max_size=5),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
)
def test_b1_payers_consumption_sums_to_the_whole(steps: list[tuple[int, Decimal]], cuts: list[int]) -> None:
    readings = [Reading(date(2026, 1, 1), Decimal(0))]
    for days, more in steps:
        readings.append(Reading(readings[-1].on + timedelta(days=days), readings[-1].value + more))
    one = Span("water", tuple(readings))
    ends = [date(2026, 1, 1)]
    for cut in cuts:
        ends.append(ends[-1] + timedelta(days=cut))
    ends.append(max(ends[-1], one.closing.on) + timedelta(days=1))
    payers = [[(begin + timedelta(days=1), end)] for begin, end in pairwise(ends)]
    weights = metered.payer_weights([one], payers)
    for weight, [(first, last)] in zip(weights, payers, strict=True):
        consumed = sum(
            Fraction(end.value - start.value) / (end.on - start.on).days
            for start, end in pairwise(readings)
            for n in range((end.on - start.on).days)
            if first <= start.on + timedelta(days=n + 1) <= last
        )
        assert Fraction(weight) * Fraction(one.quantity) == consumed * Fraction(sum(weights))


# --- shared costs --------------------------------------------------------------------------------------------------

UNITS = st.lists(
    st.builds(
        SharingUnit,
        id=st.integers(1, 10**6),
        building=st.sampled_from(["1", "2"]),
        usage=st.sampled_from(["residential", "commercial", "office"]),
        area_m2=st.decimals(0, 1_000, places=2),
        vacant=st.booleans(),
    ),
    max_size=40,
    unique_by=lambda unit: unit.id,
)


@given(UNITS, st.integers(1, 10**9), st.sampled_from(["", "1"]), st.sampled_from(["", "residential"]), st.booleans())
def test_b1_a_shared_cost_is_conserved(
    units: list[SharingUnit], fen: int, building: str, usage: str, discounted: bool
) -> None:
    ratio = Decimal("0.7") if discounted else None
    versions = [[version(usage=name, method="shared", vacancy_ratio=ratio)] for name in ("residential", "commercial")]
    prices = [price for price in (shared.shared_price(found, OCTOBER) for found in versions) if price]
    parts = shared.shares(Cost("light", OCTOBER, building, usage, fen), units, prices)
    bearing = {part.unit_id for part in parts}
    assert all(unit.usage != "office" for unit in units if unit.id in bearing)
    assert all(unit.building == building for unit in units if unit.id in bearing and building)
    assert sum(part.amount_fen for part in parts) == (fen if parts else 0)
    areas = {unit.id: unit for unit in units}
    for part in parts:
        unit = areas[part.unit_id]
        weight = unit.area_m2 * (Decimal("0.7") if discounted and unit.vacant else 1)
        exact = Fraction(fen) * Fraction(weight) / sum(Fraction(p.weight) for p in parts)
        assert abs(part.amount_fen - exact) < 1


def test_b1_the_tariffs_price_is_the_cost_where_none_is_recorded() -> None:
    begun = version(method="shared", unit_price=Decimal(310), effective_from=date(2026, 10, 11))
    price = shared.shared_price([begun], OCTOBER)
    assert price is not None
    assert shared.costs("light", OCTOBER, [price], []) == [Cost("light", OCTOBER, "", "residential", 21_000)]
    told = Cost("light", OCTOBER, "1", "", 5)
    assert shared.costs("light", OCTOBER, [price], [told]) == [told]
    assert shared.shared_price([version()], OCTOBER) is None


@given(st.integers(0, 10**7), st.lists(st.integers(1, 31), min_size=1, max_size=4))
def test_b1_payers_of_a_share_bear_it_whole(fen: int, days: list[int]) -> None:
    assert sum(shared.by_days(fen, days)) == fen


# --- cycles and days -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cycle", "timing", "month", "expected"),
    [
        ("monthly", "arrears", OCTOBER, Cycle(OCTOBER, 1)),
        ("monthly", "advance", OCTOBER, Cycle(OCTOBER, 1)),
        ("quarterly", "arrears", OCTOBER, None),
        ("quarterly", "arrears", date(2026, 12, 1), Cycle(OCTOBER, 3)),
        ("quarterly", "advance", OCTOBER, Cycle(OCTOBER, 3)),
        ("quarterly", "advance", date(2026, 12, 1), None),
        ("annual", "arrears", date(2026, 12, 1), Cycle(date(2026, 1, 1), 12)),
        ("annual", "advance", date(2026, 1, 1), Cycle(date(2026, 1, 1), 12)),
    ],
)
def test_b3_which_run_issues_which_cycle(cycle: str, timing: str, month: date, expected: Cycle | None) -> None:
    assert issued_in(cycle, timing, month) == expected


@pytest.mark.parametrize(
    ("timing", "offset", "month", "expected"),
    [
        ("arrears", 1, date(2026, 12, 1), date(2027, 1, 15)),
        ("arrears", 1, OCTOBER, date(2027, 1, 15)),
        ("advance", 0, OCTOBER, date(2026, 10, 15)),
        ("advance", 1, OCTOBER, date(2026, 9, 15)),
    ],
)
def test_b3_a_cycle_is_due_by_its_last_or_first_month(timing: str, offset: int, month: date, expected: date) -> None:
    policy = BillingPolicy("quarterly", timing, 15, offset, roll_to_working_day=False)
    assert usual_due_date(policy, month, WorkingCalendar()) == expected


def test_b3_months_that_are_billed_are_left_out() -> None:
    quarter = cycle_of("quarterly", date(2026, 11, 1))
    assert quarter.without([]) == [quarter]
    assert quarter.without([Cycle(OCTOBER, 1)]) == [Cycle(date(2026, 11, 1), 2)]
    assert quarter.without([Cycle(date(2026, 11, 1), 1)]) == [Cycle(OCTOBER, 1), Cycle(date(2026, 12, 1), 1)]
    assert quarter.without([Cycle(date(2026, 1, 1), 12)]) == []


RATED = st.fixed_dictionaries(
    {
        "price": st.decimals(0, 100, places=4),
        "ratio": st.none() | st.decimals(0, 1, places=4),
        "from_day": st.integers(0, 100),
    }
)


@given(
    area=st.decimals(0, 1_000, places=2),
    priced=st.lists(RATED, min_size=1, max_size=3, unique_by=lambda one: one["from_day"]),
    cycle=st.sampled_from(["monthly", "quarterly", "annual"]),
    cuts=st.lists(st.integers(1, 400), max_size=3, unique=True).map(sorted),
    move_in=st.none() | st.integers(-10, 400),
)
def test_b3_payers_days_sum_to_the_whole(
    area: Decimal, priced: list[dict[str, object]], cycle: str, cuts: list[int], move_in: int | None
) -> None:
    """However a cycle is cut among payers: versions by day over all its months, vacancy until the owner moved in."""
    months = cycle_of(cycle, date(2028, 2, 1))
    versions = [
        version(
            number, method="per_area", unit_price=one["price"], vacancy_ratio=one["ratio"],
            effective_from=months.first + timedelta(days=int(str(one["from_day"]))),
        )
        for number, one in enumerate(priced, 1)
    ]  # fmt: skip
    [*found] = rates(versions, months.first, months.months)
    moved = None if move_in is None else months.first + timedelta(days=move_in)
    inner = [day for cut in cuts if months.first < (day := months.first + timedelta(days=cut)) <= months.last]
    edges = [months.first, *inner, months.last + timedelta(days=1)]
    for rate in found:
        stays = [rules.stays(a, b - timedelta(days=1), status="occupied", move_in=moved) for a, b in pairwise(edges)]
        shares = rules.split_by_day(rate, area, stays)
        exact = Fraction(0)
        day = months.first
        while day <= months.last:
            held = rate.within(day, day).parts
            length = 29 if day.month == 2 else 30 if day.month in (4, 6, 9, 11) else 31
            for part in held:
                vacant = moved is not None and day < moved
                ratio = part.vacancy_ratio if vacant and part.vacancy_ratio is not None else Decimal(1)
                exact += Fraction(area) * Fraction(part.unit_price) * Fraction(ratio) / length
            day += timedelta(days=1)
        assert sum(share.amount_fen for share in shares) == floor(exact * 100 + Fraction(1, 2))
        assert all(abs(share.rounding_fen) <= 1 for share in shares)


def test_b1_a_grade_without_factor_has_no_price() -> None:
    graded = version(method="per_area", unit_price=Decimal(2), grade_factors={"A": Decimal("1.2")})
    [rate] = rates([graded], OCTOBER)
    for grade, expected in (("A", 24_000), ("B", None), (None, None)):
        found = rate.for_grade(grade)
        assert (found and rules.amount_fen(found, Decimal(100), vacant=False)) == expected
    [rate] = rates([version(method="per_area", grade_factors={"A": Decimal(2), "*": Decimal(1)})], OCTOBER)
    assert rate.for_grade(None) == rate.for_grade("C") != rate.for_grade("A")
