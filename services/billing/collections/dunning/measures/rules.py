"""LAW of measures (D5, D8): bands of amounts, what arrears are grouped by, shares."""

from services.billing.collections.dunning.rules import BUCKETS
from services.common.contracts.answers.dunning import ArrearsBy

# name, first fen
AMOUNT_BANDS: tuple[tuple[str, int], ...] = (
    ("under 500", 0),
    ("500-1000", 500_00),
    ("1000-5000", 1_000_00),
    ("5000-20000", 5_000_00),
    ("20000+", 20_000_00),
)
WINDOWS = (7, 30)


def key_name(group_by: ArrearsBy, key: str | None) -> str | None:
    """What a group is called: buckets and bands come from the store as numbers."""
    if key is None or group_by not in ("bucket", "amount"):
        return key
    return BUCKETS[int(key) - 1][0] if group_by == "bucket" else AMOUNT_BANDS[int(key)][0]


def share(part: int, whole: int) -> float | None:
    """0–1 with four decimals; null of nothing."""
    return round(part / whole, 4) if whole else None
