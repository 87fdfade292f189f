"""LAW of the books: which month may be closed, what a quarter is, how fees received become a fund (B2, B8)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import get_args

from services.billing.receivables.ledger.rules import LATE_FEE_INCOME
from services.billing.receivables.trial_balance.rules import Flow, collected_fen
from services.common import fields
from services.common.contracts.answers.books import FundCategory
from services.common.domain.calendar import add_months
from services.common.domain.money import half_up, largest_remainder

CATEGORIES: tuple[FundCategory, ...] = get_args(FundCategory)
_QUARTER = re.compile(fields.QUARTER)


def last_day(period: date) -> date:
    """The last day of the month that starts on `period`."""
    return add_months(period, 1) - timedelta(days=1)


def day_before(day: date) -> date:
    """The day before."""
    return day - timedelta(days=1)


def next_to_close(first_entry_on: date | None, last_closed: date | None) -> date | None:
    """The first day of the month that must be closed next; None for an estate without any posting."""
    if last_closed is not None:
        return add_months(last_closed, 1)
    return None if first_entry_on is None else first_entry_on.replace(day=1)


def earliest_to_close(first_entry_on: date | None, today: date) -> date:
    """The first month an estate may ever close: that of the quarter of its first posting, else of today's.

    Months close in their order for ever after, so one closed by a slip of the pen in 1926 would stand before all.
    """
    day = first_entry_on or today
    return date(day.year, day.month - (day.month - 1) % 3, 1)


def months_of(quarter: str) -> tuple[date, date, date]:
    """First days of the months of "2026-Q3"; ValueError for anything else."""
    match = _QUARTER.fullmatch(quarter)
    if match is None:
        raise ValueError('a quarter is written like "2026-Q3"')
    first = date(int(match[1]), 3 * int(match[2]) - 2, 1)
    return first, add_months(first, 1), add_months(first, 2)


@dataclass(frozen=True)
class Transfer:
    """One balanced transfer of the fund ledger, fen; `category` is None for the company's remuneration."""

    debit: str
    credit: str
    amount_fen: int
    category: str | None = None


@dataclass(frozen=True)
class FundPolicy:
    """What the company takes of fees received (0–1) and how the rest is shared among the categories."""

    remuneration: Decimal
    shares: Mapping[str, Decimal]


def received_fen(flows: Sequence[Flow]) -> int:
    """Fees received in some time: principal and late fee, net of what was taken back (B2)."""
    fee_in = sum(f.amount_fen for f in flows if f.credit_account == LATE_FEE_INCOME and _is_money(f.debit_account))
    fee_out = sum(f.amount_fen for f in flows if f.debit_account == LATE_FEE_INCOME and _is_money(f.credit_account))
    return collected_fen(flows) + fee_in - fee_out


def _is_money(account: str) -> bool:
    return account.startswith("cash_") or account == "customer_credit"


def contribution(fees_fen: int, policy: FundPolicy) -> list[Transfer]:
    """What a month's fees become: the remuneration, half up, and the categories' parts, exact to the fen (B2).

    When more was taken back than received, the same parts go the other way.
    """
    amount = abs(fees_fen)
    remuneration = half_up(amount * policy.remuneration)
    parts = largest_remainder(amount - remuneration, [policy.shares[name] for name in CATEGORIES])
    moves = [Transfer("fees_received", "remuneration", remuneration)]
    moves += [Transfer("fees_received", fund(name), fen, name) for name, fen in zip(CATEGORIES, parts, strict=True)]
    return [move if fees_fen > 0 else _reverse(move) for move in moves if move.amount_fen]


def _reverse(move: Transfer) -> Transfer:
    return Transfer(move.credit, move.debit, move.amount_fen, move.category)


def fund(category: str) -> str:
    """The account of a category."""
    return f"fund_{category}"


def expense(category: str, amount_fen: int) -> Transfer:
    """Money spent for a category."""
    return Transfer(fund(category), f"spent_{category}", amount_fen, category)


def returns(balances: Mapping[str, int]) -> list[Transfer]:
    """What is taken from each category when the surplus of all of them goes back to the owners (多退少补).

    A deficit of one category is first covered by the others, in proportion to what they have.
    """
    surplus = sum(balances.values())
    plus = {name: fen for name, fen in balances.items() if fen > 0}
    if surplus <= 0:
        return []
    parts = largest_remainder(surplus, [Decimal(fen) for fen in plus.values()])
    return [Transfer(fund(name), "returned", fen, name) for name, fen in zip(plus, parts, strict=True) if fen]


def share_surplus(surplus_fen: int, areas: Sequence[Decimal]) -> list[int]:
    """A surplus shared by floor area, exact to the fen (B2)."""
    return largest_remainder(surplus_fen, areas)


@dataclass(frozen=True)
class AccountPeriod:
    """One account over a time: closing = opening + debit − credit, in fen."""

    account: str
    opening_fen: int
    debit_fen: int
    credit_fen: int

    @property
    def closing_fen(self) -> int:
        """Where it ends."""
        return self.opening_fen + self.debit_fen - self.credit_fen


def account_periods(before: Iterable[Flow], within: Iterable[Flow]) -> list[AccountPeriod]:
    """Opening from what moved before, debit and credit from what moved within, by account."""
    opening = _sums(before)
    during = _sums(within)
    return [
        AccountPeriod(name, _balance(opening.get(name)), *during.get(name, (0, 0)))
        for name in sorted(opening.keys() | during.keys())
    ]


def _sums(flows: Iterable[Flow]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for flow in flows:
        debit, credit = sums.get(flow.debit_account, (0, 0))
        sums[flow.debit_account] = (debit + flow.amount_fen, credit)
        debit, credit = sums.get(flow.credit_account, (0, 0))
        sums[flow.credit_account] = (debit, credit + flow.amount_fen)
    return sums


def _balance(sums: tuple[int, int] | None) -> int:
    return 0 if sums is None else sums[0] - sums[1]
