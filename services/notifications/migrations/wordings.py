"""How a migration brings wordings: code → channels that share a text → the texts of both languages."""

import re
from collections.abc import Mapping
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
)


def insert_first_version(op: Any, wordings: Wordings) -> None:
    """One row per code, channel and language; the declared variables are those the text uses."""
    rows = [
        _row(code, channel, language, subject, body)
        for code, texts in wordings.items()
        for channels, (zh_subject, zh_body, en_subject, en_body) in texts.items()
        for channel in channels
        for language, subject, body in (("zh-CN", zh_subject, zh_body), ("en", en_subject, en_body))
    ]
    op.bulk_insert(TEMPLATE, rows)


def remove(op: Any, wordings: Wordings) -> None:
    """Take the first versions of these codes away again."""
    op.execute(TEMPLATE.delete().where(TEMPLATE.c.code.in_(sorted(wordings)), TEMPLATE.c.version == 1))


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
