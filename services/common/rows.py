"""STORE of typed rows: what a query answers, as one frozen dataclass per query."""

from collections.abc import Iterable
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar, overload

from sqlalchemy import Row


class DataclassInstance(Protocol):
    """An object of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind", bound=DataclassInstance)


@overload
def row_of(kind: type[Kind], row: Row[Any]) -> Kind: ...
@overload
def row_of(kind: type[Kind], row: None) -> None: ...
def row_of(kind: type[Kind], row: Row[Any] | None) -> Kind | None:
    """A row as a dataclass, by the names of its fields; further columns are left out. None stays None."""
    return None if row is None else kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def rows_of(kind: type[Kind], rows: Iterable[Row[Any]]) -> list[Kind]:
    """The same of all rows."""
    return [row_of(kind, row) for row in rows]
