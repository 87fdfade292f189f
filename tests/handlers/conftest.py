"""What tests of handlers begin with, and how each of them that moved money ends: with books that agree.

Each module says by its own `engine` fixture whose database it works on.
"""

from collections.abc import Generator, Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.support.agree.after_tests import disagreements_after
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """After a test that passed, every place is asked; one that bends the books on purpose says so, and is found out."""
    outcome = yield
    found = disagreements_after(item.funcargs)
    if item.get_closest_marker("bends_the_books"):
        assert found, "the test says that it bends the books, and they agree"
    else:
        assert not found, "\n".join(found)
    return outcome
