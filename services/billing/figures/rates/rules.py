"""LAW of figures (J1): rates as numbers between 0 and 1, and the months they are about."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.common.contracts.answers.rates import ReceivableByAge
from services.common.domain.calendar import add_months

LAST_MONTH = date(9999, 12, 1)
BUCKET_LABELS = ("not_due", "1-15", "16-30", "31-60", "61-365", "365+")


def rate(part_fen: int, whole_fen: int) -> float | None:
    """part ÷ whole; None where there is nothing to collect. More digits than any portfolio has fen are kept.

    A month in which more of the old arrears came back than was brought in has collected nothing of them, not less.
    """
    return max(0, part_fen) / whole_fen if whole_fen > 0 else None


def month(day: date) -> tuple[date, date]:
    """First and last day of the month of `day`."""
    first = day.replace(day=1)
    return first, add_months(first, 1) - timedelta(days=1)


def month_after(first: date) -> date:
    """The first day of the next month; the last day there is stands for what comes after it."""
    return date.max if first >= LAST_MONTH else add_months(first, 1)


def by_age(fen: Sequence[int]) -> ReceivableByAge:
    """Amounts by number of bucket, under the names of the buckets."""
    not_due, first, second, third, fourth, oldest = fen
    return ReceivableByAge(
        {"not_due": not_due, "1-15": first, "16-30": second, "31-60": third, "61-365": fourth, "365+": oldest}
    )
