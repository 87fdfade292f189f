"""A made-up portfolio: estates, buildings, flats, shops, parking places, owners, staff and tariffs (A1, A3, A4, B1).

Pure and deterministic: the same (seed, shape, as_of) gives the same portfolio on every machine. Every estate has its
own random stream, so estates can be generated one at a time: `estate_portfolios` yields them lazily for the large
shapes, `generate` holds them all for the small one.

Shapes: S is 2,000 households in 3 estates, M 100,000 in 60, L 1,000,000 in 600.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from demo.payers import ON_TIME, PAYERS, Payer
from demo.shapes import (
    CITIES,
    FEE_YUAN_PER_M2,
    FLAT_AREA_M2,
    HOUSEHOLDS_PER_BUILDING,
    NAME_HEADS,
    NAME_TAILS,
    PARKING_PER_HOUSEHOLD,
    SHOPS_PER_HOUSEHOLD,
    UNSOLD_SHARE,
    VACANT_SHARE,
    estate_sizes,
    exact,
    person,
    phone,
    quantile,
)

SEED = 20_289
SHAPES = {"S": (3, 2_000), "M": (60, 100_000), "L": (600, 1_000_000)}
PROPERTY, PARKING = "property", "parking"  # the two fee items: 物业费, 车位管理费
# The first estate opened this long before the day the portfolio was made. The loader reads that day back from it.
AGE = timedelta(days=3_653)


@dataclass(frozen=True, slots=True)
class Estate:
    """One estate (项目). `late_fee_clause` None: its contract knows no late fee (C1)."""

    code: str
    name: str
    region: str
    city: str
    property_type: str
    service_grade: str
    charging_mode: str
    opened_on: date
    late_fee_clause: str | None


@dataclass(frozen=True, slots=True)
class Household:
    """One payer. `payer` is how it pays, for good; `disputes` is the number of latest bills it pays in part only."""

    code: str
    owner_name: str
    owner_phone: str
    email: str | None
    language: str
    segment: str | None
    payer: Payer
    disputes: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A flat, shop or parking place and the household that pays for it."""

    code: str
    building: str
    area_m2: Decimal
    usage: str
    status: str
    household: Household
    floor: int
    move_in_date: date | None


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff; a steward answers for `buildings`, a technician has `skills`."""

    code: str
    name: str
    role: str
    buildings: tuple[str, ...]
    phone: str
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """A price in yuan per m² and month (per_area) or per month (fixed)."""

    fee_item: str
    method: str
    usage: str
    unit_price: Decimal
    effective_from: date
    effective_to: date | None
    vacancy_ratio: Decimal | None
    basis: str


@dataclass(frozen=True, slots=True)
class EstatePortfolio:
    """One estate with everything in it; `seed` and `months` also fix its payment history (see history.py)."""

    seed: int
    as_of: date
    months: int
    estate: Estate
    buildings: tuple[str, ...]
    households: tuple[Household, ...]
    units: tuple[Unit, ...]
    staff: tuple[Staff, ...]
    tariffs: tuple[Tariff, ...]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All estates as of one day."""

    as_of: date
    estates: tuple[EstatePortfolio, ...]

    def households(self) -> int:
        """How many households there are, the developers among them."""
        return sum(len(part.households) for part in self.estates)


def generate(
    seed: int = SEED, *, as_of: date, estates: int = 3, households: int = 2_000, months: int = 18
) -> Portfolio:
    """The whole portfolio as of a day."""
    return Portfolio(
        as_of, tuple(estate_portfolios(seed, as_of=as_of, estates=estates, households=households, months=months))
    )


def estate_portfolios(
    seed: int = SEED, *, as_of: date, estates: int, households: int, months: int = 18
) -> Iterator[EstatePortfolio]:
    """The same portfolio, one estate after the other, so that a million households need little memory."""
    for index, size in enumerate(estate_sizes(seed, estates, households)):
        yield _estate_portfolio(seed, index, size, months, as_of)


def estate_code(index: int) -> str:
    """The code of the estate at a place of the portfolio, counted from 0."""
    return f"DM{index + 1:03d}"


def made_on(first_estate_opened_on: date) -> date:
    """The day a loaded portfolio was made for, from what the API says of its first estate."""
    return first_estate_opened_on + AGE


def _estate_portfolio(seed: int, index: int, size: int, months: int, as_of: date) -> EstatePortfolio:
    random = Random(f"{seed}/estate/{index}")
    estate = _estate(random, index, as_of)
    buildings = tuple(f"B{n + 1:02d}" for n in range(_building_count(random, size)))
    developer = Household(
        f"{estate.code}-DEV", "开发商", phone(index * 10_000 + 9_999), None, "zh-CN", None, ON_TIME, 0
    )
    owners = tuple(_household(random, estate.code, index, n) for n in range(size - 1))
    units: tuple[Unit, ...] = (
        *_flats(random, estate, buildings, owners),
        *_unsold(random, buildings, owners, developer),
        *_shops(random, buildings, owners),
        *_parking_places(random, owners),
    )
    tariffs = _tariffs(random, index, as_of)
    staff = _staff(random, estate.code, index, buildings)
    return EstatePortfolio(seed, as_of, months, estate, buildings, (*owners, developer), units, staff, tariffs)


