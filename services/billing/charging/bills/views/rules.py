"""LAW of showing bills: their status, and in words how an amount and a due date came about (B1, B3).

An amount is a sum of terms, a term a product of factors. `formula` shows just the numbers: evaluated, rounded half up
to the fen and with `rounding_fen` added, they give the amount of the bill; a property test does that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Literal, NotRequired, TypedDict, get_args

from services.common.contracts.answers.base import Bilingual
from services.common.contracts.answers.bills import BillStatus
from services.common.contracts.answers.explanations import (
    CostShare,
    MeteredInputs,
    SharedInputs,
    TierPrice,
    UsedPart,
    VersionPrice,
)
from services.common.contracts.answers.tariffs import BillingTerms, Method
from services.common.domain.money import yuan

STATUSES: tuple[BillStatus, ...] = get_args(BillStatus)
PLACES = 10**10


def status(amount_fen: int, paid_fen: int, waived_fen: int, *, is_void: bool) -> BillStatus:
    """open, partially_paid, paid (nothing outstanding, be it paid or waived) or void."""
    if is_void:
        return "void"
    if amount_fen - paid_fen - waived_fen == 0:
        return "paid"
    return "partially_paid" if paid_fen or waived_fen else "open"


@dataclass(frozen=True)
class Factor:
    """A number of a term: its value, and as it is written bare, in Chinese and in English."""

    value: Fraction
    bare: str
    zh: str
    en: str


Term = Sequence[Factor]


def formula(terms: Sequence[Term]) -> str:
    """The arithmetic alone: "87.33 × 2.35 = 205.2255"."""
    return " ".join((_sum(terms, "bare"), *_total(terms)))


def exact_yuan(terms: Sequence[Term]) -> str:
    """The amount before rounding."""
    return _total(terms)[1]


def explanation(terms: Sequence[Term], amount_fen: int, rounding_fen: int) -> Bilingual:
    """The arithmetic in words, for owners: zh-CN and en."""
    equals, exact = _total(terms)
    rounded_yuan, rest = yuan(amount_fen - rounding_fen), yuan(rounding_fen)
    zh = f"{_sum(terms, 'zh')} {equals} {exact} 元，四舍五入到分：{rounded_yuan} 元"
    en = f"{_sum(terms, 'en')} {equals} {exact} yuan, rounded half up to the fen: {rounded_yuan} yuan"
    if rounding_fen:
        zh += f"；各方合计须等于总额，尾差 {rest} 元：{yuan(amount_fen)} 元"
        en += f"; all parts must add up to the whole, which moves {rest} yuan: {yuan(amount_fen)} yuan"
    return {"zh-CN": zh, "en": en}


def _sum(terms: Sequence[Term], how: Literal["bare", "zh", "en"]) -> str:
    return " + ".join(" × ".join(getattr(factor, how) for factor in term) for term in terms)


def _total(terms: Sequence[Term]) -> tuple[str, str]:
    """("=", amount), or ("≈", amount to eight decimals) where a part of a month makes it endless."""
    total = sum((_product(term) for term in terms), Fraction(0))
    if (total * PLACES).denominator == 1:
        return "=", _plain(Decimal(int(total * PLACES)) / PLACES)
    return "≈", _plain((Decimal(total.numerator) / total.denominator).quantize(Decimal("1e-8")))


def _product(term: Term) -> Fraction:
    value = Fraction(1)
    for factor in term:
        value *= factor.value
    return value


# --- by rate -------------------------------------------------------------------------------------------------------


class KeptPart(TypedDict):
    """A part of a rate as its run kept it; what is not required was not kept at first."""

    version: int
    method: Method
    unit_price: str
    vacancy_ratio: str | None
    days: int
    scale: NotRequired[int]
    first: NotRequired[str]
    grade_factors: NotRequired[dict[str, str] | None]
    factor: NotRequired[str]


class KeptRate(TypedDict):
    """A rate as its run kept it."""

    fee_item: str
    usage: str
    month_days: int
    parts: list[KeptPart]


class KeptPiece(TypedDict):
    """The rate on the days of a payer."""

    first_day: str
    last_day: str
    vacant: bool
    rate: KeptRate


class KeptLine(TypedDict):
    """What is kept with a bill by rate: the unit's grade where it matters, and pieces where somebody moved."""

    grade: NotRequired[str | None]
    pieces: NotRequired[list[KeptPiece]]


class KeptRates(TypedDict):
    """What the bills of a slice were made from, as its run kept it."""

    policy: BillingTerms
    rates: list[KeptRate]


def parts_of(rate: KeptRate, *, vacant: bool, grade: str | None) -> list[UsedPart]:
    """The parts of a rate as the run kept it; `grade` as the unit had it."""
    return [
        UsedPart(
            version=part["version"],
            method=part["method"],
            unit_price=Decimal(part["unit_price"]),
            factor=_factor_of(part, grade),
            ratio=Decimal(part["vacancy_ratio"]) if vacant and part["vacancy_ratio"] is not None else None,
            days=part["days"],
            month_days=rate["month_days"] // part.get("scale", 1),
            first_day=date.fromisoformat(part["first"]) if "first" in part else None,
        )
        for part in rate["parts"]
    ]


