"""A row of a query as a dataclass: by name, without what is not asked for; nothing stays nothing."""

from collections import namedtuple
from dataclasses import dataclass

import pytest

from services.common.rows import row_of, rows_of

Row = namedtuple("Row", "fen code further")


@dataclass(frozen=True)
class Sum:
    code: str
    fen: int


def test_a_row_is_read_by_name() -> None:
    assert row_of(Sum, Row(7, "E1", "x")) == Sum("E1", 7)
    assert row_of(Sum, None) is None
    assert rows_of(Sum, [Row(7, "E1", "x"), Row(8, "E2", "y")]) == [Sum("E1", 7), Sum("E2", 8)]


def test_a_column_that_is_not_there_is_noticed() -> None:
    with pytest.raises(AttributeError):
        row_of(Sum, namedtuple("Less", "fen")(7))
