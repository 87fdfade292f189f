"""How households pay: the four kinds of payer and their delays. Pure numbers, no dates.

The shares are those of the sector: 75 % on time, 10 % within 30 days, 7 % within a year, 8 % later or never. A
household keeps its kind: who does not pay in one month did not pay in the month before, and who is unhappy with the
service pays late (that is the loop the product closes).
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Payer:
    """One kind of payer: `delay_days` is the band of days from the due date to the payment.

    `settles` says whether every bill is paid in the end; `complains` is the share that has a complaint on file.
    """

    name: str
    share: float
    delay_days: tuple[int, int]
    settles: bool
    complains: float


ON_TIME = Payer("on_time", 0.75, (-14, 0), True, 0.01)
LATE_30 = Payer("late_30", 0.10, (1, 30), True, 0.04)
LATE_YEAR = Payer("late_year", 0.07, (31, 365), True, 0.12)
HARD_CORE = Payer("hard_core", 0.08, (366, 720), False, 0.30)
PAYERS = (ON_TIME, LATE_30, LATE_YEAR, HARD_CORE)

HARD_CORE_PAYS = 0.5  # the chance that a hard-core payer settles one more bill before it stops for good
JITTER_DAYS = 10


def habit(random: Random, payer: Payer) -> int:
    """The usual delay of one household in days: its own point in the band of its kind."""
    return random.randint(*payer.delay_days)


def delay(random: Random, payer: Payer, usual: int) -> int | None:
    """Days from the due date to the payment of one bill; None when it will never be paid."""
    if not payer.settles and random.random() >= HARD_CORE_PAYS:
        return None
    low, high = payer.delay_days
    return min(max(usual + random.randint(-JITTER_DAYS, JITTER_DAYS), low), high)
