"""VOCABULARY of fields: what a code, a text, a day or a sum may hold, for the gateway's schemas and all doors alike.

What is around a code or a text is taken off before it is looked at. Money and ids say that they need 64 bits.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.common.domain.calendar import YEARS

NO_CONTROL = r"^[^\x00-\x1f]+$"
NO_NUL = r"^[^\x00]*$"
YEAR = "[0-9]{4}"
PERIOD = rf"^{YEAR}-(0[1-9]|1[0-2])$"
QUARTER = r"^([0-9]{4})-Q([1-4])$"
DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"
PHONE = r"^\+?[0-9][0-9 ()\-]{4,18}[0-9]$"
EMAIL = r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$"
ISO_DAY = re.compile(rf"{YEAR}-[0-9]{{2}}-[0-9]{{2}}")
FIRST_DAY, LAST_DAY = f"{YEARS.start}-01-01", f"{YEARS.stop - 1}-12-31"

LONGEST_CODE = 64
# A code stands in an address as it is, and none of these means something else beside it: `*` is every estate of a
# token, `;` and `,` part lists, `:` an estate from a role. Letters of any script are letters: 1栋 and 3号楼 are codes.
NOT_IN_CODES = frozenset("/\\?#%&*;；,:")
# One sum that is asked for, paid or brought in: a hundred million yuan
LARGEST_FEN = 10_000_000_000
# what PostgreSQL's integer and bigint hold
LARGEST_INT, LARGEST_BIGINT = 2**31 - 1, 2**63 - 1
INT64: dict[str, Any] = {"type": "integer", "format": "int64"}
FEN = INT64 | {"description": "Integer fen (分)"}

Code = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_CODE, pattern=NO_CONTROL)
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_CONTROL)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=NO_NUL)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=NO_NUL)]
Note = Annotated[str, StringConstraints(max_length=2000, pattern=NO_NUL)]
Phone = Annotated[str, StringConstraints(max_length=20, pattern=PHONE)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=EMAIL)]
Period = Annotated[str, StringConstraints(pattern=PERIOD)]
Quarter = Annotated[str, StringConstraints(pattern=QUARTER)]
DecimalText = Annotated[str, StringConstraints(pattern=DECIMAL)]


def code_fault(value: str) -> str | None:
    """What keeps `value` from being a code that is given to something new; None when nothing does."""
    if any(sign.isspace() or sign in NOT_IN_CODES for sign in value):
        return f"a code holds no blanks and none of {' '.join(sorted(NOT_IN_CODES))}"
    return "a code is more than dots" if set(value) == {"."} else None


def _written_as_day(value: Any) -> Any:
    """A day is written YYYY-MM-DD, never as a number or an instant, and lies where the calendar's sums cannot fail."""
    if not (isinstance(value, str) and ISO_DAY.fullmatch(value)):
        raise PydanticCustomError("day", "Input should be a date YYYY-MM-DD")
    if not FIRST_DAY <= value <= LAST_DAY:
        raise PydanticCustomError("day", f"Input should be a date from {FIRST_DAY} to {LAST_DAY}")
    return value


def _written_as_instant(value: Any) -> Any:
    """An instant is written as RFC 3339 has it, on a day of ours."""
    if not (isinstance(value, str) and ISO_DAY.match(value) and value[10:11] in ("T", "t", " ")):
        raise PydanticCustomError("instant", "Input should be an instant of RFC 3339 with its offset")
    _written_as_day(value[:10])
    return value


def _decimals_up_to(places: int) -> Callable[[float], float]:
    def check(value: float) -> float:
        if -int(Decimal(repr(value)).as_tuple().exponent) > places:
            raise PydanticCustomError("decimals", "Input should have at most {places} decimals", {"places": places})
        return value

    return check


def decimals(places: int) -> AfterValidator:
    """A number of JSON has no more decimals than are kept, so that the answer says what is kept."""
    return AfterValidator(_decimals_up_to(places))


Day = Annotated[date, BeforeValidator(_written_as_day)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written_as_instant)]

# what events and answers hold; less than nothing where something was taken back
Whole = Annotated[int, WithJsonSchema(INT64)]
Fen = Annotated[int, WithJsonSchema({**INT64, "description": "Integer fen (分)"})]
# what is asked for, or paid
PositiveFen = Annotated[
    int, Field(strict=True, gt=0, le=LARGEST_FEN, description="Integer fen (分)", json_schema_extra=INT64)
]
BillId = Annotated[int, Field(strict=True, gt=0, le=LARGEST_BIGINT, json_schema_extra=INT64)]
BillIds = Annotated[list[BillId], Field(min_length=1, max_length=500)]
Estates = Annotated[list[Code], Field(min_length=1, max_length=2000)]
