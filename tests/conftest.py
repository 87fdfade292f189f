"""Real servers and real databases for every test that needs them; pure tests never start one."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.common.database import build_engine, service_database_url
from services.common.process.settings import CommonSettings
from tests.support.databases import TemplateDatabases
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
    engines: list[Engine] = []

    def fresh(service: str) -> Engine:
        settings = CommonSettings(database_url=templates.server_url, database_prefix=templates.clone(service))
        url = service_database_url(settings, service)
        engines.append(build_engine(url, pool_size=12, statement_timeout_ms=30_000, application="test"))
        return engines[-1]

    yield fresh
    for engine in engines:
        engine.dispose()
