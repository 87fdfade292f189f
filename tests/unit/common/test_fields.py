"""What a field may hold is said once; money and ids say in their schema that they need 64 bits."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.common.fields import (
    BillId,
    BillIds,
    Code,
    Day,
    Fen,
    Instant,
    Line,
    Note,
    Period,
    PositiveFen,
    Reason,
    Text,
    code_fault,
)

ACCEPTED = [
    (Code, " GZ01-1-0101\n", "GZ01-1-0101"), (Code, "滨江", "滨江"), (Code, "x" * 64, "x" * 64),
    (Line, " V-1 ", "V-1"), (Reason, "\tmoved\n", "moved"), (Text, "x" * 4000, "x" * 4000), (Note, "", ""),
    (Period, "2026-12", "2026-12"), (PositiveFen, 10**10, 10**10), (BillId, 2**63 - 1, 2**63 - 1), (Fen, -5, -5),
]  # fmt: skip
REFUSED = [
    (Code, "  "), (Code, "x" * 65), (Code, "a\x1fb"), (Line, "a\x00b"), (Reason, " "), (Text, "x" * 4001),
    (Note, "a\x00b"), (Period, "2026-13"), (Period, "2026-1"), (PositiveFen, 0),
    (PositiveFen, 10**10 + 1), (PositiveFen, 5.0), (PositiveFen, "5"),
    (BillId, 0), (BillId, 2**63), (BillIds, []), (Day, 20261120), (Day, "2026-11-20T00:00:00"), (Day, "1899-12-31"),
    (Day, "2026-02-30"), (Instant, "2026-11-20T09:00:00"), (Instant, 1700000000), (Instant, "3000-01-01T00:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "text", "value"), ACCEPTED)
def test_what_a_field_takes(field: Any, text: Any, value: Any) -> None:
    assert TypeAdapter(field).validate_python(text) == value


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_what_a_field_refuses(field: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(field).validate_python(value)


@pytest.mark.parametrize("code", ["GZ01", "1-101", "-1-023", "1栋", "3号楼", "A座101", "GZ01-1-0101-B", "0101.2", "é"])
def test_what_names_something_new(code: str) -> None:
    assert code_fault(code) is None


@pytest.mark.parametrize(
    "code",
    [
        "*",
        "GZ*",
        "..",
        ".",
        "a/b",
        "a\\b",
        "01 03",
        "0155?x",
        "a\u3000b",
        "1;2",
        "1；2",
        "1,2",
        "a:b",
        "a#1",
        "5%",
        "a&b",
    ],
)
def test_what_names_nothing_new(code: str) -> None:
    assert code_fault(code)


@pytest.mark.parametrize("field", [PositiveFen, Fen])
def test_fen_says_what_it_is(field: Any) -> None:
    schema = TypeAdapter(field).json_schema()
    assert (schema["type"], schema["format"], schema["description"]) == ("integer", "int64", "Integer fen (分)")