def _estate(random: Random, index: int, as_of: date) -> Estate:
    region, city = CITIES[index % len(CITIES)]
    younger = timedelta(days=0 if index == 0 else random.randrange(100, 1_500))
    return Estate(
        code=estate_code(index),
        name=NAME_HEADS[index % len(NAME_HEADS)] + NAME_TAILS[index // len(NAME_HEADS) % len(NAME_TAILS)],
        region=region,
        city=city,
        property_type="residential",
        service_grade=random.choice(("一级", "二级", "三级")),
        charging_mode="remuneration" if index % 3 == 1 else "lump_sum",
        opened_on=as_of - AGE + younger,
        late_fee_clause=None if index % 3 == 2 else "物业服务合同第十八条",
    )


def _building_count(random: Random, households: int) -> int:
    return max(2, round(households / random.randint(*HOUSEHOLDS_PER_BUILDING)))


def _household(random: Random, estate: str, index: int, number: int) -> Household:
    payer = random.choices(PAYERS, weights=[kind.share for kind in PAYERS])[0]
    code = f"{estate}-H{number + 1:04d}"
    segment = random.choices((None, "senior", "low_income", "new_resident", "with_children"), (70, 12, 3, 5, 10))[0]
    disputes = random.randint(1, 6) if payer.settles and random.random() < PARTIAL_SHARE else 0
    return Household(
        code=code,
        owner_name=person(random),
        owner_phone=phone(index * 10_000 + number),
        email=f"{code.lower()}@example.com" if random.random() < 0.3 else None,
        language="en" if random.random() < 0.03 else "zh-CN",
        segment=segment,
        payer=payer,
        disputes=disputes,
    )


PARTIAL_SHARE = 0.055  # of the households that pay at all: about 5 % of all


def _flats(random: Random, estate: Estate, buildings: tuple[str, ...], owners: tuple[Household, ...]) -> Iterator[Unit]:
    """Every building is a tower: the flats above each other have the same area."""
    per_building = -(-len(owners) // len(buildings))
    for number, building in enumerate(buildings):
        stacks = [exact(quantile(random, FLAT_AREA_M2), "0.01") for _ in range(random.choice((3, 4, 6)))]
        for place, owner in enumerate(owners[number * per_building : (number + 1) * per_building]):
            floor, stack = place // len(stacks) + 1, place % len(stacks)
            moved_in = estate.opened_on + timedelta(days=random.randrange(60, 900))
            status = "vacant" if random.random() < VACANT_SHARE else "occupied"
            yield _flat(building, floor, stack, stacks[stack], status, owner, moved_in)


def _unsold(
    random: Random, buildings: tuple[str, ...], owners: tuple[Household, ...], developer: Household
) -> Iterator[Unit]:
    """A few flats on the top floors that the developer still owns and owes for (A1)."""
    for number in range(max(1, round(len(owners) * UNSOLD_SHARE))):
        area = exact(quantile(random, FLAT_AREA_M2), "0.01")
        yield _flat(buildings[number % len(buildings)], TOP_FLOOR, number, area, "unsold", developer, None)


TOP_FLOOR = 60  # above the highest floor that owners fill, so that no flat code comes twice


def _flat(
    building: str, floor: int, stack: int, area: Decimal, status: str, household: Household, moved_in: date | None
) -> Unit:
    code = f"{building}-{floor:02d}{stack + 1:02d}"
    return Unit(code, building, area, "residential", status, household, floor, moved_in)


def _shops(random: Random, buildings: tuple[str, ...], owners: tuple[Household, ...]) -> Iterator[Unit]:
    """Shops on the ground floor, owned by people who live in the estate."""
    for number in range(round(len(owners) * SHOPS_PER_HOUSEHOLD)):
        building, area = random.choice(buildings), exact(random.uniform(18, 120), "0.01")
        yield Unit(
            f"{building}-S{number + 1:02d}", building, area, "commercial", "occupied", random.choice(owners), 1, None
        )


def _parking_places(random: Random, owners: tuple[Household, ...]) -> Iterator[Unit]:
    renters = random.sample(owners, round(len(owners) * PARKING_PER_HOUSEHOLD))
    for number, household in enumerate(renters):
        yield Unit(f"P{number + 1:04d}", "P1", Decimal("12.50"), "parking", "occupied", household, -1, None)


def _tariffs(random: Random, index: int, as_of: date) -> tuple[Tariff, ...]:
    """One published price per usage; every third estate takes 70 % for a vacant flat (空置房)."""
    price = max(exact(quantile(random, FEE_YUAN_PER_M2), "0.0001"), Decimal("0.8000"))
    since = date(as_of.year - 3, 1, 1)
    vacancy = Decimal("0.7000") if index % 3 == 0 else None
    places = Decimal(random.choice((60, 80, 100, 120)))
    return (
        Tariff(PROPERTY, "per_area", "residential", price, since, None, vacancy, "政府指导价"),
        Tariff(PROPERTY, "per_area", "commercial", price * 2, since, None, None, "合同约定"),
        Tariff(PARKING, "fixed", "parking", places, since, None, None, "合同约定"),
    )


SKILLS = (("plumbing", "general"), ("electrical", "lift"), ("general", "cleaning"), ("security", "fire"))


def _staff(random: Random, estate: str, index: int, buildings: tuple[str, ...]) -> tuple[Staff, ...]:
    """A manager, a steward (管家) for one or two buildings each, technicians by skill and two cashiers."""
    serial = iter(range(9_000_000 + index * 200, 9_000_000 + (index + 1) * 200))

    def member(suffix: str, role: str, of: tuple[str, ...] = (), skills: tuple[str, ...] = ()) -> Staff:
        return Staff(f"{estate}-{suffix}", person(random), role, of, phone(next(serial)), skills)

    patches = [(*buildings[n : n + 2], *(("P1",) if n == 0 else ())) for n in range(0, len(buildings), 2)]
    return (
        member("M01", "estate_manager"),
        *(member(f"S{n + 1:02d}", "steward", of=patch) for n, patch in enumerate(patches)),
        *(member(f"T{n + 1:02d}", "technician", skills=skills) for n, skills in enumerate(SKILLS)),
        *(member(f"C{n + 1:02d}", "cashier") for n in range(2)),
    )
