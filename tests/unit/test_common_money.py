from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.money import fen, half_up, yuan


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
