"""STORE of wordings: the newest version of each counts, older ones stay as proof of what was said."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from services.notifications.tables import template
from services.notifications.templates.rules import Template

Key = tuple[str, str, str]
_KEY = (template.c.code, template.c.channel, template.c.language)


def newest(session: Session, codes: Collection[str]) -> Mapping[Key, Template]:
    """(code, channel, language) → the newest version."""
    statement = (
        select(template).where(template.c.code.in_(codes)).distinct(*_KEY).order_by(*_KEY, template.c.version.desc())
    )
    return {(row.code, row.channel, row.language): as_template(row) for row in session.execute(statement)}


def every(session: Session) -> Sequence[Template]:
    """All versions of all wordings."""
    return [as_template(row) for row in session.execute(select(template).order_by(*_KEY, template.c.version))]


def as_template(row: Row[Any]) -> Template:
    """The row as the law sees it."""
    return Template(row.code, row.channel, row.language, row.version, row.subject, row.body, frozenset(row.variables))
