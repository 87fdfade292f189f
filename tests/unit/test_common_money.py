from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.money import fen, half_up, largest_remainder, yuan


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


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(sum))
def test_largest_remainder_conserves_and_stays_within_one_fen(total: int, weights: list[int]) -> None:
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


@pytest.mark.parametrize("weights", [[0, 0], [-1, 2], []])
def test_largest_remainder_needs_something_to_share_by(weights: list[int]) -> None:
    with pytest.raises(ValueError):
        largest_remainder(100, weights)
