"""LAW of voids (B5): what came in for a bill and on which days, what was waived of it, and what may be voided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from services.billing.receivables.late_fee.events import kind_of
from services.billing.receivables.ledger.rules import FEE_INCOME, OPENING_EQUITY, RECEIVABLE, Entry

_IN = {"payment": "principal", "late_fee_payment": "late_fee"}
_OUT = {"restoration": "principal", "late_fee_restoration": "late_fee"}


@dataclass(frozen=True)
class Received:
    """What a bill got that counts from one day on, in fen."""

    on: date
    principal_fen: int = 0
    late_fee_fen: int = 0


@dataclass(frozen=True)
class Standing:
    """What stands on a bill besides its amount: money received by day, what was waived, and what it was charged to."""

    received: tuple[Received, ...]
    waived_fen: int
    waived_late_fee_fen: int
    charged_to: str = FEE_INCOME

    @property
    def principal_fen(self) -> int:
        """Principal received."""
        return sum(one.principal_fen for one in self.received)

    @property
    def late_fee_fen(self) -> int:
        """Late fee received."""
        return sum(one.late_fee_fen for one in self.received)


def standing(entries: Iterable[Entry], due: date) -> Standing:
    """Read a bill's entries. Money paid before the books were opened came in time, whenever that was.

    What was taken back (a payment put elsewhere, a bounced debit) is taken from what came last.
    """
    known = [(kind_of(entry), entry) for entry in entries]
    received = [
        Received(on, principal, fee)
        for on, principal, fee in _by_day(_left(known, "principal", due), _left(known, "late_fee", due))
    ]
    waived = sum(entry.amount_fen for kind, entry in known if kind == "waiver")
    fee_waived = sum(entry.amount_fen for kind, entry in known if kind == "late_fee_waiver")
    return Standing(tuple(received), waived, fee_waived, _charged_to(entry for _, entry in known))


def _charged_to(entries: Iterable[Entry]) -> str:
    """The account that an issue credits; an opening balance came from before the books."""
    opening = any((entry.debit_account, entry.credit_account) == (RECEIVABLE, OPENING_EQUITY) for entry in entries)
    return OPENING_EQUITY if opening else FEE_INCOME


def _left(known: Sequence[tuple[str | None, Entry]], part: str, due: date) -> dict[date, int]:
    """What is left of one part by the day it came."""
    came: dict[date, int] = {}
    for kind, entry in known:
        if _IN.get(kind or "") == part:
            on = min(entry.counts_on, due) if entry.debit_account == OPENING_EQUITY else entry.counts_on
            came[on] = came.get(on, 0) + entry.amount_fen
    gone = sum(entry.amount_fen for kind, entry in known if _OUT.get(kind or "") == part)
    for on in sorted(came, reverse=True):
        taken = min(came[on], gone)
        came[on] -= taken
        gone -= taken
    return {on: fen for on, fen in came.items() if fen}


def _by_day(principal: dict[date, int], fee: dict[date, int]) -> list[tuple[date, int, int]]:
    return [(on, principal.get(on, 0), fee.get(on, 0)) for on in sorted(principal.keys() | fee.keys())]


def number(estate: str, count: int) -> str:
    """A credit note's number as people write it: "CN-GZ01-000042"."""
    return f"CN-{estate}-{count:06d}"