def _factor_of(part: KeptPart, grade: str | None) -> Decimal:
    factors = part.get("grade_factors")
    if factors is None:
        return Decimal(part.get("factor", 1))
    return Decimal(factors[grade] if grade in factors else factors["*"])


def rate_terms(area_m2: Decimal, parts: Sequence[UsedPart]) -> list[Term]:
    """Area × price × grade × time × vacancy ratio; whole months of one price are one term."""
    return [tuple(_rate_factors(area_m2, same[0], len(same))) for same in _by_price(parts)]


def _by_price(parts: Sequence[UsedPart]) -> Iterator[list[UsedPart]]:
    def price(part: UsedPart) -> tuple[object, ...]:
        whole = part.days == part.month_days
        return part.version, part.method, part.unit_price, part.factor, part.ratio, whole or (part.first_day, part.days)

    for _, group in groupby(parts, key=price):
        yield list(group)


def _rate_factors(area_m2: Decimal, part: UsedPart, months: int) -> Iterator[Factor]:
    per_area = part.method == "per_area"
    if per_area:
        yield _factor(area_m2, " m²", " m²")
    yield _factor(
        part.unit_price,
        " 元/m²·月" if per_area else " 元/月",
        " yuan per m² and month" if per_area else " yuan a month",
    )
    if per_area and part.factor != 1:
        number = _plain(part.factor)
        yield Factor(Fraction(part.factor), number, f"等级系数 {number}", f"grade factor {number}")
    if part.days != part.month_days:
        yield _ratio(part.days, part.month_days)
    elif months > 1:
        yield _factor(Decimal(months), " 月", " months")
    if part.ratio is not None:
        number = _plain(part.ratio)
        yield Factor(Fraction(part.ratio), number, f"空置折扣 {number}", f"vacancy ratio {number}")


# --- metered and shared --------------------------------------------------------------------------------------------


def metered_terms(inputs: MeteredInputs) -> list[Term]:
    """Quantity × price for each tier; by days where several versions hold, by consumption where several pay."""
    return [
        tuple(_metered_factors(inputs, version, tier))
        for version in inputs["versions"]
        for tier in version["tiers"]
    ]  # fmt: skip


def _metered_factors(inputs: MeteredInputs, version: VersionPrice, tier: TierPrice) -> Iterator[Factor]:
    yield _factor(tier["quantity"], " 单位", " units")
    yield _factor(tier["unit_price"], " 元/单位", " yuan a unit")
    if version["days"] != inputs["days"]:
        yield _ratio(version["days"], inputs["days"])
    if inputs["part"] is not None:
        part, whole = inputs["part"]
        yield _ratio(part, whole, zh="用量占比 ", en="share of the consumption ")


def shared_terms(inputs: SharedInputs) -> list[Term]:
    """Cost × area ÷ area of all; or, where several pay, the unit's share by days."""
    return [tuple(_shared_factors(share)) for share in inputs["shares"]]


def _shared_factors(share: CostShare) -> Iterator[Factor]:
    if share["days"] != share["of_days"]:
        yield _money(share["share_fen"], "本户分摊 ", "the unit's share ")
        yield _ratio(share["days"], share["of_days"])
        return
    weight, total = share["weight"], share["total_weight"]
    bare = f"{_plain(weight)}/{_plain(total)}"
    yield _money(share["cost_fen"], "公摊总额 ", "cost ")
    yield Factor(Fraction(weight) / Fraction(total), bare, f"{bare} m²", f"{bare} m²")


def amount_term(fen: int) -> list[Term]:
    """An amount that was agreed as it stands."""
    return [(_money(fen, "", ""),)]


def _factor(value: Decimal, zh: str, en: str) -> Factor:
    bare = _plain(value)
    return Factor(Fraction(value), bare, bare + zh, bare + en)


def _money(fen: int, zh: str, en: str) -> Factor:
    bare = yuan(fen)
    return Factor(Fraction(fen, 100), bare, f"{zh}{bare} 元", f"{en}{bare} yuan")


def _ratio(part: int, whole: int, zh: str = "", en: str = "") -> Factor:
    bare = f"{part}/{whole}"
    return Factor(Fraction(part, whole), bare, zh + bare, en + bare)


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def due_explanation(policy: BillingTerms, due_date: date, *, is_reissue: bool) -> Bilingual:
    """How the due date came about, for owners: zh-CN and en."""
    if is_reissue:
        return {"zh-CN": f"沿用原账单的到期日：{due_date}", "en": f"as the bill it replaces: {due_date}"}
    months, day, arrears = policy["month_offset"], policy["due_day"], policy["timing"] == "arrears"
    mode, side_zh, side = ("后付", "后", "after") if arrears else ("预付", "前", "before")
    zh = f"{mode}：账期{side_zh}第 {months} 个月的 {day} 日（当月无此日则为月末）"
    en = f"{policy['timing']}: day {day} of month {months} {side} the period (its last day where it has no such day)"
    if policy["roll_to_working_day"]:
        zh, en = f"{zh}，遇休息日顺延至下一工作日", f"{en}, moved to the next working day"
    if notice_days := policy["notice_days"]:
        zh, en = f"{zh}，且不早于出账后 {notice_days} 日", f"{en}, but not within {notice_days} days of issue"
    return {"zh-CN": f"{zh}，即 {due_date.isoformat()}", "en": f"{en}: {due_date.isoformat()}"}
