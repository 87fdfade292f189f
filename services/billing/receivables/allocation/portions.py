"""LAW of prepaid balance as allocation sees it: portions are money of their day, and what they give bills is a use.

What a portion gives a bill counts from the later of the day its money came and the bill's first day (ADR 17).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.billing.receivables.allocation.rules import Money, Placement, Share, share_events, within_of
from services.billing.receivables.late_fee.rules import OpenBill
from services.billing.receivables.ledger.prepaid import Portion, Prepaid, Use
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Account,
    Bill,
    BookingDay,
    Movement,
    MovementKind,
)

KINDS: Mapping[str, MovementKind] = {RECEIVABLE: "credit_applied", LATE_FEE_INCOME: "credit_applied_late_fee"}


@dataclass(frozen=True)
class Designation:
    """Bills that come first, in order; for all prepaid balance, or only for what the void of a bill gave back."""

    bill_ids: Sequence[int] = ()
    void_id: int | None = None


def moneys(account: Account, prepaid: Prepaid, designation: Designation, now: datetime) -> list[Money]:
    """What is free, as money of the days it came."""
    portions = []
    for portion in prepaid.portions:
        meant_fen = min(portion.fen, _meant_fen(prepaid, portion, designation))
        portions += [(portion.on, meant_fen, tuple(designation.bill_ids)), (portion.on, portion.fen - meant_fen, ())]
    return [_money(account, index, on, fen, now, ids) for index, (on, fen, ids) in enumerate(portions) if fen]


def _meant_fen(prepaid: Prepaid, portion: Portion, designation: Designation) -> int:
    """How much of a day's money is meant for the bills that are named."""
    if designation.void_id is None:
        return portion.fen
    return sum(release.fen for release in prepaid.releases.get(designation.void_id, ()) if release.on == portion.on)


def of_days(account: Account, fen_by_day: Mapping[date, int], now: datetime) -> list[Money]:
    """Money of some days, meant for no bill."""
    return [
        _money(account, index, on, fen, now, ()) for index, (on, fen) in enumerate(sorted(fen_by_day.items())) if fen
    ]


def _money(account: Account, index: int, on: date, fen: int, now: datetime, designated_ids: tuple[int, ...]) -> Money:
    return Money(UUID(int=index), fen, on, now, designated_ids=designated_ids, within=within_of(account, on))


def uses(placements: Iterable[Placement], bills: Mapping[int, Bill]) -> dict[Use, int]:
    """What placements give bills, in fen, by the day from which it counts there."""
    sums: dict[Use, int] = defaultdict(int)
    for placement in placements:
        for share in placement.shares:
            on = max(placement.payment.business_date, bills[share.bill_id].first_day)
            sums[Use(share.bill_id, RECEIVABLE, on)] += share.principal_fen
            sums[Use(share.bill_id, LATE_FEE_INCOME, on)] += share.late_fee_fen
    return {use: fen for use, fen in sums.items() if fen}


def shares(use_sums: Mapping[Use, int]) -> list[Share]:
    """What each bill gets in all, by id."""
    sums: dict[tuple[int, str], int] = defaultdict(int)
    for use, fen in use_sums.items():
        sums[use.bill_id, use.account] += fen
    bill_ids = sorted({bill_id for bill_id, _ in sums})
    return [Share(bill_id, sums[bill_id, RECEIVABLE], sums[bill_id, LATE_FEE_INCOME]) for bill_id in bill_ids]


def movements(use_sums: Mapping[Use, int], today: BookingDay, cause: str) -> Iterator[Movement]:
    """Booked today, each counting from its own day; what is negative comes back."""
    for use, fen in use_sums.items():
        day = replace(today, value_on=None if use.on == today.booked_on else use.on)
        yield Movement(KINDS[use.account], CUSTOMER_CREDIT, use.account, fen, day, cause, use.bill_id)


def without_uses(bills: Iterable[OpenBill], use_sums: Mapping[Use, int]) -> list[OpenBill]:
    """Bills as if prepaid balance had not paid this of them."""
    state = {bill.id: bill for bill in bills}
    for use, fen in use_sums.items():
        share = Share(use.bill_id, **{"principal_fen" if use.account == RECEIVABLE else "late_fee_fen": -fen})
        bill = state[use.bill_id]
        state[use.bill_id] = replace(bill, events=bill.events + share_events(share, use.on))
    return list(state.values())
