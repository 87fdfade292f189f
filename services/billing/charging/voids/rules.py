"""LAW of voids (B5): what came in for a bill and on which days, what was granted on it, and what a reissue keeps."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from services.billing.receivables.late_fee.events import kind_of
from services.billing.receivables.ledger.rules import (
    DISCOUNT_CARRIED,
    FEE_INCOME,
    FEE_WAIVER_CARRIED,
    OPENING_EQUITY,
    RECEIVABLE,
    WAIVER_CARRIED,
    Entry,
)
from services.common.contracts.answers.voids import GrantKind
from services.common.domain.money import half_up

_IN = {"payment": "principal", "late_fee_payment": "late_fee"}
_OUT = {"restoration": "principal", "late_fee_restoration": "late_fee"}
_WAIVED_FEE = {"late_fee_waiver": 1, "late_fee_waiver_reversal": -1}
# What was granted on a bill, in the order in which a reissue keeps it: first what was decided, then what was redeemed.
_GRANTS: Final[Mapping[str, GrantKind]] = {
    "principal_waived": "principal",
    WAIVER_CARRIED: "principal",
    "late_fee_waived": "late_fee",
    FEE_WAIVER_CARRIED: "late_fee",
    "discount": "discount",
    DISCOUNT_CARRIED: "discount",
}
_ORDER = ("principal", "late_fee", "discount")


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

    @property
    def sums(self) -> dict[str, int]:
        """As credit notes and requests have it."""
        return {
            "released_fen": self.principal_fen,
            "released_late_fee_fen": self.late_fee_fen,
            "waived_fen": self.waived_fen,
            "waived_late_fee_fen": self.waived_late_fee_fen,
        }


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
    waived_late_fee_fen = sum(_WAIVED_FEE.get(kind or "", 0) * entry.amount_fen for kind, entry in kind_entries)
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


@dataclass(frozen=True)
class Grant:
    """What a waiver or a discount took off a bill, from which day on; `source` is its id."""

    kind: GrantKind
    source: str
    on: date
    fen: int


def grants(entries: Iterable[Entry]) -> list[Grant]:
    """What was granted on a bill, less what was taken back of it since; read before or after its void."""
    by_source: dict[tuple[GrantKind, str], Grant] = {}
    for entry in entries:
        kind = _GRANTS.get(entry.kind, "late_fee")
        grant = by_source.get((kind, entry.source))
        if entry.kind in _GRANTS:
            grant = grant or Grant(kind, entry.source, entry.counts_on, 0)
            by_source[kind, entry.source] = replace(grant, fen=grant.fen + entry.amount_fen)
        elif grant is not None and kind_of(entry) == "late_fee_waiver_reversal":
            by_source[kind, entry.source] = replace(grant, fen=grant.fen - entry.amount_fen)
    return sorted(by_source.values(), key=lambda grant: (_ORDER.index(grant.kind), grant.on, grant.source))


def keep(grants: Iterable[Grant], proportional: Collection[str], from_fen: int, to_fen: int) -> Iterator[Grant]:
    """What a reissue of `to_fen` keeps of what was granted on a bill of `from_fen`.

    A part of the bill stays the same part (`proportional` are the waivers asked for so), an amount the same amount, as
    far as there is something to take it off. Late fee that is not there any more is taken back where money is booked.
    """
    room_fen = to_fen
    for grant in grants:
        part = half_up(Decimal(grant.fen) * to_fen / from_fen) if grant.source in proportional else grant.fen
        fen = part if grant.kind == "late_fee" else min(part, room_fen)
        room_fen -= 0 if grant.kind == "late_fee" else fen
        yield replace(grant, fen=fen)


def at_stake_fen(stands: Standing, amount_fen: int, is_billed_again: bool) -> int:
    """What a void moves: money received on the bill, and what is open if nothing bills that again (ADR 18)."""
    received_fen = stands.principal_fen + stands.late_fee_fen
    open_fen = amount_fen - stands.principal_fen - stands.waived_fen
    return received_fen if is_billed_again else received_fen + open_fen
