"""STORE of shipped wordings: the versions in use, and new ones (F2). On a connection, as migrations have it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from services.notifications.tables import template
from services.notifications.wordings.rules import Newest, Wording

Key = tuple[str, str, str]
_KEY = (template.c.code, template.c.channel, template.c.language)


def newest(connection: Connection) -> Mapping[Key, Newest]:
    """(code, channel, language) → the version in use."""
    statement = select(template).distinct(*_KEY).order_by(*_KEY, template.c.version.desc())
    return {(row.code, row.channel, row.language): _newest(row) for row in connection.execute(statement)}


def _newest(row: Row[Any]) -> Newest:
    wording = Wording(row.code, row.channel, row.language, row.subject, row.body)
    return Newest(wording, row.version, row.shipped)


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add versions."""
    connection.execute(insert(template), list(rows))
