"""LAW of showing bills: their status, and in words how an amount and a due date came about (B1, B3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.common.money import yuan

STATUSES = ("open", "partially_paid", "paid", "void")


def status(amount_fen: int, paid_fen: int, waived_fen: int, *, voided: bool) -> str:
    """open, partially_paid, paid (nothing outstanding, be it paid or waived) or void."""
    if voided:
        return "void"
    if amount_fen - paid_fen - waived_fen == 0:
        return "paid"
    return "partially_paid" if paid_fen or waived_fen else "open"


@dataclass(frozen=True)
class UsedPart:
    """A tariff version as a bill used it, for `days` of the month."""

    version: int
    method: str
    unit_price: Decimal
    ratio: Decimal | None
    days: int


@dataclass(frozen=True)
class Inputs:
    """Everything an amount was made from. `area_m2` and `vacant` are as they were when the bill was issued."""

    area_m2: Decimal
    vacant: bool
    month_days: int
    parts: Sequence[UsedPart]


def inputs_of(area_m2: Decimal, *, vacant: bool, rate: Mapping[str, Any]) -> Inputs:
    """The inputs from what the run kept of its rates."""
    parts = [
        UsedPart(
            version=part["version"],
            method=part["method"],
            unit_price=Decimal(part["unit_price"]),
            ratio=Decimal(part["vacancy_ratio"]) if vacant and part["vacancy_ratio"] is not None else None,
            days=part["days"],
        )
        for part in rate["parts"]
    ]
    return Inputs(area_m2, vacant, rate["month_days"], parts)


def formula(inputs: Inputs) -> str:
    """The arithmetic alone: "87.33 × 2.35 = 205.2255"."""
    terms = " + ".join(_term(inputs, part, "", "", "") for part in inputs.parts)
    return " ".join((terms, *_total(inputs)))


def explanation(inputs: Inputs, amount_fen: int) -> dict[str, str]:
    """The arithmetic in words, for owners: zh-CN and en."""
    zh = " + ".join(_term(inputs, part, " m²", _price_zh(part), "空置折扣 ") for part in inputs.parts)
    en = " + ".join(_term(inputs, part, " m²", _price_en(part), "vacancy ratio ") for part in inputs.parts)
    equals, exact = _total(inputs)
    return {
        "zh-CN": f"{zh} {equals} {exact} 元，四舍五入到分：{yuan(amount_fen)} 元",
        "en": f"{en} {equals} {exact} yuan, rounded half up to the fen: {yuan(amount_fen)} yuan",
    }


def exact_yuan(inputs: Inputs) -> str:
    """The amount before rounding."""
    return _total(inputs)[1]


def _total(inputs: Inputs) -> tuple[str, str]:
    """("=", amount), or ("≈", amount to eight decimals) where a part of a month makes it endless."""
    total = sum((_product(inputs, part) * part.days for part in inputs.parts), Decimal(0))
    quotient = (total / inputs.month_days).quantize(Decimal("1e-10"))
    if quotient * inputs.month_days == total:
        return "=", _plain(quotient)
    return "≈", _plain(quotient.quantize(Decimal("1e-8")))


def _product(inputs: Inputs, part: UsedPart) -> Decimal:
    area = inputs.area_m2 if part.method == "per_area" else Decimal(1)
    return area * part.unit_price * (Decimal(1) if part.ratio is None else part.ratio)


def _term(inputs: Inputs, part: UsedPart, area_unit: str, price_unit: str, ratio_word: str) -> str:
    factors = [f"{_plain(inputs.area_m2)}{area_unit}"] if part.method == "per_area" else []
    factors.append(f"{_plain(part.unit_price)}{price_unit}")
    if part.days != inputs.month_days:
        factors.append(f"{part.days}/{inputs.month_days}")
    if part.ratio is not None:
        factors.append(f"{ratio_word}{_plain(part.ratio)}")
    return " × ".join(factors)


def _price_zh(part: UsedPart) -> str:
    return " 元/m²·月" if part.method == "per_area" else " 元/月"


def _price_en(part: UsedPart) -> str:
    return " yuan per m² and month" if part.method == "per_area" else " yuan a month"


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def due_explanation(policy: Mapping[str, Any], due_date: date) -> dict[str, str]:
    """How the due date came about, for owners: zh-CN and en."""
    months, day, arrears = policy["month_offset"], policy["due_day"], policy["timing"] == "arrears"
    mode, side_zh, side = ("后付", "后", "after") if arrears else ("预付", "前", "before")
    zh = f"{mode}：账期{side_zh}第 {months} 个月的 {day} 日（当月无此日则为月末）"
    en = f"{policy['timing']}: day {day} of month {months} {side} the period (its last day where it has no such day)"
    if policy["roll_to_working_day"]:
        zh, en = f"{zh}，遇休息日顺延至下一工作日", f"{en}, moved to the next working day"
    return {"zh-CN": f"{zh}，即 {due_date.isoformat()}", "en": f"{en}: {due_date.isoformat()}"}
