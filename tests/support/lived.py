"""Half a year of a random portfolio, for oracles of figures, lived through the same doors as the real one.

Runs, payments of every kind, waivers, voids, reissues, refunds, opening balances, changed owners, moved units, stewards
who come and go.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import totals
from services.billing.portfolio.stewards.handlers import set_steward
from services.billing.portfolio.transfers.handlers import Place, TransferRequest, transfer
from services.billing.settings import Settings
from services.common.access import Caller
from services.common.contracts.errors import Conflict, Invalid
from tests.support.billing import ESTATES, OPENING, TARIFFS, UNITS, Desk
from tests.support.books import Books
from tests.support.relief import Relief

SYSTEM = Caller.system("test")
FIRST, LAST = date(2026, 6, 1), date(2026, 11, 28)
PERIODS = ("2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10")
REGIONS = {"E1": "华东", "E2": "华东", "E3": "华南"}
STAFF = "staff_code,name,role,estate_code,buildings"
STEWARDS = ("S1,甲,steward,E1,1", "S2,乙,steward,E1,2", "S3,丙,steward,E2,1;2", "S4,丁,steward,E1,")
FLATS = 4
Unit = tuple[str, str, str, str]


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


@dataclass
class Lived:
    """The portfolio; `live` makes its history from a seed."""

    engine: Engine
    chance: random.Random
    desk: Desk = field(init=False)
    homes: list[str] = field(default_factory=list)
    units: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    stewards: list[str] = field(default_factory=lambda: list(STEWARDS))
    refused: int = 0

    def __post_init__(self) -> None:
        self.desk = Desk(self.engine, Settings())

    def live(self) -> None:
        """Every day of the half year, some things happen."""
        self._begin()
        day = FIRST
        while day <= LAST:
            self.desk.now = _at(day)
            if day.day == 2:
                self.desk.run(f"{day.year}-{day.month - 1:02}")
            for _ in range(self.chance.randrange(4)):
                self._something(day)
            day += timedelta(days=1)

    def _begin(self) -> None:
        self.desk.now = _at(FIRST - timedelta(days=1))
        self.desk.load("estates", ESTATES, *(f"{e},{e},{r},杭州,residential,A,lump_sum,§7" for e, r in REGIONS.items()))
        for estate in REGIONS:
            for building in "12":
                for flat in range(1, FLATS + 1):
                    unit, home = f"{building}0{flat}", f"{estate}-H{building}{flat % 3}"
                    area = f"{self.chance.randrange(5000, 12000) / 100}"
                    self.units[estate, unit] = [building, unit, area, home]
                    self.homes.append(home)
            self._load_units(estate)
            tariffs = [f"{estate},{item},{rest},2020-01-01," for item, rest in
                       (("property_fee", "per_area,residential,2.35"), ("lift", "fixed,residential,12.5"))]  # fmt: skip
            self.desk.load("tariffs", TARIFFS, *tariffs)
            self.desk.publish(estate)
        self.homes = sorted(set(self.homes))
        self.desk.load("staff", STAFF, *self.stewards)
        old = [
            f"{e},{u},arrears,2025-0{n},{n}00.{n}7,2025-0{n + 1}-15,{paid}"
            for e in REGIONS
            for n, u, paid in ((3, "101", ""), (5, "102", "500.57"), (7, "201", "33.01"))
        ]
        self.desk.load("opening_balances", OPENING, *old)

    def _load_units(self, estate: str) -> None:
        rows = [f"{estate},{b},{u},{a},residential,occupied,{h},名{h},13812345678"
                for (e, _), (b, u, a, h) in self.units.items() if e == estate]  # fmt: skip
        self.desk.load("units", UNITS, *rows)

    def _something(self, day: date) -> None:
        names = ["pay"] * 10 + ["waive", "void", "reissue", "void_again", "refund", "apply", "late_news", "transfer"]
        act = getattr(self, f"_{self.chance.choice([*names, 'move', 'steward', 'dismiss', 'fold'])}")
        try:
            act(day)
        except (Conflict, Invalid):
            self.refused += 1

    def _books(self, session: Session) -> Books:
        return Books(session)

    def _bill(self, session: Session, *, void: bool = False) -> int:
        which = "NOT" if void else ""
        ids = session.scalars(text(f"SELECT id FROM bill WHERE voided_at IS {which} NULL ORDER BY id")).all()
        if not ids:
            raise Conflict("none")
        return int(self.chance.choice(ids))

    def _pay(self, day: date) -> None:
        fen = self.chance.choice([1, 777, 5000, 20000, 45000, 120000])
        with Session(self.engine) as session, session.begin():
            bills = [self._bill(session)] if self.chance.random() < 0.3 else None
            home = self.chance.choice(self.homes)
            if bills:
                home = str(session.scalar(text("SELECT h.code FROM bill b JOIN household h ON h.id = b.household_id "
                                               "WHERE b.id = :id"), {"id": bills[0]}))  # fmt: skip
            self._books(session).pay(fen, day.isoformat(), home, bills=bills)

    def _late_news(self, day: date) -> None:
        """Money that came some days ago is heard of today."""
        self._pay(day - timedelta(days=self.chance.randrange(1, 25)))

    def _relief(self, session: Session) -> Relief:
        return Relief(self._books(session), self.desk.now)

    def _waive(self, day: date) -> None:
        with Session(self.engine) as session, session.begin():
            relief = self._relief(session)
            kind: Any = self.chance.choice(["principal", "principal", "late_fee"])
            asked = relief.ask(self._bill(session), kind=kind, ratio=self.chance.choice(["0.1", "0.5", "1"]))
            if asked["status"] == "pending":
                relief.approve(asked["id"], SYSTEM, "resolution 7")

    def _void(self, day: date, *, reissue: bool = False) -> None:
        with Session(self.engine) as session, session.begin():
            self._relief(session).void(self._bill(session), reissue=reissue)

    def _void_again(self, day: date) -> None:
        self._void(day, reissue=True)

    def _reissue(self, day: date) -> None:
        with Session(self.engine) as session, session.begin():
            self._relief(session).reissue(self._bill(session, void=True))

    def _refund(self, day: date) -> None:
        with Session(self.engine) as session, session.begin():
            rich = session.execute(text("SELECT code, credit_fen FROM household WHERE credit_fen > 1")).first()
            if rich is not None:
                self._relief(session).refund(rich.credit_fen // 2, rich.code)

    def _apply(self, day: date) -> None:
        with Session(self.engine) as session, session.begin():
            self._relief(session).apply(self.chance.choice(self.homes))

    def _transfer(self, day: date) -> None:
        estate, code = self.chance.choice(list(self.units))
        home = f"{estate}-N{self.chance.randrange(99)}"
        since = day - timedelta(days=self.chance.randrange(-5, 40))
        with Session(self.engine) as session, session.begin():
            asked = TransferRequest(home, "owner", since, "sold", owner_name="新", owner_phone="13900000000")
            transfer(session, SYSTEM, Place(estate, code), asked, uuid4(), self.desk.now)
        self.homes = sorted({*self.homes, home})

    def _move(self, day: date) -> None:
        """The file has a unit in another building now; who pays stays with what was last recorded."""
        (estate, _), unit = self.chance.choice(list(self.units.items()))
        unit[0] = self.chance.choice("123")
        self._load_units(estate)

    def _steward(self, day: date) -> None:
        with Session(self.engine) as session, session.begin():
            since = day + timedelta(days=self.chance.randrange(-40, 20))
            set_steward(session, SYSTEM, "E1", self.chance.choice("12"), self.chance.choice(["S1", "S2", "S4"]), since,
                        self.desk.now)  # fmt: skip

    def _dismiss(self, day: date) -> None:
        """The file leaves a steward without buildings, or gives them back."""
        nth = self.chance.randrange(len(self.stewards))
        who = STEWARDS[nth].rpartition(",")[0] + ","
        self.stewards[nth] = who if self.stewards[nth] == STEWARDS[nth] else STEWARDS[nth]
        self.desk.load("staff", STAFF, *self.stewards)

    def _fold(self, day: date) -> None:
        with Session(self.engine) as session, session.begin():
            totals.fold(session, self.chance.choice([3, 1000]))
