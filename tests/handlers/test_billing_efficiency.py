"""D8: what each step brought in, recomputed by hand from a random quarter of six households."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import ContactNote
from services.billing.collections.dunning.measures.efficiency import dunning_efficiency
from tests.support.books import SYSTEM, Books, day
from tests.support.dunning import DUE, Diary, on

HOMES = [f"H{number}" for number in range(6)]
DUES = (0, 10, 31)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@dataclass
class Sums:
    """What a step should show."""

    taken: int = 0
    households: set[str] = field(default_factory=set)
    paid: dict[int, set[str]] = field(default_factory=lambda: {7: set(), 30: set()})
    fen: dict[int, int] = field(default_factory=lambda: {7: 0, 30: 0})


@dataclass
class Quarter:
    """Three bills a household; payments as (household, due, day, fen), what came back below nothing."""

    dice: Random
    diary: Diary
    bills: dict[int, tuple[str, int]] = field(default_factory=dict)
    payments: list[tuple[str, int, int, int]] = field(default_factory=list)
    talks: list[str] = field(default_factory=list)

    def begin(self) -> None:
        for home in HOMES:
            self.diary.books.household(home)
            for due in DUES:
                number = self.diary.books.bill(self.dice.randint(5000, 30000), on(due), home, fee_item=f"item{due}")
                self.bills[number] = (home, due)

    def live(self, today: int) -> None:
        if self.dice.random() < 0.7:
            self.diary.sweep(today)
        for number, (home, due) in self.bills.items():
            chance, before = self.dice.random(), self.paid(number)
            if chance < 0.02 and (owed := self.owed(number)):
                self.diary.pay(self.dice.choice((owed, self.dice.randint(1, owed))), today, home, [number])
            elif chance < 0.027 and before:
                self.diary.refund(number, before, today)
            if self.paid(number) != before:
                self.payments.append((home, due, today, self.paid(number) - before))
        home = self.dice.choice(HOMES)
        steps = [step["step"] for step in self.diary.books.case(home)["steps"]]
        if steps and self.dice.random() < 0.2:
            said = ContactNote("phone", "next week", steps[-1])
            cases.add_contact(self.diary.books.session, SYSTEM, home, uuid4(), said, self.diary.tick())
            self.talks.append(steps[-1])

    def paid(self, number: int) -> int:
        return int(self.diary.books.one("SELECT paid_fen FROM bill WHERE id = :id", id=number))

    def owed(self, number: int) -> int:
        return int(self.diary.books.one("SELECT amount_fen - paid_fen FROM bill WHERE id = :id", id=number))

    def expected(self, first: int, last: int) -> dict[str, Sums]:
        """A payment counts for the latest step before it, on bills that step spoke of."""
        found: dict[str, Sums] = {}
        for home in HOMES:
            steps: list[dict[str, Any]] = self.diary.books.case(home)["steps"]
            days = [(step["as_of"] - day(DUE)).days for step in steps]
            for step, at, until in zip(steps, days, [*days[1:], 10_000], strict=True):
                if first <= at <= last:
                    self._add(found.setdefault(step["step"], Sums()), home, step, at, until)
        return found

    def _add(self, sums: Sums, home: str, step: dict[str, Any], at: int, until: int) -> None:
        sums.taken += 1
        sums.households.add(home)
        stated = max(at - 1, (step["due_date"] - day(DUE)).days)
        for window in (7, 30):
            fen = sum(
                fen
                for who, due, paid_on, fen in self.payments
                if who == home and due <= stated and at <= paid_on <= at + window and paid_on < until
            )
            sums.fen[window] += fen
            sums.paid[window] |= {home} if fen > 0 else set()


@pytest.mark.parametrize("seed", range(8))
def test_d8_every_figure_recomputed(books: Books, seed: int) -> None:
    quarter = Quarter(Random(seed), Diary(books))
    quarter.begin()
    for today in range(-8, 80):
        quarter.live(today)
    spans = [(-10, 90), (0, 20), (16, 16)]
    for first, last in spans:
        shown = dunning_efficiency(books.session, SYSTEM, None, day(on(first)), day(on(last)), "step")["items"]
        assert {
            item["key"]: (
                *(item["taken"], item["households"], item["paid_within_7"], item["paid_within_30"]),
                *(item["recovered_7_fen"], item["recovered_30_fen"]),
            )
            for item in shown
        } == {
            step: (sums.taken, len(sums.households), len(sums.paid[7]), len(sums.paid[30]), sums.fen[7], sums.fen[30])
            for step, sums in quarter.expected(first, last).items()
        }
        if (first, last) == spans[0]:
            assert {item["key"]: item["contacts"] for item in shown if item["contacts"]} == {
                step: quarter.talks.count(step) for step in set(quarter.talks)
            }
