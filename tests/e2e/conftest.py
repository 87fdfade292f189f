"""The whole product, started once for all journeys, and a way to a fresh estate in it."""

from collections.abc import Iterator

import pytest

from local.private import private_home
from local.supervisor import Stack
from tests.support.api import Api
from tests.support.processes import free_port


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Servers, five services, relay, sandbox and gateway, without the demo portfolio."""
    with private_home() as home, Stack(home=home, port=free_port(), demo=False, durable=False) as running:
        yield running


@pytest.fixture
def api(stack: Stack) -> Api:
    """A client signed in as the group's administrator."""
    return Api(stack.url)
