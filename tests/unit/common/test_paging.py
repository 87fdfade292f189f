"""A cursor that no list gave out is refused, whatever it holds."""

import base64
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from services.common.contracts.errors import Invalid
from services.common.paging import decode_cursor, encode_cursor, position

NEVER_ISSUED = [
    "[null]", "[[1]]", "[[]]", "[{}]", "[1e999]", "[1.5]", "[true]", "[NaN]", "{}", "1", "null", "[]", "[1, 2]", "x",
    '["\\u0000"]', '["\\ud800"]', "[9223372036854775808]",
]  # fmt: skip


@pytest.mark.parametrize("text", NEVER_ISSUED)
@pytest.mark.parametrize("read", [int, str, UUID, date.fromisoformat, datetime.fromisoformat])
def test_a_cursor_that_was_never_issued_is_refused(text: str, read: type) -> None:
    with pytest.raises(Invalid):
        position(base64.urlsafe_b64encode(text.encode()).decode(), read)


def test_a_number_is_no_code() -> None:
    with pytest.raises(Invalid):
        position(encode_cursor([1]), str)


def test_what_was_issued_is_read_again() -> None:
    number, code, instant = 42, "滨江", datetime(2026, 11, 21, tzinfo=UTC)
    key = [number, code, instant.isoformat()]
    assert position(encode_cursor(key), int, str, datetime.fromisoformat) == (number, code, instant)
    assert decode_cursor(encode_cursor([1, "a"])) == [1, "a"]
    assert position(None, int) is None
