"""The gateway as one, with stand-ins for the services on a real broker and a real database of its own."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from services.common.database import build_engine, service_database_url
from services.common.process.settings import CommonSettings
from tests.support.databases import TemplateDatabases
from tests.support.gateway import Knobs, Responder, serving
from tests.support.servers import Servers
from tests.support.waiting import until

SERVICES = ("billing", "payments", "notifications", "workorders", "feedback")


@pytest.fixture
def responder(servers: Servers) -> Iterator[Responder]:
    with Responder(servers.amqp_uri, SERVICES) as made:
        yield made


@pytest.fixture
def prefix(templates: TemplateDatabases) -> str:
    return templates.clone("gateway")


@pytest.fixture
def knobs(servers: Servers, prefix: str) -> Knobs:
    return {"amqp_uri": servers.amqp_uri, "database_url": servers.database_url, "database_prefix": prefix}


@pytest.fixture
def client(knobs: Knobs, responder: Responder) -> Iterator[TestClient]:
    with serving(**knobs) as made:
        until(lambda: made.get("/readyz").status_code == 200, "the gateway is ready")
        yield made


@pytest.fixture
def engine(servers: Servers, prefix: str) -> Iterator[Engine]:
    settings = CommonSettings(database_url=servers.database_url, database_prefix=prefix)
    made = build_engine(
        service_database_url(settings, "gateway"), pool_size=2, statement_timeout_ms=9_000, application="test"
    )
    yield made
    made.dispose()
