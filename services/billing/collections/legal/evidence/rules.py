"""LAW of the evidence pack: its parts as plain tables, the late fee broken down by days, the CSV and its fingerprint.

The pack is a function of facts and the as-of day: no clock, so that the same day gives the same bytes.
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from services.billing.receivables.late_fee.rules import BillEvent, LateFeePolicy, late_fee_settled, outstanding
from services.common.domain.money import half_up, yuan

# Full-width signs too: a spreadsheet set to Chinese takes them for the plain ones. Blanks before them change nothing.
_FORMULA_STARTS = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
                   "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
MASK = "***"


@dataclass(frozen=True)
class Section:
    """One table: bilingual title, column heads, rows of text."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Pack:
    """All evidence on one household as of a day."""

    household: str
    as_of: date
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Segment:
    """Days (since, until] on which one balance accrued at one daily rate."""

    since: date
    until: date
    balance_fen: int
    daily: Decimal

    @property
    def days(self) -> int:
        """How many days these are."""
        return (self.until - self.since).days

    @property
    def fee_fen(self) -> Decimal:
        """Unrounded: only the sum over a bill is rounded."""
        return self.balance_fen * self.daily * self.days


def section(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Section:
    """A table from whatever its cells are; None is an empty cell."""
    return Section(title, tuple(heads), tuple(tuple(cell(value) for value in row) for row in rows))


def cell(value: object) -> str:
    """A value as text without control characters; lines stay lines."""
    text = "" if value is None else str(value)
    return "".join(letter for letter in text if letter == "\n" or unicodedata.category(letter) != "Cc")


def segments(
    principal_fen: int, due: date, events: Sequence[BillEvent], as_of: date, policy: LateFeePolicy
) -> list[Segment]:
    """How the late fee of a bill came about, day range by day range (C1); without any freeze by a plan."""
    free_until = due + timedelta(days=policy.grace_days)
    if not policy.clause or as_of <= free_until:
        return []
    start = due if policy.grace_mode == "from_due" else free_until
    event_days = {event.on for event in events if event.on > free_until}
    rate_days = {rate.effective_from - timedelta(days=1) for rate in policy.rates}
    cuts = sorted({start, as_of} | {day for day in event_days | rate_days if start < day < as_of})
    stretches = [
        Segment(since, until, outstanding(principal_fen, events, max(since, free_until)), _rate(policy, since))
        for since, until in pairwise(cuts)
    ]
    return [stretch for stretch in stretches if stretch.balance_fen and stretch.daily]


def adds_up(parts: Iterable[Segment], principal_fen: int, events: Iterable[BillEvent], policy: LateFeePolicy) -> int:
    """The late fee that is due by these segments, in fen: the sum, rounded, capped, less what was settled."""
    fee = half_up(sum((part.fee_fen for part in parts), Decimal(0)))
    return max(0, (min(fee, principal_fen) if policy.is_capped else fee) - late_fee_settled(events))


def formula(parts: Sequence[Segment], settled_fen: int) -> str:
    """The breakdown in figures: "200.00×0.0003×35 + …"; what was settled is taken off."""
    terms = " + ".join(f"{yuan(part.balance_fen)}×{part.daily.normalize():f}×{part.days}" for part in parts)
    return f"{terms} − {yuan(settled_fen)}" if settled_fen > 0 else terms


def as_csv(pack: Pack) -> bytes:
    """The pack as UTF-8 with a byte-order mark: per section its title, its heads and its rows, then an empty line."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    for part in pack.sections:
        writer.writerow([part.title])
        writer.writerow(part.heads)
        writer.writerows([_harmless(text) for text in row] for row in part.rows)
        writer.writerow([])
    return b"\xef\xbb\xbf" + sheet.getvalue().encode()


def fingerprint(content: bytes) -> str:
    """SHA-256 of the CSV; the PDF states it on its last page, so that either proves the other."""
    return hashlib.sha256(content).hexdigest()


def _rate(policy: LateFeePolicy, since: date) -> Decimal:
    """The rate of the first day of a segment."""
    in_force = [rate for rate in policy.rates if rate.effective_from <= since + timedelta(days=1)]
    return max(in_force, key=lambda rate: rate.effective_from).daily if in_force else Decimal(0)


def _harmless(text: str) -> str:
    """A spreadsheet must not take an owner's words for a formula; a number is none, however negative."""
    risky = text.lstrip().startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text
