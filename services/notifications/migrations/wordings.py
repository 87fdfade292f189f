"""How the revisions up to 0011 bring wordings: code → channels that share a text → the texts of both languages.

Frozen: they insert what was said then. What is said today stands in ../wordings, and repeatable.py brings it.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

Wording = tuple[str, str, str, str]
"""zh-CN subject and body, en subject and body. An SMS carries no subject."""
Wordings = Mapping[str, Mapping[tuple[str, ...], Wording]]

TEMPLATE = sa.table(
    "template",
    *(sa.column(name, sa.Text) for name in ("code", "channel", "language", "subject", "body")),
    sa.column("version", sa.Integer),
    sa.column("variables", postgresql.ARRAY(sa.Text)),
    sa.column("shipped", sa.Text),
)


def insert_first_version(op: Any, wordings: Wordings) -> None:
    """One row per code, channel and language; the declared variables are those the text uses."""
    op.bulk_insert(TEMPLATE, [*_rows(wordings)])


def remove(op: Any, wordings: Wordings) -> None:
    """Take the first versions of these codes away again."""
    op.execute(TEMPLATE.delete().where(TEMPLATE.c.code.in_(sorted(wordings)), TEMPLATE.c.version == 1))


def mark_as_shipped(op: Any, revision_name: str) -> None:
    """Write down which first versions of a revision stand as it brought them; an edited one is the group's own."""
    revision = import_module(f"services.notifications.migrations.versions.{revision_name}")
    for row in _rows(revision.WORDINGS):
        op.execute(TEMPLATE.update().where(*_as(row)).values(shipped=_digest(row)))


def _rows(wordings: Wordings) -> Iterator[dict[str, object]]:
    for code, texts in wordings.items():
        for channels, (zh_subject, zh_body, en_subject, en_body) in texts.items():
            for channel in channels:
                yield _row(code, channel, "zh-CN", zh_subject, zh_body)
                yield _row(code, channel, "en", en_subject, en_body)


def _as(row: Mapping[str, object]) -> Iterator[sa.ColumnElement[bool]]:
    for name in ("code", "channel", "language", "version", "subject", "body"):
        yield TEMPLATE.c[name] == row[name]


def _digest(row: Mapping[str, object]) -> str:
    return sha256(f"{row['subject']}\n{row['body']}".encode()).hexdigest()


def _row(code: str, channel: str, language: str, subject: str, body: str) -> dict[str, object]:
    shown = "" if channel == "sms" else subject
    return {
        "code": code,
        "channel": channel,
        "language": language,
        "version": 1,
        "subject": shown,
        "body": body,
        "variables": sorted(set(re.findall(r"\{(\w+)\}", shown + body))),
    }
