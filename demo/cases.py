"""The work orders and complaints that are already there when the story begins, some of them finished and rated.

Whoever pays late complains more often (payers.py). Most open complaints belong to households in arrears, so that the
hold they put on dunning (D3) is visible from the first day.
"""

from dataclasses import dataclass
from random import Random

from demo.history import opening_bills
from demo.portfolio import EstatePortfolio, Household, Portfolio

ORDER_STEPS = ("dispatch", "accept", "arrive", "complete", "confirm")
COMPLAINT_STEPS = ("respond", "resolve", "close")
ORDER_KINDS = (
    ("plumbing", "normal", "厨房下水管漏水 · kitchen drain leaks"),
    ("water_burst", "emergency", "水管爆裂 · burst pipe in the stairwell"),
    ("electrical", "normal", "楼道灯不亮 · landing light is out"),
    ("lift", "normal", "电梯异响 · lift makes a noise"),
    ("lift_entrapment", "emergency", "电梯困人 · person trapped in the lift"),
    ("cleaning", "normal", "单元门前垃圾未清 · rubbish at the entrance"),
    ("repair", "normal", "单元门闭门器损坏 · door closer broken"),
)
SERVICE_COMPLAINTS = (
    ("service", "报修三天无人上门 · repair requested, nobody came for three days"),
    ("service", "保安夜间不在岗 · no guard at the gate at night"),
    ("facility", "电梯反复停运 · lift stops again and again"),
    ("facility", "地下室渗水 · water in the basement"),
    ("management", "公共区域堆物 · common area is blocked with goods"),
)
FEE_COMPLAINT = ("fee", "对收费标准有疑问 · asks how the fee is made up")
CHANNELS = ("app", "phone", "desk")

HOUSEHOLDS_PER_ORDER = 60
HOUSEHOLDS_PER_COMPLAINT = 80


@dataclass(frozen=True, slots=True)
class OrderCase:
    """A work order and how far it has come; `rating` is the owner's answer to the survey (1–5)."""

    key: str
    estate: str
    building: str
    household: str
    category: str
    priority: str
    description: str
    steps: tuple[str, ...]
    rating: int | None


@dataclass(frozen=True, slots=True)
class ComplaintCase:
    """A complaint and how far it has come; it is open unless its last step is `close`."""

    key: str
    estate: str
    household: str
    category: str
    level: str
    text: str
    channel: str
    steps: tuple[str, ...]


def debtors(part: EstatePortfolio) -> list[Household]:
    """The households of the estate that owe something of the history."""
    owing = {bill.household for bill in opening_bills(part) if bill.paid_fen < bill.amount_fen}
    return [household for household in part.households if household.code in owing]


def order_cases(portfolio: Portfolio) -> list[OrderCase]:
    """Orders in every state, the last third finished and mostly rated."""
    return [
        _order(Random(f"{part.seed}/orders/{part.estate.code}/{number}"), part, number)
        for part in portfolio.estates
        for number in range(max(2, len(part.households) // HOUSEHOLDS_PER_ORDER))
    ]


def complaint_cases(portfolio: Portfolio) -> list[ComplaintCase]:
    """Complaints, each of another household. The last one marks the end of the opening load."""
    return [case for part in portfolio.estates for case in _complaints(part)]


def _order(random: Random, part: EstatePortfolio, number: int) -> OrderCase:
    flats = [unit for unit in part.units if unit.usage == "residential" and unit.status == "occupied"]
    unit = random.choice(flats)
    category, priority, description = ORDER_KINDS[number % len(ORDER_KINDS)]
    steps = ORDER_STEPS[: number % (len(ORDER_STEPS) + 3)]
    rating = random.choice((3, 4, 5, 5, 5)) if len(steps) == len(ORDER_STEPS) and number % 3 != 0 else None
    where = (part.estate.code, unit.building, unit.household.code)
    return OrderCase(f"{part.estate.code}-W{number + 1:03d}", *where, category, priority, description, steps, rating)


def _complaints(part: EstatePortfolio) -> list[ComplaintCase]:
    random = Random(f"{part.seed}/complaints/{part.estate.code}")
    count = max(3, len(part.households) // HOUSEHOLDS_PER_COMPLAINT)
    unhappy = _sample(random, debtors(part), -(-count * 2 // 3))
    unhappy_codes = {household.code for household in unhappy}
    others = [h for h in part.households[:-1] if h.code not in unhappy_codes]  # the last one is the developer
    asking = random.sample(others, count - len(unhappy))
    return [
        *(_complaint(random, part, n, h, *random.choice(SERVICE_COMPLAINTS), n % 3) for n, h in enumerate(unhappy)),
        *(_complaint(random, part, len(unhappy) + n, h, *FEE_COMPLAINT, 3) for n, h in enumerate(asking)),
    ]


def _sample(random: Random, households: list[Household], count: int) -> list[Household]:
    """`count` different households, those who complain more by their kind of payer with the better chance."""
    by_grudge = sorted(households, key=lambda h: random.random() ** (1 / (h.payer.complains + 0.001)), reverse=True)
    return by_grudge[:count]


def _complaint(
    random: Random, part: EstatePortfolio, number: int, household: Household, category: str, text: str, steps: int
) -> ComplaintCase:
    level = "serious" if random.random() < 0.2 else "normal"
    where = (f"{part.estate.code}-K{number + 1:03d}", part.estate.code, household.code)
    return ComplaintCase(*where, category, level, text, random.choice(CHANNELS), COMPLAINT_STEPS[:steps])
