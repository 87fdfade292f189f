"""STORE of wordings: the newest version of each counts, older ones stay as proof of what was said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields

from sqlalchemy import RowMapping, select
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
    wordings = (as_template(row) for row in session.execute(statement).mappings())
    return {(wording.code, wording.channel, wording.language): wording for wording in wordings}


def every(session: Session) -> Sequence[Template]:
    """All versions of all wordings."""
    statement = select(template).order_by(*_KEY, template.c.version)
    return [as_template(row) for row in session.execute(statement).mappings()]


def as_template(row: RowMapping) -> Template:
    """The row as the law sees it."""
    columns = {field.name: row[field.name] for field in fields(Template)}
    return Template(**{**columns, "variables": frozenset(row["variables"])})
