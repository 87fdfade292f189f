"""The whole product, started once for all journeys, and a way to a fresh estate in it.

Each journey that moved money ends with all places saying the same.
"""

from collections.abc import Generator, Iterator

import pytest

from local.private import private_home
from local.supervisor import Stack
from tests.support.agree.everywhere import agree_everywhere, last_entry
from tests.support.api import Api
from tests.support.processes import free_port

LAST_ENTRY = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Servers, five services, relay, sandbox and gateway, without the demo portfolio."""
    with private_home() as home, Stack(home=home, port=free_port(), demo=False, durable=False) as running:
        yield running


@pytest.fixture
def api(stack: Stack) -> Api:
    """A client signed in as the group's administrator."""
    return Api(stack.url)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """After a journey that passed and booked something, every place is asked."""
    outcome = yield
    stack = item.funcargs.get("stack")
    if isinstance(stack, Stack):
        last = last_entry(stack)
        if last != item.session.stash.get(LAST_ENTRY, 0):
            item.session.stash[LAST_ENTRY] = last
            found = agree_everywhere(stack)
            assert not found, "\n".join(found)
    return outcome
