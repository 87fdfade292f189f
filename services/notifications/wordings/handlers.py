"""STORY of shipped wordings: read the files, see what is new in them, add it as the next version (F2)."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from services.notifications.wordings import tables
from services.notifications.wordings.rules import Wording, read, version_due

FOLDER = Path(__file__).parent


def shipped(folder: Path = FOLDER) -> list[Wording]:
    """Every wording of the files."""
    files = sorted(folder.glob("*.txt"))
    return [wording for path in files for wording in read(path.name, path.read_text(encoding="utf-8"))]


def load(connection: Connection, wordings: Iterable[Wording]) -> int:
    """Add what the files say and the database does not, where the words in use are ours; how many are new."""
    standing = tables.newest(connection)
    due = [(wording, version_due(wording, standing.get(wording.key))) for wording in wordings]
    rows = [_row(wording, version) for wording, version in due if version is not None]
    if rows:
        tables.add(connection, rows)
    return len(rows)


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
