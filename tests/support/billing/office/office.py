"""An office that does one thing after the other by chance, each in a transaction of its own, through real stories."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.statement.handlers import statement
from services.billing.settings import Settings
from services.common.contracts.errors import PublicError
from tests.support.billing.books import SYSTEM, Books
from tests.support.billing.desk import ESTATES, OPENING, TARIFFS, UNITS, Desk
from tests.support.billing.relief import Relief, noon

FIRST_DAY = date(2026, 1, 5)
HOMES = {"H1": "E1", "H2": "E1", "H3": "E2"}
FLATS = {"H1": "101", "H2": "201", "H3": "101"}


@dataclass
class Office:
    """Two estates, three homes; `today` goes on as acts let it, `told` are the payments it heard of."""

    engine: Engine
    chance: random.Random
    today: date = FIRST_DAY
    told: list[Any] = field(default_factory=list)
    paid: int = 0
    # how long an act takes; those who work beside each other have one clock, which stands
    takes: timedelta = timedelta(minutes=1)
    passed: timedelta = timedelta()
    done: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def now(self) -> datetime:
        """Noon, and what the acts of the day have taken."""
        return noon(self.today.isoformat()) + self.passed

    def desk(self) -> Desk:
        """Finance at its desk, today."""
        return Desk(self.engine, Settings(), now=self.now)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All of it or nothing."""
        with Session(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def relief(self) -> Iterator[Relief]:
        """Waivers, voids and refunds, today."""
        with self.transaction() as session:
            yield Relief(Books(session), self.now)

    def rows(self, query: str, **named: Any) -> list[Any]:
        """What a query answers."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), named))

    def home(self) -> str:
        """Some household."""
        return self.chance.choice(sorted(HOMES))

    def some_bills(self, household: str | None, most: int = 2, where: str = "true") -> list[int]:
        """Some bills of a household, or of anybody."""
        query = f"""SELECT b.id FROM bill b JOIN household h ON h.id = b.household_id
                    WHERE {where} AND (CAST(:code AS text) IS NULL OR h.code = :code) ORDER BY b.id"""
        found = [row.id for row in self.rows(query, code=household)]
        return self.chance.sample(found, min(len(found), self.chance.randint(1, most)))

    def statements(self, as_of: date) -> dict[str, Any]:
        """What everybody owes at the end of a day."""
        with Session(self.engine) as session:
            return {code: statement(session, SYSTEM, code, as_of) for code in HOMES}

    def act(self, acts: Mapping[str, Callable[["Office"], None]], names: Sequence[str]) -> str:
        """Do one of the acts named; what is refused must leave no trace."""
        name = self.chance.choice(names)
        self.passed += self.takes
        try:
            acts[name](self)
            self.done[name] += 1
        except PublicError as refused:
            self.done[f"{name} refused: {type(refused).__name__}"] += 1
        return name

    def open(self) -> "Office":
        """Estates, homes, opening balances, and policies by chance."""
        desk = self.desk()
        mode = self.chance.choice(["lump_sum", "remuneration"])
        clause = self.chance.choice(["", "§7"])
        desk.load("estates", ESTATES, f"E1,E1,South,Wuhan,residential,A,{mode},§7",
                  f"E2,E2,South,Wuhan,residential,A,lump_sum,{clause}")  # fmt: skip
        desk.load("units", UNITS, "E1,1,101,87.33,residential,occupied,H1,王,13812345671",
                  "E1,2,201,50,residential,occupied,H2,李,13812345672",
                  "E2,1,101,61.5,residential,occupied,H3,张,13812345673")  # fmt: skip
        desk.load(
            "tariffs", TARIFFS, *(f"{e},property_fee,per_area,residential,2.35,2020-01-01,0.7" for e in ("E1", "E2"))
        )
        desk.publish("E1")
        desk.publish("E2")
        desk.load("opening_balances", OPENING, "E1,101,old,2025-08,300.00,2025-09-15,120.00",
                  "E1,201,old,2025-10,99.99,2025-11-15,", "E2,101,old,2025-10,50.00,2025-11-15,50.00")  # fmt: skip
        self._set_policies(desk)
        return self

    def _set_policies(self, desk: Desk) -> None:
        within = self.chance.choice(["principal_first", "late_fee_first"])
        own = "INSERT INTO collection_policy SELECT id, :within, :capped, :grace, :mode FROM estate WHERE code = 'E1'"
        mode, grace = self.chance.choice(["from_due", "after_grace"]), self.chance.choice([0, 0, 5])
        desk.write(own, within=within, capped=self.chance.random() > 0.5, grace=grace, mode=mode)
        desk.write(
            "INSERT INTO late_fee_rate SELECT id, r.since, r.daily FROM estate, "
            "(VALUES (DATE '2020-01-01', 0.0005), (DATE '2026-04-01', 0.002)) r(since, daily) WHERE code = 'E1'"
        )
        desk.write("INSERT INTO plan_policy SELECT id, 15, :revives FROM estate WHERE code = 'E1'",
                   revives=self.chance.random() < 0.5)  # fmt: skip
        desk.write("UPDATE incentive_policy SET enabled = true, point_fen = 1")
        desk.write("INSERT INTO void_authority SELECT id, 5000 FROM estate WHERE code = 'E1'")

    def sleep(self) -> None:
        """Nothing happens for a while."""
        self.today += timedelta(days=self.chance.choice([2, 10, 20, 30, 40]))
