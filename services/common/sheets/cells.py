"""LAW of single cells: text in, value out, or a reason in words (A3). A reader never sees the value in the reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import category

from services.common import fields
from services.common.domain.calendar import parse_period
from services.common.domain.money import fen
from services.common.fields import LONGEST_CODE
from services.common.sheets.forms import SEPARATORS, entries, plain_day, plain_month, plain_number, plain_yuan

Parse = Callable[[str], Any]
LONGEST = 500
PHONE, EMAIL = re.compile(fields.PHONE), re.compile(fields.EMAIL)
PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
YEAR_LAST = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2,4}")
NO_DAY, NO_DAY_BUT_YEAR_LAST = "not a date YYYY-MM-DD", "day and month cannot be told apart: write YYYY-MM-DD"
NO_NUMBER, NO_GROUPS = "not a number", "not a number: commas part groups of three digits only"
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
UNREADABLE = "\ufffd"
# format, line and paragraph separators: they come with copying, and make two of one code
INVISIBLE = frozenset({"Cf", "Zl", "Zp"})
EARLIEST = date.fromisoformat(fields.FIRST_DAY)
MOST_YUAN = Decimal(fields.LARGEST_FEN + 1) / 100
FEN_DECIMALS = 2


@dataclass(frozen=True)
class Column:
    """A column of a kind. `field` names its value; `empty` is what an empty cell of an optional column means."""

    name: str
    parse: Parse
    required: bool = True
    field: str = ""
    empty: Any = None

    @property
    def target(self) -> str:
        """The name its value goes by."""
        return self.field or self.name


def text(value: str) -> str:
    """Any text without control characters."""
    if len(value) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    if CONTROL.search(value):
        raise ValueError("holds a control character")
    if UNREADABLE in value:
        raise ValueError("holds a character that could not be read")
    return value


def short(value: str) -> str:
    """A few words by which something is asked for, at most 64 characters."""
    if len(value) > LONGEST_CODE:
        raise ValueError(f"longer than {LONGEST_CODE} characters")
    if not value.isascii() and any(category(sign) in INVISIBLE for sign in value):
        raise ValueError("holds an invisible character")
    return text(value)


def code(value: str) -> str:
    """A code that may be given to something new."""
    if fault := fields.code_fault(short(value)):
        raise ValueError(fault)
    return value


def phone(value: str) -> str:
    """A telephone number: digits, blanks, brackets, hyphens, a leading plus."""
    if not PHONE.fullmatch(value):
        raise ValueError("not a phone number")
    return value


def email(value: str) -> str:
    """An e-mail address."""
    if not EMAIL.fullmatch(text(value)):
        raise ValueError("not an e-mail address")
    return value


def day(value: str) -> date:
    """A date YYYY-MM-DD, or as spreadsheets write it with the year first."""
    plain = plain_day(value)
    if not fields.ISO_DAY.fullmatch(plain):
        raise ValueError(NO_DAY_BUT_YEAR_LAST if YEAR_LAST.fullmatch(value) else NO_DAY)
    try:
        value_day = date.fromisoformat(plain)
    except ValueError as error:
        raise ValueError("no such day") from error
    if value_day < EARLIEST:
        raise ValueError(f"earlier than {EARLIEST}")
    return value_day


def period(value: str) -> date:
    """A month YYYY-MM, or as spreadsheets write it with the year first; as its first day."""
    try:
        month = parse_period(plain_month(value))
    except ValueError as error:
        raise ValueError("not a period YYYY-MM") from error
    if month < EARLIEST:
        raise ValueError(f"earlier than {EARLIEST:%Y-%m}")
    return month


def one_of(*words: str, **also: str) -> Parse:
    """One of `allowed`; a key of `also` is another way to write its value."""
    names = {name: name for name in words} | also

    def parse(value: str) -> str:
        if value not in names:
            raise ValueError(f"not one of {', '.join(words)}")
        return names[value]

    parse.__doc__ = f"One of {', '.join(f'`{word}`' for word in words)}."
    return parse


def decimal(places: int, below: Decimal, *, at_most: bool = False, yuan: bool = False) -> Parse:
    """A number that is not negative, with at most `places` decimals, below `below` (`at_most`: up to it).

    `yuan`: it is money and may carry its sign.
    """
    plain = plain_yuan if yuan else plain_number

    def parse(value: str) -> Decimal:
        number = _number(plain(value))
        if number < 0:
            raise ValueError("negative")
        if number > below or (number == below and not at_most):
            raise ValueError(f"too large: {'at most' if at_most else 'less than'} {below:f}")
        if _decimals(plain(value)) > places:
            raise ValueError(f"more than {places} decimals")
        return number

    limit = f"at most {below:f}" if at_most else f"less than {below:f}"
    parse.__doc__ = f"A number from 0, {limit}, with at most {places} decimals."
    return parse


def amount(value: str) -> int:
    """Yuan with at most two decimals, not negative; in fen."""
    plain = plain_yuan(value)
    number = _number(plain)
    if number < 0:
        raise ValueError("negative")
    if number >= MOST_YUAN:
        raise ValueError("too large")
    if _decimals(plain) > FEN_DECIMALS:
        raise ValueError("more than two decimals")
    return fen(number)


def positive_amount(value: str) -> int:
    """Yuan with at most two decimals, more than zero; in fen."""
    fen = amount(value)
    if fen == 0:
        raise ValueError("zero: leave the row out")
    return fen


def listed(value: str) -> list[str]:
    """Entries separated by `;` or `；`, each once, in their order."""
    return list(dict.fromkeys(map(text, entries(value))))


def pairs(parse: Parse, *, named: Parse = text) -> Parse:
    """Entries `name=value` separated by `;` or `；`, each name once, in their order; as a list of (name, value)."""

    def parse_all(value: str) -> list[tuple[Any, Any]]:
        values: dict[Any, Any] = {}
        for entry in (part.strip() for part in value.translate(SEPARATORS).split(";")):
            name, equals, own = (side.strip() for side in entry.partition("="))
            if not (name and equals and own):
                raise ValueError("entries are name=value, separated by ;")
            key = named(name)
            if key in values:
                raise ValueError(f"{name} appears twice")
            values[key] = parse(own)
        return list(values.items())

    return parse_all


def _number(value: str) -> Decimal:
    if not PLAIN_NUMBER.fullmatch(value):
        raise ValueError(NO_GROUPS if "," in value else NO_NUMBER)
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise ValueError(NO_NUMBER) from error


def _decimals(value: str) -> int:
    """Counted in the text: arithmetic would round what has more digits than it carries.

    "1.50" has one, however many zeros follow: a price of 2.35000 is as exact as 2.35.
    """
    return len(value.partition(".")[2].rstrip("0"))
