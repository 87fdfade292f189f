"""Late fee a second time and in another way: one day after the other, in whole hundred-millionths of a fen (C1)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

E8 = 10**8
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Terms:
    """By which an estate charges late fee; `rates`: (first day, daily), oldest first."""

    has_clause: bool
    is_capped: bool
    grace_days: int
    is_from_due: bool
    rates: Sequence[tuple[date, Decimal]]

    def daily_e8(self, day: date) -> int:
        """The rate of a day."""
        return next((int(daily * E8) for since, daily in reversed(self.rates) if since <= day), 0)

    def spared_until(self, due: date) -> date:
        """The last day of grace, in this calendar."""
        return date.fromordinal(min(due.toordinal() + self.grace_days, date.max.toordinal() - 1))


def late_fee_fen(terms: Terms, amount_fen: int, due: date, moved: Sequence[tuple[date, int]], as_of: date) -> int:
    """All that accrued by the end of a day, settled or not; `moved`: what each day changed of what was open.

    The day of a payment still counts on the balance before it. What was paid within the days of grace never was late.
    """
    spared = terms.spared_until(due)
    if not terms.has_clause or as_of <= spared:
        return 0
    changes: dict[date, int] = defaultdict(int)
    for on, fen in moved:
        changes[max(on, spared)] += fen
    day, exact_e8, open_fen = due, 0, amount_fen + changes.pop(spared, 0)
    while day < as_of and (open_fen > 0 or changes):
        day += DAY
        if terms.is_from_due or day > spared:
            exact_e8 += max(0, open_fen) * terms.daily_e8(day)
        open_fen += changes.pop(day, 0)
    fee = (2 * exact_e8 + E8) // (2 * E8)
    return min(fee, amount_fen) if terms.is_capped else fee
