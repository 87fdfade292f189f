"""SQL of what was asked for: each is a condition of a statement, and none at all where nothing was asked for."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, true, tuple_


def among(column: ColumnElement[Any], values: Collection[Any] | None) -> ColumnElement[bool]:
    """It is one of the values; None: whatever it is."""
    return true() if values is None else column.in_(list(values))


def equals(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    """It is the value; None: whatever it is."""
    return true() if value is None else column == value


def below(columns: Sequence[ColumnElement[Any]], key: Sequence[Any] | None) -> ColumnElement[bool]:
    """The row comes before the key, as on a further page of a list from the last to the first; None: every row does."""
    return true() if key is None else tuple_(*columns) < tuple_(*key)


def above(columns: Sequence[ColumnElement[Any]], key: Sequence[Any] | None) -> ColumnElement[bool]:
    """The row comes after the key, as on a further page of a list from the first to the last; None: every row does."""
    return true() if key is None else tuple_(*columns) > tuple_(*key)
