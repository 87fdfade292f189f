"""LAW of prepaid balance (B6, ADR 17): on which day each fen of it came, and where it went.

It follows from the ledger: what came is there by day, what pays a bill or is paid back is taken oldest day first, and
what comes back from a bill, because it is void or pays another, is there again from the day it came.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, Entry


@dataclass(frozen=True)
class Portion:
    """Some prepaid balance in fen, and the day its money came."""

    on: date
    fen: int


@dataclass(frozen=True)
class Use:
    """What prepaid balance pays: receivable or late_fee_income of a bill, and from which day on it counts there."""

    bill_id: int
    account: str
    on: date


@dataclass(frozen=True)
class Prepaid:
    """The prepaid balance of a household: what is free by day, what pays bills, and what void bills gave back."""

    free: Mapping[date, int]
    uses: Mapping[Use, Sequence[Portion]]
    releases: Mapping[int, Sequence[Portion]]

    @property
    def portions(self) -> list[Portion]:
        """What is free, oldest day first."""
        return [Portion(on, fen) for on, fen in sorted(self.free.items()) if fen]


def prepaid(entries: Iterable[Entry], reserved_fen: int = 0) -> Prepaid:
    """Read the entries of `customer_credit` in their order; what is reserved is kept from the oldest days."""
    free: dict[date, int] = defaultdict(int)
    uses: dict[Use, list[Portion]] = defaultdict(list)
    releases: dict[int, list[Portion]] = defaultdict(list)
    for entry in entries:
        use = _use(entry)
        if entry.debit_account == CUSTOMER_CREDIT:
            portions = _take(free, entry.amount_fen, entry)
            if use:
                uses[use] += portions
        else:
            portions = _give_back(uses[use], entry) if use else [Portion(entry.counts_on, entry.amount_fen)]
            _put(free, portions)
            if use:
                releases[use.bill_id] += portions
    _take(free, reserved_fen)
    return Prepaid(free, uses, releases)


def _use(entry: Entry) -> Use | None:
    """What an entry between prepaid balance and a bill pays or gives back; None: it is on no bill."""
    if entry.bill_id is None:
        return None
    account = entry.credit_account if entry.debit_account == CUSTOMER_CREDIT else entry.debit_account
    return Use(entry.bill_id, account, entry.counts_on)


def _take(free: dict[date, int], fen: int, entry: Entry | None = None) -> list[Portion]:
    """Oldest day first; but a payment that is put elsewhere takes back what it brought."""
    own_day = entry.counts_on if entry and entry.kind == "reallocation" else None
    portions = []
    for on in sorted(free, key=lambda on: (on != own_day, on)):
        part_fen = min(free[on], fen)
        if part_fen:
            portions.append(Portion(on, part_fen))
            free[on] -= part_fen
            fen -= part_fen
    return portions


def _give_back(spendings: list[Portion], entry: Entry) -> list[Portion]:
    """What prepaid balance had paid comes back from the day it had come, the last first; the rest was a payment."""
    portions, fen = [], entry.amount_fen
    while spendings and fen:
        last = spendings.pop()
        part_fen = min(last.fen, fen)
        portions.append(Portion(last.on, part_fen))
        fen -= part_fen
        if part_fen < last.fen:
            spendings.append(Portion(last.on, last.fen - part_fen))
    return [*portions, Portion(entry.counts_on, fen)] if fen else portions


def _put(free: dict[date, int], portions: Iterable[Portion]) -> None:
    for portion in portions:
        free[portion.on] += portion.fen
