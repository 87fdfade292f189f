from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.domain.money import fen, half_up, largest_remainder, yuan


@pytest.mark.parametrize(("amount", "rounded"), [("770.5", 771), ("771.4999", 771), ("0.5", 1), ("1.5", 2), ("0", 0)])
def test_half_goes_up(amount: str, rounded: int) -> None:
    assert half_up(Decimal(amount)) == rounded


def test_area_times_price_is_rounded_once() -> None:
    assert half_up(Decimal("87.33") * Decimal("2.35") * 100) == 20523


@pytest.mark.parametrize("text", ["1.234", "", "x", "NaN", "Infinity"])
def test_fen_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="decimals|number"):
        fen(text)


@given(st.integers(-(10**12), 10**12))
def test_fen_and_yuan_are_inverse(amount: int) -> None:
    assert fen(yuan(amount)) == amount


@given(st.integers(0, 10**9), st.lists(st.decimals(0, 10**5, places=2), min_size=1, max_size=30))
def test_b1_shares_add_up_to_the_total_and_none_is_a_fen_off(total: int, weights: list[Decimal]) -> None:
    parts = largest_remainder(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    if whole:
        assert all(abs(part - total * weight / whole) < 1 for part, weight in zip(parts, weights, strict=True))


def test_b1_what_is_left_goes_to_the_largest_remainders() -> None:
    assert largest_remainder(100, [Decimal(1), Decimal(1), Decimal(1)]) == [34, 33, 33]
    assert largest_remainder(10, [Decimal(0), Decimal(0)]) == [5, 5]
    with pytest.raises(ValueError, match="to share"):
        largest_remainder(1, [])
