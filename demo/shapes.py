"""What real portfolios look like, in a handful of numbers, and draws from them.

The quantiles below summarise public listings of some six hundred residential communities and three thousand flats:
they give the demo and the benchmarks the right proportions and contain no estate, flat or person.
"""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from random import Random

# The share of communities or flats at or below the value that stands at the same place.
SHARES = (0.01, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 0.95, 0.99)
FLAT_AREA_M2 = (35, 48, 59, 77, 87, 94, 105, 115, 127, 137, 164, 198, 287)
FEE_YUAN_PER_M2 = (0.30, 0.45, 0.50, 0.70, 1.00, 1.10, 1.20, 1.50, 1.70, 2.00, 2.60, 3.50, 4.60)
HOUSEHOLDS_PER_ESTATE = (68, 110, 157, 245, 326, 450, 626, 769, 1015, 1334, 1986, 2641, 4230)

HOUSEHOLDS_PER_BUILDING = (64, 104)  # the middle half of the communities
PARKING_PER_HOUSEHOLD = 0.20  # share of households that rent a parking place of the estate
SHOPS_PER_HOUSEHOLD = 0.02
VACANT_SHARE = 0.06
UNSOLD_SHARE = 0.01

CITIES = (("华中", "长沙"), ("华东", "杭州"), ("华南", "佛山"), ("西南", "成都"), ("华北", "济南"), ("西北", "西安"))
NAME_HEADS = ("和风", "云栖", "临江", "翠屏", "星河", "锦绣", "春晓", "长桥", "松涛", "枫林", "明湖", "听雨")
NAME_TAILS = ("家园", "花园", "苑", "里", "雅居", "新城")
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
GIVEN = "安宁文华建国秀英子轩雨欣明亮海燕志强思远佳怡春梅永康晓东若兰"

# Not a number anybody can be called at: Chinese mobile numbers begin with 13 to 19.
PHONE_PREFIX = "1007"


def quantile(random: Random, values: Sequence[float]) -> float:
    """A draw from the distribution whose quantiles at `SHARES` are `values`, straight lines between them."""
    at = random.uniform(SHARES[0], SHARES[-1])
    upper = min(max(bisect_right(SHARES, at), 1), len(SHARES) - 1)
    left, right = SHARES[upper - 1], SHARES[upper]
    return values[upper - 1] + (values[upper] - values[upper - 1]) * (at - left) / (right - left)


def exact(value: float, places: str) -> Decimal:
    """A drawn number as an exact decimal with as many places as `places` shows ("0.01" for m²)."""
    return Decimal(repr(value)).quantize(Decimal(places), ROUND_HALF_UP)


def estate_sizes(seed: int, estates: int, households: int) -> list[int]:
    """Households per estate, the largest first, together exactly `households`."""
    random = Random(f"{seed}/sizes/{estates}")
    drawn = sorted((max(quantile(random, HOUSEHOLDS_PER_ESTATE), 450) for _ in range(estates)), reverse=True)
    scale = households / sum(drawn)
    sizes = [max(20, round(size * scale)) for size in drawn]
    sizes[0] += households - sum(sizes)
    return sizes


def person(random: Random) -> str:
    """An invented name."""
    return random.choice(SURNAMES) + "".join(random.sample(GIVEN, random.choice((1, 2, 2))))


def phone(serial: int) -> str:
    """The invented telephone number of one person; eleven digits that no network routes."""
    return f"{PHONE_PREFIX}{serial % 10_000_000:07d}"
