"""LAW of written forms: how spreadsheets write numbers, days and lists, made plain where they mean one thing (A3).

Full-width signs count as their plain ones in numbers, days and separators, never in codes, names and words. What could
be read in two ways (`02/03/2026`, `1,23`) is left as it is, for the cell's law to refuse.
"""

import re

from services.common.fields import YEAR

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x2212: "-", 0xFFE5: "¥"}
SEPARATORS = str.maketrans({"；": ";", "＝": "="})
# groups of three from the right, the first not starting with 0: `1,23` is no number, `0,123` neither
GROUPS = re.compile(r"(-?[1-9][0-9]{0,2}(?:,[0-9]{3})+)(\.[0-9]+)?")
YUAN = re.compile(r"(-?)\s*¥\s*(.*)", re.DOTALL)
# the year first, one separator throughout; a day of Excel may carry its midnight
DAY = re.compile(
    rf"({YEAR})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}})(?: +0?0:00(?::00)?)?|({YEAR})年([0-9]{{1,2}})月([0-9]{{1,2}})日"
)
MONTH = re.compile(rf"({YEAR})(?:[-/.]([0-9]{{1,2}})|年([0-9]{{1,2}})月)")


def plain_number(value: str) -> str:
    """`１，２３４．５０` and `1,234.50` as `1234.50`; anything else as it is."""
    value = value.translate(FULL_WIDTH)
    groups = GROUPS.fullmatch(value)
    return groups[1].replace(",", "") + (groups[2] or "") if groups else value


def plain_yuan(value: str) -> str:
    """A number that may carry the sign of the yuan before it: `¥1,234.50`, `￥5`, `-¥5`."""
    value = value.translate(FULL_WIDTH)
    match = YUAN.fullmatch(value)
    return plain_number(match[1] + match[2] if match else value)


def plain_day(value: str) -> str:
    """`2026/2/5`, `2026-2-5`, `2026.2.5` and `2026年2月5日` as `2026-02-05`; anything else as it is."""
    match = DAY.fullmatch(value.translate(FULL_WIDTH))
    if match is None:
        return value
    year, month, day = (match[place] for place in ((1, 3, 4) if match[1] else (5, 6, 7)))
    return f"{year}-{int(month):02}-{int(day):02}"


def plain_month(value: str) -> str:
    """`2026/2`, `2026-2` and `2026年2月` as `2026-02`; anything else as it is."""
    match = MONTH.fullmatch(value.translate(FULL_WIDTH))
    return f"{match[1]}-{int(match[2] or match[3]):02}" if match else value


def entries(value: str) -> list[str]:
    """What stands between `;` or `；`, without the blanks around it and without what is empty."""
    return [entry for entry in (part.strip() for part in value.translate(SEPARATORS).split(";")) if entry]
