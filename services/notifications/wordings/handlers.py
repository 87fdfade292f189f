"""STORY of shipped wordings: read the files, see what is new in them, add it as the next version (F2)."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from sqlalchemy import Connection, RowMapping, insert, select

from services.notifications.tables import template
from services.notifications.wordings.rules import Newest, Wording, read, version_due

FOLDER = Path(__file__).parent
Key = tuple[str, str, str]
_KEY = (template.c.code, template.c.channel, template.c.language)


def shipped(folder: Path = FOLDER) -> list[Wording]:
    """Every wording of the files."""
    files = sorted(folder.glob("*.txt"))
    return [wording for path in files for wording in read(path.name, path.read_text(encoding="utf-8"))]


def load(connection: Connection, wordings: Iterable[Wording]) -> int:
    """Add what the files say and the database does not, where the words in use are ours; how many are new."""
    standing = newest(connection)
    due = [(wording, version_due(wording, standing.get(wording.key))) for wording in wordings]
    rows = [_row(wording, version) for wording, version in due if version is not None]
    if rows:
        connection.execute(insert(template), rows)
    return len(rows)


def newest(connection: Connection) -> Mapping[Key, Newest]:
    """(code, channel, language) → the version in use."""
    statement = select(template).distinct(*_KEY).order_by(*_KEY, template.c.version.desc())
    standing = (_newest(row) for row in connection.execute(statement).mappings())
    return {newest.wording.key: newest for newest in standing}


def _newest(row: RowMapping) -> Newest:
    wording = Wording(**{field.name: row[field.name] for field in fields(Wording)})
    return Newest(wording, row["version"], row["shipped"])


def _row(wording: Wording, version: int) -> dict[str, object]:
    return {
        "code": wording.code,
        "channel": wording.channel,
        "language": wording.language,
        "version": version,
        "subject": wording.subject,
        "body": wording.body,
        "variables": sorted(wording.variables),
        "shipped": wording.digest,
    }
