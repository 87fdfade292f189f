"""VOCABULARY of lists: `limit` and an opaque `cursor` in, `{"items", "next_cursor"}` out; cut by key, not by offset."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field

from services.common.contracts.errors import Invalid
from services.common.fields import LARGEST_BIGINT

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Row = TypeVar("Row")


def encode_cursor(key: Sequence[Any]) -> str:
    """The key of the last row shown, as text for the caller to bring back."""
    return base64.urlsafe_b64encode(json.dumps(list(key), default=str).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> list[Any] | None:
    """The key after which the page starts; Invalid when the cursor is none of ours."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise not_of_this_list() from error
    if not isinstance(key, list) or not all(_is_key(part) for part in key):
        raise not_of_this_list()
    return key


def _is_key(part: Any) -> bool:
    """Whether a part is one that a list gives out: a whole number, or text that the database can hold."""
    if isinstance(part, str):
        return not ("\x00" in part or any("\ud800" <= sign <= "\udfff" for sign in part))
    return isinstance(part, int) and not isinstance(part, bool)


def position(cursor: str | None, *parts: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """The cursor's key with each part read by its own function: `position(cursor, datetime.fromisoformat, UUID)`.

    None without a cursor; Invalid when it is another list's.
    """
    key = decode_cursor(cursor)
    if key is None:
        return None
    try:
        values = tuple(_read(read, part) for read, part in zip(parts, key, strict=True))
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:  # reading a stranger's JSON may raise
        raise not_of_this_list() from error
    if any(isinstance(part, int) and abs(part) > LARGEST_BIGINT for part in values):
        raise not_of_this_list()
    return values


def _read(read: Callable[[Any], Any], part: Any) -> Any:
    """A part as its column has it; a number is no code, though `str` would make one of it."""
    if read is str and not isinstance(part, str):
        raise TypeError("a code is text")
    return read(part)


def not_of_this_list(loc: str = "cursor") -> Invalid:
    """The answer to a cursor that is somebody else's."""
    return Invalid("The cursor is not valid.", [{"loc": loc, "msg": "not a cursor of this list"}])


def page(rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[Any]]) -> tuple[list[Row], str | None]:
    """`rows` fetched with limit + 1 → (the page, the cursor of the next page or None)."""
    items = list(rows[:limit])
    return items, encode_cursor(key(items[-1])) if len(rows) > limit and items else None
