"""STORE of policies in their own tables: one row per estate, or a version of it from each day on."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

BEGINNING = date(2000, 1, 1)
DAY = "effective_from"
Key = Mapping[str, Any]
Names = Mapping[str, str]
"""Value of a policy → its column."""


def read_row(session: Session, table: Table, key: Key, names: Names) -> dict[str, Any] | None:
    """The values of a policy that is a row; None: there is none."""
    columns = [table.c[column].label(name) for name, column in names.items()]
    row = session.execute(select(*columns).where(*_is(table, key))).first()
    return None if row is None else dict(row._mapping)


def write_row(session: Session, table: Table, key: Key, values: Mapping[str, Any] | None, names: Names) -> None:
    """Put these values in the place of those that stand; None: take the row away."""
    if values is None:
        session.execute(delete(table).where(*_is(table, key)))
        return
    columns = {names[name]: value for name, value in values.items()}
    statement = insert(table).values(**key, **columns)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=columns))


def read_version(session: Session, table: Table, key: Key, names: Names, on: date) -> dict[str, Any] | None:
    """The values of the version that holds on a day; None: there is none, or it is silent about them."""
    columns = [table.c[column].label(name) for name, column in names.items()]
    query = select(*columns).where(*_is(table, key), table.c[DAY] <= on).order_by(table.c[DAY].desc()).limit(1)
    row = session.execute(query).first()
    return None if row is None or None in row else dict(row._mapping)


def write_version(
    session: Session, table: Table, key: Key, values: Mapping[str, Any] | None, names: Names, since: date
) -> None:
    """A version from a day on: as the one before it, but for these values; None: silent about them.

    The first of an estate follows upon one that is silent about all, so that its past stays the group's.
    """
    query = select(table).where(*_is(table, key), table.c[DAY] <= since).order_by(table.c[DAY].desc()).limit(1)
    before = session.execute(query).first()
    silent = {column.name: None for column in table.c} | {**key, DAY: BEGINNING}
    if before is None:
        session.execute(insert(table).values(silent))
    new_columns = {column: None if values is None else values[name] for name, column in names.items()}
    row = (dict(before._mapping) if before else silent) | new_columns | {DAY: since}
    session.execute(insert(table).values(row).on_conflict_do_update(index_elements=[*key, DAY], set_=row))


def _is(table: Table, key: Key) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]
