"""Money is integer fen (分). Rounding happens here and nowhere else: half up, to the fen."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation


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
