"""LAW of kinds: the columns of each CSV file, required first (A3, contract page)."""

from datetime import date
from decimal import Decimal
from typing import get_args

from services.billing.portfolio.days import BEGINNING
from services.common.contracts.answers.portfolio import Language, UnitStatus, Usage
from services.common.domain.permissions import STAFF
from services.common.sheets.cells import (
    Column,
    Parse,
    amount,
    day,
    decimal,
    email,
    listed,
    one_of,
    pairs,
    period,
    phone,
    positive_amount,
    short,
    text,
)

USAGE = one_of(*get_args(Usage))
STATUS = one_of(*get_args(UnitStatus))
CHARGING_MODE = one_of("lump_sum", "remuneration", 包干制="lump_sum", 酬金制="remuneration")
METHOD = one_of("per_area", "fixed", "metered", "shared")
ROLE = one_of(*STAFF, "contractor")
LANGUAGE = one_of(*get_args(Language))
SEGMENTS = {
    **dict.fromkeys(("low-income", "低收入"), "low_income"),
    **dict.fromkeys(("new-resident", "新入住"), "new_resident"),
    **dict.fromkeys(("with-children", "有儿童"), "with_children"),
    "老年": "senior",
}
# Together so bounded that a year at the highest price is an amount the ledger can hold.
AREA = decimal(2, Decimal(10) ** 7)
PRICE = decimal(4, Decimal(10) ** 7, yuan=True)
FACTOR = decimal(4, Decimal(10))
READING = decimal(4, Decimal(10) ** 9)
RATIO = decimal(4, Decimal(1), at_most=True)


def tiers(value: str) -> list[list[str]]:
    """`15=4.20;25=6.30`: above 15 units a month the price is 4.20 yuan, above 25 it is 6.30; limits rise from above 0.

    Numbers are kept as plain text, in which 4.2 and 4.20 are the same.
    """
    steps = pairs(PRICE, named=decimal(4, Decimal(10) ** 10))(value)
    limits = [limit for limit, _ in steps]
    if limits[0] <= 0 or limits != sorted(limits):
        raise ValueError("limits rise, the first is above 0")
    return [[plain(limit), plain(price)] for limit, price in steps]


def grade_factors(value: str) -> dict[str, str]:
    """`A=1.2;B=1;*=0.9`: what the price is multiplied by for units of a grade, `*` being all others."""
    return {grade: plain(factor) for grade, factor in pairs(FACTOR)(value)}


def code(value: str) -> str:
    r"""A code: at most 64 letters and digits of any script; a new one without blanks and `/ \ ? # % & * ; , :`."""
    return short(value)


def grade(value: str) -> str:
    """A grade of a unit; not `*`, which grade_factors has for all others."""
    if value == "*":
        raise ValueError("* stands for all other grades")
    return short(value)


def composition(value: str) -> list[list[str]]:
    """`staff=1.20;cleaning=0.80`: what the price is made of, in yuan."""
    return [[name, plain(part)] for name, part in pairs(PRICE)(value)]


def plain(number: Decimal) -> str:
    """Without trailing zeros or exponent."""
    return format(number.normalize(), "f")


def optional(name: str, parse: Parse, *, empty: object = None, field: str = "") -> Column:
    """A column that may be left out, or left empty."""
    return Column(name, parse, required=False, empty=empty, field=field)


def segment(value: str) -> str:
    """A segment (A2); other ways to write the four that are known are made one, groups of one's own are kept."""
    return SEGMENTS.get(value, text(value))


def past_beginning(value: str) -> date:
    """A day from which something holds: not the beginning of time."""
    since = day(value)
    if since <= BEGINNING:
        raise ValueError(f"not after {BEGINNING}")
    return since


KINDS: dict[str, tuple[Column, ...]] = {
    "estates": (
        Column("estate_code", code, field="code"),
        Column("name", text),
        Column("region", short),
        Column("city", text),
        Column("property_type", text),
        Column("service_grade", text),
        Column("charging_mode", CHARGING_MODE),
        optional("opened_on", day),
        optional("late_fee_clause", text),
    ),
    "units": (
        Column("estate_code", code),
        Column("building", code),
        Column("unit_code", code, field="code"),
        Column("area_m2", AREA),
        Column("usage", USAGE),
        Column("status", STATUS),
        Column("household_code", code),
        Column("owner_name", text),
        Column("owner_phone", phone),
        optional("floor", text),
        optional("move_in_date", day),
        optional("segment", segment),
        optional("grade", grade),
        optional("email", email),
        optional("language", LANGUAGE, empty="zh-CN"),
        optional("payer_from", past_beginning),
        optional("status_from", past_beginning),
    ),
    "staff": (
        Column("staff_code", code, field="code"),
        Column("name", text),
        Column("role", ROLE),
        Column("estate_code", code),
        optional("buildings", listed, empty=()),
        optional("phone", phone, empty=""),
        optional("skills", listed, empty=()),
    ),
    "tariffs": (
        Column("estate_code", code),
        Column("fee_item", short),
        Column("method", METHOD),
        Column("usage", USAGE),
        Column("unit_price_yuan", PRICE, field="unit_price"),
        Column("effective_from", day),
        optional("effective_to", day),
        optional("vacancy_ratio", RATIO),
        optional("basis", text),
        optional("tiers", tiers),
        optional("grade_factors", grade_factors),
        optional("composition", composition),
    ),
    "opening_balances": (
        Column("estate_code", code),
        Column("unit_code", code),
        Column("fee_item", short),
        Column("period", period),
        Column("amount_yuan", positive_amount, field="amount_fen"),
        Column("due_date", day),
        optional("paid_yuan", amount, empty=0, field="paid_fen"),
        optional("paid_on", day),
    ),
    "meter_readings": (
        Column("estate_code", code),
        Column("unit_code", code),
        Column("meter", short),
        Column("read_on", day),
        Column("reading", READING),
    ),
}
