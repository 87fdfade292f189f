"""What tests of handlers begin with; each module says by its own `engine` fixture whose database it works on."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.support.billing.books import Books


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on the module's database; nothing is committed unless the test does it."""
    with Session(engine, expire_on_commit=False) as opened:
        yield opened


@pytest.fixture
def books(engine: Engine) -> Iterator[Books]:
    """A small portfolio in a database of billing."""
    with Session(engine) as opened:
        yield Books(opened)
