"""D1, D3: long random lives of a household, against a reading of the product page that knows nothing of our statements.

`Page` keeps its own account of every bill and of who was in sight in which sweep. A sweep may be gentler than the page
(a rung lower, or none yet: a bill entered late with an old due date makes up for what was said before it was there),
never harsher; what it states is what is owed, to the fen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from tests.support.billing.books import Books
from tests.support.billing.dunning import Diary, items, on

# step, first day, last day, urges, days after the step before it
PAGE = (
    ("reminder_7", -7, -2, False, 0),
    ("reminder_1", -1, 0, False, 0),
    ("overdue_notice", 1, 14, True, 7),
    ("visit", 8, 15, True, 7),
    ("demand_letter", 16, 44, True, 7),
    ("formal_notice", 45, 60, True, 15),
    ("legal_file", 61, 100_000, True, 15),
)
CODES = [row[0] for row in PAGE]
SMALL_FEN = 1000  # what is open of a bill stays above the amount for which nobody is urged


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@dataclass
class Bill:
    """A bill as somebody with pencil and paper follows it; days count from DUE."""

    due: int
    amount_fen: int
    open_fen: int
    # how many steps the household had had when it was entered
    entered: int = 0
    disputed: bool = False
    # the oldest bill of each sweep in which this one was not; None: there was none
    unseen: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def in_sight(self) -> bool:
        return self.open_fen > 0 and not self.disputed


@dataclass
class Page:
    """What the product page says comes next."""

    bills: dict[int, Bill] = field(default_factory=dict)
    # step, its bill, its day, bills left out of the words
    taken: list[tuple[str, int, int, frozenset[int]]] = field(default_factory=list)

    def oldest(self) -> int | None:
        return min(((bill.due, number) for number, bill in self.bills.items() if bill.in_sight), default=(0, None))[1]

    def next_step(self, day: int, *, held: bool) -> str | None:
        """The step of a sweep for a day."""
        number = self.oldest()
        if number is None or any(when >= day for _, _, when, _ in self.taken):
            return None
        bill, spoken = self.bills[number], self.spoken(number)
        urged = [when for code, _, when, _ in self.taken if PAGE[CODES.index(code)][3]]
        for code, first, last, urges, apart in PAGE[max((place for place, _ in spoken), default=-1) + 1 :]:
            days = [when for place, when in spoken if PAGE[place][3]]
            late = self.passed_over(number) or not days or max(days) + apart - bill.due > last
            if first <= day - bill.due and (day - bill.due <= last or (late and urges)):
                waits = urges and urged and day < max(urged) + apart
                return None if urges and (held or waits) else code
        return None

    def spoken(self, number: int) -> list[tuple[int, int]]:
        """Place and day of the steps that spoke of a bill when it was old enough for them, and on the books."""
        bill = self.bills[number]
        places = [(CODES.index(code), *rest) for code, *rest in self.taken]
        return [
            (place, day)
            for count, (place, about, day, without) in enumerate(places)
            if about == number or (day - bill.due >= PAGE[place][1] and number not in without and count >= bill.entered)
        ]

    def passed_over(self, number: int) -> bool:
        """Whether a sweep left a bill aside that was overdue then, for reasons that are no hold."""
        bill, urged = self.bills[number], {about for _, about, _, _ in self.taken}
        return any(day > bill.due and (older is None or older in urged or bill.disputed) for day, older in bill.unseen)

    def swept(self, day: int, step: str | None) -> None:
        """Note what a sweep did."""
        oldest = self.oldest()
        without = frozenset(number for number, bill in self.bills.items() if bill.disputed)
        if step is not None and oldest is not None:
            self.taken.append((step, oldest, day, without))
        for number, bill in self.bills.items():
            if number != oldest:
                bill.unseen.append((day, oldest if bill.in_sight else None))

    def owed(self, day: int) -> int:
        """What a message of that day has to state: all that is overdue, or all that falls due with the oldest."""
        oldest = self.bills[self.oldest() or 0]
        return sum(
            bill.open_fen for bill in self.bills.values() if bill.in_sight and bill.due <= max(day - 1, oldest.due)
        )


@dataclass
class Life:
    """One household, on the books and on the page."""

    dice: Random
    diary: Diary
    page: Page = field(default_factory=Page)
    holds: list[UUID] = field(default_factory=list)
    day: int = -12

    def new_bill(self, due: int) -> None:
        fen = 100_000 + len(self.page.bills)
        number = self.diary.books.bill(fen, on(due), fee_item=f"item{fen}", entered_at=self.diary.tick())
        self.page.bills[number] = Bill(due, fen, fen, entered=len(self.page.taken))

    def sweep(self) -> None:
        self.day += self.dice.choice((0, 1, 1, 1, 1, 1, 1, 2, 3, 7, 30, 90))
        said = self.page.next_step(self.day, held=bool(self.holds))
        owed = self.page.owed(self.day) if self.page.oldest() else 0
        taken = [line.removeprefix("H1:") for line in self.diary.sweep(self.day)]
        if taken:
            assert said is not None, f"{taken} on day {self.day}: nothing is due"
            assert CODES.index(taken[0]) <= CODES.index(said), f"{taken} on day {self.day}: the page says {said}"
            assert items(self.diary.books)[-1].overdue_fen == owed
        self.page.swept(self.day, taken[0] if taken else None)

    def pay(self) -> None:
        number, bill = self.any_bill()
        if bill.in_sight:
            in_part = self.dice.random() < 0.3 and bill.open_fen > SMALL_FEN
            fen = self.dice.randint(1, bill.open_fen - SMALL_FEN) if in_part else bill.open_fen
            self.diary.pay(fen, -30, bills=[number])  # before any of it was due: all of it is principal
            bill.open_fen -= fen

    def refund(self) -> None:
        number, bill = self.any_bill()
        if bill.open_fen < bill.amount_fen:
            self.diary.refund(number, bill.amount_fen - bill.open_fen, self.day)
            bill.open_fen = bill.amount_fen

    def dispute(self) -> None:
        number, bill = self.any_bill()
        if bill.disputed:
            self.diary.settle(number)
            bill.disputed = False
        elif bill.open_fen:
            self.diary.dispute(number)
            bill.disputed = True

    def hold(self) -> None:
        if self.holds and self.dice.random() < 0.7:
            holds.release(self.diary.books.session, "complaint", self.holds.pop(), "H1", self.diary.tick())
        else:
            self.holds.append(uuid4())
            holds.hold(
                self.diary.books.session, "complaint", self.holds[-1], "H1", self.diary.tick(), holds_dunning=True
            )

    def enter(self) -> None:
        self.new_bill(self.day + self.dice.choice((-40, -3, 5, 20)))

    def any_bill(self) -> tuple[int, Bill]:
        return self.dice.choice(sorted(self.page.bills.items(), key=lambda pair: pair[0]))


@pytest.mark.parametrize("seed", range(40))
def test_d1_no_life_of_a_household_is_dunned_harder_than_the_page_says(engine: Engine, seed: int) -> None:
    dice = Random(seed)
    with Session(engine) as session:
        books = Books(session)
        books.household()
        life = Life(dice, Diary(books))
        for _ in range(dice.randint(1, 3)):
            life.new_bill(dice.choice((0, 0, 10, 30, 31)))
        happenings = (life.pay, life.refund, life.dispute, life.hold, life.enter)
        for _ in range(dice.randint(10, 45)):
            dice.choices((life.sweep, *happenings), (14, 2, 1, 2, 2, 1))[0]()
        taken = [(about, step) for step, about, _, _ in life.page.taken]
        assert len(taken) == len(set(taken))
        assert [day for _, _, day, _ in life.page.taken] == sorted({day for _, _, day, _ in life.page.taken})
        session.rollback()


def test_d1_day_by_day_the_page_and_the_sweeps_agree_to_the_day(engine: Engine) -> None:
    with Session(engine) as session:
        books = Books(session)
        books.household()
        life = Life(Random(1), Diary(books))
        life.new_bill(0)
        life.new_bill(31)
        for day in range(-10, 80):
            step = life.page.next_step(day, held=False)
            assert life.diary.sweep(day) == ([f"H1:{step}"] if step else [])
            life.page.swept(day, step)
        assert [step for step, _, _, _ in life.page.taken] == CODES
        session.rollback()
