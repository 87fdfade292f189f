"""LAW of money: it is integer fen (分). Rounding happens here and nowhere else: half up, to the fen."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from math import lcm


def half_up(amount: Decimal) -> int:
    """`amount` (of fen) rounded half up, away from zero on a tie: 770.5 → 771."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def fen(yuan_amount: str | Decimal) -> int:
    """Exact yuan → fen; ValueError when it is no number or has more than two decimals."""
    try:
        value = Decimal(yuan_amount) * 100
    except InvalidOperation as error:
        raise ValueError("not a number") from error
    if not value.is_finite():
        raise ValueError("not a number")
    if value != value.to_integral_value():
        raise ValueError("more than two decimals")
    return int(value)


def yuan(fen_amount: int) -> str:
    """Fen → yuan as text with two decimals: 20523 → "205.23"."""
    sign = "-" if fen_amount < 0 else ""
    whole, rest = divmod(abs(fen_amount), 100)
    return f"{sign}{whole}.{rest:02d}"


def largest_remainder(total: int, weights: Sequence[Decimal]) -> list[int]:
    """Share `total` fen in proportion to `weights` so that the parts add up to it exactly (B1).

    Each part is its exact share cut off; what that leaves goes, one fen each, to the largest remainders, ties to the
    first. Weights are not negative; where all are 0 the parts are equal. ValueError without weights or for a debt.
    """
    if not weights or total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("a total from 0 on, to share by at least one weight, none of them negative")
    numbers = _whole(weights)
    whole = sum(numbers)
    parts = [total * number // whole for number in numbers]
    remainders = [total * number % whole for number in numbers]
    most = sorted(range(len(parts)), key=lambda i: -remainders[i])
    for i in most[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _whole(weights: Sequence[Decimal]) -> list[int]:
    """The same proportions in whole numbers."""
    if not any(weights):
        return [1] * len(weights)
    ratios = [weight.as_integer_ratio() for weight in weights]
    common = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (common // denominator) for numerator, denominator in ratios]
