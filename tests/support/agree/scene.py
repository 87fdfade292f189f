"""What every check has before it: the truth, who is asked, and whom it asks about."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from tests.support.agree.places import Answer, Places
from tests.support.agree.truth import TrueBill, Truth

Key = TypeVar("Key")
MOST_HOUSEHOLDS, MOST_ESTATES = 12, 6


@dataclass
class Scene:
    """One comparison of everything with everything."""

    truth: Truth
    places: Places
    most_households: int = MOST_HOUSEHOLDS

    @cached_property
    def households(self) -> list[str]:
        """Those asked about one by one: all, or so many spread over all that have bills or credit."""
        moved = [code for code in self.truth.households if self.truth.by_household[code] or self.truth.credit_fen[code]]
        return moved[:: max(1, -(-len(moved) // self.most_households))]

    @cached_property
    def estates(self) -> list[str]:
        """Those asked about one by one."""
        codes = sorted({bill.row.estate for bill in self.truth.bills.values()})
        return codes[:: max(1, -(-len(codes) // MOST_ESTATES))]

    @cached_property
    def statements(self) -> dict[str, Answer]:
        """What those asked about owe today."""
        return {code: self.places.statement(code, self.truth.today) for code in self.households}

    def late_fee_fen(self, bill: TrueBill) -> int:
        """What is due on a bill today; on one that was in a plan, as the statement of its household has it."""
        fen = self.truth.late_fee_of(bill)
        if fen is not None:
            return fen
        code = bill.row.household
        if code not in self.statements:
            self.statements[code] = self.places.statement(code, self.truth.today)
        return sum(line["late_fee_fen"] for line in self.statements[code]["bills"] if line["id"] == bill.row.id)


Check = Callable[[Scene], Iterator[str]]


def differences(place: str, said: Mapping[Key, Any], right: Mapping[Key, Any], whose: str = "") -> Iterator[str]:
    """In words, for each key: what the place says, and what the entries add up to."""
    for key in sorted(said.keys() | right.keys(), key=str):
        here, there = said.get(key), right.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            yield from differences(place, here, there, f"{whose}{key} ")
        elif here != there:
            yield f"{whose}{key}: {place} says {here}, the entries {there}"
