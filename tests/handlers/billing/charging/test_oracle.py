"""Whole runs against an oracle that shares nothing with the rules: each day priced by itself, in fractions (B1, B3)."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import recording as shared_costs
from services.billing.charging.shared_costs.recording import CostRequest
from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.policy import put_policy
from services.billing.portfolio.estates import statuses
from services.billing.portfolio.estates.statuses import StatusRequest
from services.billing.portfolio.transfers import handlers as transfers
from services.billing.portfolio.transfers.handlers import Place, TransferRequest
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict
from services.common.domain.calendar import WorkingCalendar
from tests.support.billing.desk import ESTATES, FINANCE, NOW, UNITS, Desk
from tests.support.billing.pricing import assert_explained

HEADER = (
    "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,effective_to,vacancy_ratio,grade_factors,tiers"
)
GRADES = {"A": Fraction(6, 5), "B": Fraction(9, 10)}
COST_FEN = 100_003
SEED = 7
TIERS = [(Fraction(0), Fraction("3.15")), (Fraction(15), Fraction("4.2")), (Fraction(25), Fraction("6.3"))]
DAY = timedelta(days=1)
Key = tuple[str, str, date]


@dataclass
class Version:
    first: date
    last: date | None
    price: Fraction
    ratio: Fraction | None
    published: bool


@dataclass
class World:
    """What was imported and recorded, as the oracle remembers it."""

    units: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[tuple[str, str], list[Version]] = field(default_factory=lambda: defaultdict(list))
    readings: dict[str, dict[date, Fraction]] = field(default_factory=lambda: defaultdict(dict))


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def month_days(day: date) -> int:
    return ((day.replace(day=28) + 4 * DAY).replace(day=1) - DAY).day


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def shared_out(total: int, weights: dict[str, Fraction]) -> dict[str, int]:
    """Largest remainders, ties to the first."""
    exact = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    parts = {name: floor(part) for name, part in exact.items()}
    most = sorted(exact, key=lambda name: exact[name] - parts[name], reverse=True)
    for name in most[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


class Oracle:
    """What every household must be billed, and when; who pays on which day is read from the register, and what was said
    of a unit's status on which day: the newest day counts, and of that what was said last."""

    def __init__(self, desk: Desk, world: World) -> None:
        self.world = world
        self.status = {str(code): str(status) for code, status in desk.rows("SELECT code, status FROM unit")}
        self.spells: dict[str, list[tuple[date, date, str, str]]] = defaultdict(list)
        query = """SELECT u.code, p.from_date, coalesce(p.to_date, DATE '2100-01-01'), h.code, p.role
                   FROM unit_payer p JOIN unit u ON u.id = p.unit_id JOIN household h ON h.id = p.household_id"""
        for unit, first, last, household, role in desk.rows(query):
            self.spells[unit].append((first, last, household, role))
        self.said: dict[str, list[tuple[date, int, str]]] = defaultdict(list)
        query = "SELECT u.code, c.from_date, c.id, c.status FROM unit_status_change c JOIN unit u ON u.id = c.unit_id"
        for unit, day, number, status in desk.rows(query):
            self.said[unit].append((day, number, status))

    def status_on(self, unit: str, day: date) -> str:
        said = [what for what in self.said[unit] if what[0] <= day]
        return max(said)[2] if said else self.status[unit]

    def payer(self, unit: str, day: date) -> tuple[str, str]:
        found = [(who, role) for first, last, who, role in self.spells[unit] if first <= day <= last]
        assert len(found) <= 1
        return found[0] if found else (self.world.units[unit]["household"], "owner")

    def price(self, item: str, unit: str, day: date) -> Fraction:
        """Fen for one day."""
        home = self.world.units[unit]
        begun = [v for v in self.world.versions[item, home["usage"]] if v.published and v.first <= day]
        newest = max(begun, key=lambda version: version.first, default=None)
        if newest is None or (newest.last is not None and newest.last < day):
            return Fraction(0)
        base = newest.price * 100 / month_days(day)
        if item == "property_fee":
            base *= Fraction(home["area"]) * GRADES.get(home["grade"], Fraction(1))
        return base * (newest.ratio if newest.ratio is not None and self.is_vacant(unit, day) else 1)

    def is_vacant(self, unit: str, day: date) -> bool:
        if self.payer(unit, day)[1] == "developer":
            return False
        moved_in = self.world.units[unit]["move_in"]
        early = bool(moved_in) and day < date.fromisoformat(moved_in)
        status = self.status_on(unit, day)
        return status == "vacant" or (status == "occupied" and early)

    @staticmethod
    def due(last_month: date, first_month: date, issued_on: date, *, arrears: bool) -> date:
        """The last day of the month after the cycle, or before; never within 15 days of issue; then a working day."""
        month = last_month + 31 * DAY if arrears else first_month - DAY
        day = max(month.replace(day=month_days(month)), issued_on + 15 * DAY)
        while not WorkingCalendar().is_working(day):
            day += DAY
        return day

    def by_rate(self, item: str, first: date, last: date) -> dict[Key, int]:
        found: dict[Key, int] = {}
        for unit in self.world.units:
            owed: dict[str, Fraction] = {}
            for day in days(first, last):
                who = self.payer(unit, day)[0]
                owed[who] = owed.get(who, Fraction(0)) + self.price(item, unit, day)
            if total := half_up(sum(owed.values(), Fraction(0))):
                parts = shared_out(total, owed)
                found |= {(unit, who, first): fen for who, fen in parts.items() if fen}
        return found

    def shared(self, months: list[date]) -> dict[Key, int]:
        """One cost a month over the flats by area, then over their payers by day."""
        found: dict[Key, int] = defaultdict(int)
        flats = {u: Fraction(h["area"]) for u, h in self.world.units.items() if h["usage"] == "residential"}
        for month in months:
            for unit, fen in shared_out(COST_FEN, flats).items():
                lived: dict[str, Fraction] = {}
                for day in days(month, month.replace(day=month_days(month))):
                    who = self.payer(unit, day)[0]
                    lived[who] = lived.get(who, Fraction(0)) + 1
                for who, part in shared_out(fen, lived).items():
                    found[unit, who, months[0]] += part
        return {key: fen for key, fen in found.items() if fen}

    def metered(self, months: list[date]) -> dict[Key, int]:
        """Tiers over the whole cycle; a payer bears what was used between two readings by its days between them."""
        found: dict[Key, int] = {}
        ends = [months[0] - DAY, *(month.replace(day=month_days(month)) for month in months)]
        for unit, readings in self.world.readings.items():
            used = readings[ends[-1]] - readings[ends[0]]
            limits = [(above * len(months), price) for above, price in TIERS] + [
                (max(used, Fraction(10**6)), Fraction(0))
            ]
            cost = sum(
                (max(min(used, above) - below, Fraction(0)) * price
                 for (below, price), (above, _) in pairwise(limits)),
                Fraction(0),
            )  # fmt: skip
            bears: dict[str, Fraction] = {}
            for opened, closed in pairwise(ends):
                for day in days(opened + DAY, closed):
                    who = self.payer(unit, day)[0]
                    share = (readings[closed] - readings[opened]) / (closed - opened).days
                    bears[who] = bears.get(who, Fraction(0)) + share
            if total := half_up(cost * 100):
                found |= {(unit, who, months[0]): fen for who, fen in shared_out(total, bears).items() if fen}
        return found


