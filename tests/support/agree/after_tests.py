"""Where a test's books are: in the session it worked in, committed or not, or in the databases it was given."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.support.agree import agree
from tests.support.billing.books import Books


def disagreements_after(fixtures: Mapping[str, Any]) -> list[str]:
    """What agree() finds in every database of billing that a test's fixtures lead to."""
    fresh = fixtures.get("database")
    engines = [engine for service, engine in fresh.engines if service == "billing"] if fresh else []
    return [line for engine in engines for line in _of_database(engine, _sessions(fixtures))]


def _of_database(engine: Engine, sessions: list[Session]) -> list[str]:
    own = [session for session in sessions if session.get_bind() is engine]
    with _readable(own[0] if own else Session(engine)) as session:
        return agree(session)


def _sessions(fixtures: Mapping[str, Any]) -> list[Session]:
    """Those a test worked in: what they have not committed can be read in them only."""
    values = list(fixtures.values())
    worlds = [getattr(value, "books", value) for value in values]
    return [w.session for w in worlds if isinstance(w, Books)] + [v for v in values if isinstance(v, Session)]


@contextmanager
def _readable(session: Session) -> Iterator[Session]:
    """A session whose last statement was refused has nothing but what was committed."""
    try:
        session.execute(text("SELECT"))
    except DBAPIError:
        session.rollback()
    with session:
        yield session
