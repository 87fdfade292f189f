"""STORE of categories: those in use, in their order. One that is taken out stays for the orders that have it."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.locks import Lock, hold
from services.workorders.categories.rules import Category
from services.workorders.tables import order_category

_COLUMNS = tuple(order_category.c[name] for name in Category.__dataclass_fields__)


def categories(session: Session) -> list[Category]:
    """Those in use."""
    query = select(*_COLUMNS).where(order_category.c.retired.is_(False))
    rows = session.execute(query.order_by(order_category.c.position, order_category.c.code))
    return [Category(**row._asdict() | {"synonyms": tuple(row.synonyms)}) for row in rows]


def replace_categories(session: Session, new: Sequence[Category]) -> None:
    """Let these be the ones in use; one change at a time."""
    hold(session, Lock.CATEGORIES)
    session.execute(update(order_category).values(retired=True))
    rows = [
        asdict(category) | {"synonyms": list(category.synonyms), "position": position, "retired": False}
        for position, category in enumerate(new, 1)
    ]
    statement = insert(order_category).values(rows)
    changes = {name: column for name, column in statement.excluded.items() if name != "code"}
    session.execute(statement.on_conflict_do_update(index_elements=["code"], set_=changes))