def build(desk: Desk, seed: int) -> World:
    """A random estate: flats and offices, versions of every kind, hand-overs, readings at each end of a month."""
    dice, world = random.Random(seed), World()
    lines, readings = [], []
    for n in range(7):
        home = {"area": f"{dice.randint(100, 20_000) / 100:.2f}", "household": f"H{n}"}
        home["usage"] = dice.choice(["residential", "residential", "office"])
        status, home["grade"] = dice.choice(["occupied", "vacant", "unsold"]), dice.choice(["A", "B", "C", ""])
        home["move_in"] = f"{date(2025, 6, 1) + dice.randrange(600) * DAY}" if dice.random() < 0.4 else ""
        world.units[f"U{n}"] = home
        lines.append(
            f"E1,1,U{n},{home['area']},{home['usage']},{status},H{n},人{n},1380000000{n},{home['grade']},{home['move_in']}"
        )
        shown = Fraction(0)
        for month in range(-1, 24) if home["usage"] == "residential" else ():
            first = date(2025 + month // 12, month % 12 + 1, 1)
            shown += Fraction(dice.randint(0, 4_000), 100)
            day = first.replace(day=month_days(first))
            world.readings[f"U{n}"][day] = shown
            readings.append(f"E1,U{n},water,{day},{float(shown):.2f}")
    desk.load("estates", ESTATES, "E1,翠苑,华东,杭州,residential,A,lump_sum,")
    desk.load("units", UNITS + ",grade,move_in_date", *lines)
    past = [line for line in readings if line.split(",")[3] <= "2026-11-21"]
    desk.load("meter_readings", "estate_code,unit_code,meter,read_on,reading", *past)
    _prices(desk, dice, world)
    _hand_overs(desk, dice)
    _statuses(desk, dice)
    return world


def _prices(desk: Desk, dice: random.Random, world: World) -> None:
    plain = [
        "E1,light,shared,residential,0,2020-01-01,,,,",
        "E1,water,metered,residential,3.15,2020-01-01,,,,15=4.2;25=6.3",
    ]
    desk.load("tariffs", HEADER, *plain)
    lines: dict[bool, list[str]] = {True: [], False: []}
    for item, method, factors in (("property_fee", "per_area", "A=1.2;B=0.9;*=1"), ("lift", "fixed", "")):
        for usage in ("residential", "office"):
            for first in sorted(dice.sample(range(-400, 690), 4)):
                begun = date(2025, 1, 1) + first * DAY
                last = begun + dice.randint(0, 300) * DAY if dice.random() < 0.4 else None
                price = Fraction(dice.randint(0, 60_000), 10_000)
                ratio = Fraction(dice.randint(0, 100), 100) if dice.random() < 0.7 else None
                published = dice.random() < 0.8
                world.versions[item, usage].append(Version(begun, last, price, ratio, published))
                shown = "" if ratio is None else f"{float(ratio):.2f}"
                lines[published].append(
                    f"E1,{item},{method},{usage},{float(price):.4f},{begun},{last or ''},{shown},{factors},"
                )
    desk.load("tariffs", HEADER, *lines[True])
    desk.publish("E1")
    if lines[False]:
        desk.load("tariffs", HEADER, *lines[False])


def _hand_overs(desk: Desk, dice: random.Random) -> None:
    for n in range(12):
        role = dice.choice(["owner", "tenant", "developer"])
        first = date(2025, 1, 1) + dice.randrange(690) * DAY
        last = first + dice.randrange(90) * DAY if role == "tenant" and dice.random() < 0.7 else None
        who = f"N{dice.randrange(4)}"
        asked = TransferRequest(who, role, first, "x", to_date=last, owner_name=f"新{who}", owner_phone="13900000003")  # type: ignore[arg-type]
        try:
            with Session(desk.engine) as session, session.begin():
                transfers.transfer(session, FINANCE, Place("E1", f"U{n % 5}"), asked, uuid4(), NOW)
        except Conflict:
            continue  # the same payer, or a day that is taken


def _statuses(desk: Desk, dice: random.Random) -> None:
    for _ in range(10):
        since = date(2025, 1, 1) + dice.randrange(690) * DAY
        request = StatusRequest(dice.choice(["occupied", "vacant", "vacant", "unsold"]), since)
        with Session(desk.engine) as session, session.begin():
            statuses.set_status(session, FINANCE, Place("E1", f"U{dice.randrange(7)}"), request, NOW)


def billed(desk: Desk, item: str, period: date) -> dict[Key, int]:
    query = """SELECT u.code, h.code, b.period, b.amount_fen FROM bill b JOIN unit u ON u.id = b.unit_id
               JOIN household h ON h.id = b.household_id WHERE b.fee_item = :item AND b.period = :period"""
    return {(u, h, p): fen for u, h, p, fen in desk.rows(query, item=item, period=period)}


@pytest.mark.parametrize(("cycle", "months"), [("monthly", 1), ("quarterly", 3), ("annual", 12)])
@pytest.mark.parametrize("timing", ["arrears", "advance"])
def test_b3_bills_are_what_each_day_costs(
    database: Callable[[str], Engine], cycle: str, months: int, timing: str
) -> None:
    desk = Desk(database("billing"), Settings(slice_units=3))
    world, arrears = build(desk, seed=SEED + months), timing == "arrears"
    with Session(desk.engine) as session, session.begin():
        put_policy(session, FINANCE, "E1", BillingPolicy(cycle, timing, 31, 1, roll_to_working_day=True))
        for n in range(24):
            month = f"{2025 + n // 12}-{n % 12 + 1:02d}"
            if month <= "2026-11":
                cost = CostRequest("E1", "light", month, amount_fen=COST_FEN)
                shared_costs.record(session, FINANCE, uuid4(), cost, NOW)
    oracle = Oracle(desk, world)
    for n in range(0, 24 - 24 % months, months):
        cycle = [date(2025 + k // 12, k % 12 + 1, 1) for k in range(n, n + months)]
        late = NOW - (n * 7 % 50) * DAY if n % 2 else NOW  # in time, or some day of the last weeks
        _check_cycle(replace(desk, now=late), oracle, cycle, arrears=arrears)
    assert_explained(desk)


def _check_cycle(desk: Desk, oracle: Oracle, cycle: list[date], *, arrears: bool) -> None:
    last = cycle[-1].replace(day=month_days(cycle[-1]))
    asked = cycle[-1] if arrears else cycle[0]
    if (last if arrears else asked) > date(2026, 11, 20):
        return
    dry = desk.run(f"{asked:%Y-%m}", dry_run=True)
    wet = desk.run(f"{asked:%Y-%m}")
    assert (dry["bills"], dry["amount_fen"]) == (wet["bills"], wet["amount_fen"])
    query = "SELECT DISTINCT issued_on, due_date FROM bill WHERE period = :first AND fee_item = 'property_fee'"
    for issued_on, due in desk.rows(query, first=cycle[0]):
        assert due == oracle.due(cycle[-1], cycle[0], issued_on, arrears=arrears)
    for item in ("property_fee", "lift"):
        assert billed(desk, item, cycle[0]) == oracle.by_rate(item, cycle[0], last), item
    before = [
        month.replace(year=month.year - (month.month <= len(cycle)), month=(month.month - len(cycle) - 1) % 12 + 1)
        for month in cycle
    ]
    used = cycle if arrears else before
    if used[0] >= date(2025, 1, 1):
        assert billed(desk, "light", used[0]) == oracle.shared(used)
        assert sum(billed(desk, "light", used[0]).values()) == COST_FEN * len(used)
        assert billed(desk, "water", used[0]) == oracle.metered(used)


@pytest.mark.parametrize("seed", range(3))
def test_b3_whatever_the_policy_becomes_no_month_is_billed_twice(database: Callable[[str], Engine], seed: int) -> None:
    """A policy that changes at random, months run late and again: every stretch costs what its days cost."""
    desk, dice = Desk(database("billing"), Settings(slice_units=3)), random.Random(seed)
    world = build(desk, seed=SEED * 100 + seed)
    months = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(22)]
    with Session(desk.engine) as session, session.begin():
        for month in months:
            cost = CostRequest("E1", "light", f"{month:%Y-%m}", amount_fen=COST_FEN)
            shared_costs.record(session, FINANCE, uuid4(), cost, NOW)
    for n, month in enumerate(months):
        if dice.random() < 0.35:
            kind = dice.choice(["monthly", "quarterly", "annual"]), dice.choice(["arrears", "advance"])
            with Session(desk.engine) as session, session.begin():
                put_policy(session, FINANCE, "E1", BillingPolicy(*kind, 15, 1, roll_to_working_day=False))
        for asked in (month, dice.choice(months[: n + 1])):
            dry, wet = desk.run(f"{asked:%Y-%m}", dry_run=True), desk.run(f"{asked:%Y-%m}")
            assert (dry["bills"], dry["amount_fen"]) == (wet["bills"], wet["amount_fen"])
    _check_stretches(desk, Oracle(desk, world))
    assert_explained(desk)


def _check_stretches(desk: Desk, oracle: Oracle) -> None:
    query = """SELECT u.code, b.fee_item, b.period, b.months, h.code, b.amount_fen, b.inputs FROM bill b
               JOIN unit u ON u.id = b.unit_id JOIN household h ON h.id = b.household_id"""
    covered: dict[tuple[str, str, date], date] = {}
    rated: dict[tuple[str, date, date], dict[Key, int]] = defaultdict(dict)
    spans: dict[str, set[tuple[str, str]]] = defaultdict(set)
    shared: dict[str, int] = defaultdict(int)
    for unit, item, first, months, household, fen, inputs in desk.rows(query):
        last = first
        for month in (
            date(first.year + (first.month + k - 1) // 12, (first.month + k - 1) % 12 + 1, 1) for k in range(months)
        ):
            assert covered.setdefault((unit, item, month), first) == first, "a month in two bills"
            last = month.replace(day=month_days(month))
        if item == "water":
            spans[unit] |= {(meter["from_on"], meter["to_on"]) for meter in inputs["meters"]}
        elif item == "light":
            for share in inputs["shares"]:
                shared[share["period"]] += share["amount_fen"]
        else:
            rated[item, first, last][unit, household, first] = fen
    for (item, first, last), found in rated.items():
        units = {unit for unit, _, _ in found}
        assert found == {key: fen for key, fen in oracle.by_rate(item, first, last).items() if key[0] in units}
    assert set(shared.values()) == {COST_FEN}, "a cost is shared whole or not at all"
    for used in spans.values():
        assert all(one[1] <= following[0] for one, following in pairwise(sorted(used))), "no unit of consumption twice"
