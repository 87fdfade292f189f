"""STORE of the contact rules: a row per category, of the group ("*") or an estate."""

from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from services.notifications.messages.tables import GROUP
from services.notifications.tables import contact_policy

NAMES = {"category": "category", "channels": "channels", "window": "contact_window", "cap_count": "cap_count",
         "cap_days": "cap_days"}  # fmt: skip


def read_contact(session: Session, estate: str | None, _on: date) -> dict[str, Any] | None:
    """The rules by category; None: an estate has none of its own."""
    columns = [contact_policy.c[column].label(name) for name, column in NAMES.items()]
    query = select(*columns).where(contact_policy.c.estate == (estate or GROUP)).order_by(contact_policy.c.category)
    rules = [dict(row._mapping) for row in session.execute(query)]
    return {"categories": rules} if rules else None


def write_contact(session: Session, estate: str | None, values: dict[str, Any] | None, _since: date) -> None:
    """These rules and no others; messages that wait go by them."""
    session.execute(delete(contact_policy).where(contact_policy.c.estate == (estate or GROUP)))
    if values is not None:
        rows = [{NAMES[name]: value for name, value in rule.items()} for rule in values["categories"]]
        session.execute(insert(contact_policy), [row | {"estate": estate or GROUP} for row in rows])
