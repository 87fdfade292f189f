"""LAW of a slice: what a unit owes by rate, and how it is cut among those who pay for it by day (B1, B3).

`bills/` computes the same amount in SQL for thousands of units at once; a property test holds the two equal.
Metered and shared fees have laws of their own, in `metered/` and `shared_costs/`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, TypedDict

from services.billing.charging.tariffs.rules import Rate
from services.common.contracts.answers.bills import RunStatus
from services.common.contracts.answers.explanations import MeteredInputs, SharedInputs
from services.common.domain.money import largest_remainder


class RatePiece(TypedDict):
    """The rate on the days, first and last inclusive, of one payer."""

    first_day: date
    last_day: date
    vacant: bool
    rate: Rate


class PiecewiseInputs(TypedDict):
    """What a line by rate was made from."""

    method: Literal["rate"]
    grade: str | None
    pieces: list[RatePiece]
    rounding_fen: int


@dataclass(frozen=True)
class Line:
    """One amount in fen that takes more than a rate and an area, and what it was made from (B1, A1).

    `inputs` are kept with the bill, so that it can be explained; a line of nothing becomes no bill. `vacant`: on all of
    its days; None where it does not matter.
    """

    unit_id: int
    household_id: int
    fee_item: str
    tariff_id: int
    amount_fen: int
    inputs: PiecewiseInputs | MeteredInputs | SharedInputs
    months: int = 1
    vacant: bool | None = None


@dataclass(frozen=True)
class Prices:
    """What a slice bills: `rates` for all its units but those `apart`, who get only `lines`, and lines for anybody.

    `months`: how many the bills by rate are for.
    """

    rates: Sequence[Rate]
    lines: Sequence[Line] = ()
    apart: Sequence[int] = ()
    months: int = 1


@dataclass(frozen=True)
class Stay:
    """Days, first and last inclusive, on which one household pays for a unit that is vacant, or is not."""

    first: date
    last: date
    vacant: bool


@dataclass(frozen=True)
class PayerShare:
    """What one payer owes of a unit's amount: the price on each of its stays, the sum in fen, and what rounding did.

    `rounding_fen`: the amount minus the payer's own exact sum rounded half up.
    """

    pieces: tuple[tuple[Stay, Rate], ...]
    amount_fen: int
    rounding_fen: int


def amount_fen(rate: Rate, area_m2: Decimal, *, vacant: bool) -> int:
    """The cycle's amount: every part exact, their sum over the days rounded once, half up to fen (B3)."""
    return _fen(price_days(rate, area_m2, vacant=vacant), rate.month_days)


def _fen(exact: Decimal, days: int) -> int:
    # floor((2x + d) / 2d) is half up of x / d without a division that could round on its own.
    return int((exact * 200 + days) // (2 * days))


def price_days(rate: Rate, area_m2: Decimal, *, vacant: bool) -> Decimal:
    """Yuan a month × days, exact: the amount before it is divided by `month_days` and rounded."""
    return area_m2 * rate.weight("per_area", vacant=vacant) + rate.weight("fixed", vacant=vacant)


def stays(first: date, last: date, *, status: str, move_in: date | None) -> list[Stay]:
    """The days from `first` to `last`, before and from the day on which the owner moved in (B3).

    `status` is that of all these days. Before it an occupied unit counts as vacant. A vacant one counts as vacant
    throughout, an unsold one never: it is the developer's at the full price.
    """
    if status != "occupied" or move_in is None or move_in <= first:
        return [Stay(first, last, status == "vacant")]
    if move_in > last:
        return [Stay(first, last, vacant=True)]
    return [Stay(first, move_in - timedelta(days=1), vacant=True), Stay(move_in, last, vacant=False)]


def split_by_day(rate: Rate, area_m2: Decimal, payers: Sequence[Sequence[Stay]]) -> list[PayerShare]:
    """An amount cut by the days of its payers; what each pays (A1, B3).

    The parts add up to the amount for all these days together, to the fen: what rounding leaves goes to the largest
    remainders.
    """
    pieces = [tuple((stay, rate.within(stay.first, stay.last)) for stay in payer) for payer in payers]
    exact = [_price_of_stays(payer, area_m2) for payer in pieces]
    parts = largest_remainder(_fen(sum(exact, Decimal(0)), rate.month_days), exact)
    own = [_fen(payer_exact, rate.month_days) for payer_exact in exact]
    return [PayerShare(p, fen, fen - mine) for p, fen, mine in zip(pieces, parts, own, strict=True)]


def _price_of_stays(pieces: Sequence[tuple[Stay, Rate]], area_m2: Decimal) -> Decimal:
    return sum((price_days(rate, area_m2, vacant=stay.vacant) for stay, rate in pieces), Decimal(0))


def run_status(slices: int, slices_done: int, slices_parked: int) -> RunStatus:
    """pending, running from the first slice that is done, done with the last; failed while a slice is parked."""
    if slices_done == slices:
        return "done"
    if slices_parked:
        return "failed"
    return "running" if slices_done else "pending"


def together(slices: Iterable[tuple[int, int]], most: int) -> list[list[int]]:
    """Slices that are asked for in one message, in their order, from (id, units).

    They have about `most` units: a slice goes with those before it as long as half of it fits beside them.
    """
    groups: list[list[int]] = []
    room = 0
    for slice_id, units in slices:
        if not groups or units > 2 * room:
            groups.append([])
            room = most
        groups[-1].append(slice_id)
        room = max(room - units, 0)
    return groups
