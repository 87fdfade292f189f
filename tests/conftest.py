"""Real servers and real databases for every test that needs them; pure tests never start one."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from tests.support.databases import FreshDatabases, TemplateDatabases
from tests.support.servers import Servers, test_servers

os.environ["ESTATELOOP_CHECK_ANSWERS"] = "1"  # every door of every process of a test keeps what its signature promises


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A PostgreSQL and a RabbitMQ for this run: those of the environment, or private ones."""
    with test_servers() as running:
        yield running


@pytest.fixture(scope="session")
def templates(servers: Servers) -> Iterator[TemplateDatabases]:
    """Databases built once by the real migrations, cloned for each test."""
    with TemplateDatabases(servers.database_url, prefix=f"t{uuid4().hex[:8]}") as made:
        yield made


@pytest.fixture
def database(templates: TemplateDatabases) -> Iterator[Callable[[str], Engine]]:
    """`database("billing")` → an engine on a fresh database of that service, at its newest migration."""
    with FreshDatabases(templates) as fresh:
        yield fresh
