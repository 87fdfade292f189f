"""STORE of requests that come twice: the id of a request is the key of what it wrote, so that it acts once.

Each noun keeps its own record. Of two calls of one id at once the second waits, either for a lock both need before they
look (the estate, the household, the row) or in `insert_once`; then it finds the record and compares it.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.errors import Conflict

Record = TypeVar("Record")


def insert_once(session: Session, table: Table, row: Mapping[str, Any]) -> bool:
    """Write the record of a request; False when its id has one, of whoever was first and has committed."""
    key = table.primary_key.columns
    statement = insert(table).values(**row).on_conflict_do_nothing(index_elements=key).returning(*key)
    return session.execute(statement).first() is not None


def by_id(session: Session, table: Table, row_id: UUID) -> Row[Any] | None:
    """One row of a table whose key is a request id."""
    return session.execute(select(table).where(table.c.id == row_id)).one_or_none()


def same_request(noun: str, record: Record | None, request: Mapping[str, Any]) -> Record:
    """The record, when it was written for this very request; Conflict when its id was used for another."""
    if record is None or any(getattr(record, name) != value for name, value in request.items()):
        raise another_request(noun)
    return record


def another_request(noun: str) -> Conflict:
    """What is answered to a request whose id was used for another one."""
    return Conflict(f"This request id was used for another {noun}.")
