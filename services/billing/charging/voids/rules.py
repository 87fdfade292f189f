"""LAW of voids (B5): what came in for a bill and on which days, what was waived of it, and what may be voided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from services.billing.receivables.late_fee.events import kind_of
from services.billing.receivables.ledger.rules import FEE_INCOME, OPENING_EQUITY, RECEIVABLE, Entry

_IN = {"payment": "principal", "late_fee_payment": "late_fee"}
_OUT = {"restoration": "principal", "late_fee_restoration": "late_fee"}


@dataclass(frozen=True)
class DayReceipt:
    """What a bill got that counts from one day on, in fen."""

    on: date
    principal_fen: int = 0
    late_fee_fen: int = 0


@dataclass(frozen=True)
class Standing:
    """What stands on a bill besides its amount: money received by day, what was waived, and what it was charged to."""

    receipts: tuple[DayReceipt, ...]
    waived_fen: int
    waived_late_fee_fen: int
    charged_to: str = FEE_INCOME

    @property
    def principal_fen(self) -> int:
        """Principal received."""
        return sum(receipt.principal_fen for receipt in self.receipts)

    @property
    def late_fee_fen(self) -> int:
        """Late fee received."""
        return sum(receipt.late_fee_fen for receipt in self.receipts)


def standing(entries: Iterable[Entry], due: date) -> Standing:
    """Read a bill's entries. Money paid before the books were opened came in time, whenever that was.

    What was taken back (a payment put elsewhere, a bounced debit) is taken from what came last.
    """
    kind_entries = [(kind_of(entry), entry) for entry in entries]
    receipts = [
        DayReceipt(on, principal, fee)
        for on, principal, fee in _by_day(
            _remainder_by_day(kind_entries, "principal", due), _remainder_by_day(kind_entries, "late_fee", due)
        )
    ]
    waived_fen = sum(entry.amount_fen for kind, entry in kind_entries if kind == "waiver")
    waived_late_fee_fen = sum(entry.amount_fen for kind, entry in kind_entries if kind == "late_fee_waiver")
    return Standing(tuple(receipts), waived_fen, waived_late_fee_fen, _charged_to(entry for _, entry in kind_entries))


def _charged_to(entries: Iterable[Entry]) -> str:
    """The account that an issue credits; an opening balance came from before the books."""
    opening = any((entry.debit_account, entry.credit_account) == (RECEIVABLE, OPENING_EQUITY) for entry in entries)
    return OPENING_EQUITY if opening else FEE_INCOME


def _remainder_by_day(kind_entries: Sequence[tuple[str | None, Entry]], part: str, due: date) -> dict[date, int]:
    """What is left of one part by the day it came."""
    came: dict[date, int] = {}
    for kind, entry in kind_entries:
        if _IN.get(kind or "") == part:
            on = min(entry.counts_on, due) if entry.debit_account == OPENING_EQUITY else entry.counts_on
            came[on] = came.get(on, 0) + entry.amount_fen
    returned_fen = sum(entry.amount_fen for kind, entry in kind_entries if _OUT.get(kind or "") == part)
    for on in sorted(came, reverse=True):
        part_fen = min(came[on], returned_fen)
        came[on] -= part_fen
        returned_fen -= part_fen
    return {on: fen for on, fen in came.items() if fen}


def _by_day(principal: dict[date, int], fee: dict[date, int]) -> list[tuple[date, int, int]]:
    return [(on, principal.get(on, 0), fee.get(on, 0)) for on in sorted(principal.keys() | fee.keys())]


def number(estate: str, count: int) -> str:
    """A credit note's number as people write it: "CN-GZ01-000042"."""
    return f"CN-{estate}-{count:06d}"
