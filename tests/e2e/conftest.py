"""The whole product, started once for all journeys, and a way to a fresh estate in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.supervisor import Stack
from tests.support.api import Api
from tests.support.processes import free_port


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers, five services, relay, sandbox and gateway, without the demo portfolio."""
    home: Path = tmp_path_factory.mktemp("stack")
    for folder in (home, home.parent, home.parent.parent):
        folder.chmod(0o711)  # PostgreSQL's own account passes through
    with Stack(home=home, port=free_port(), demo=False, durable=False) as running:
        yield running


@pytest.fixture
def api(stack: Stack) -> Api:
    """A client signed in as the group's administrator."""
    return Api(stack.url)
