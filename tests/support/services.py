"""Services behind a gateway under test, in this process: asked over the real broker, with databases of their own."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eventlet import tpool
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.common.contracts.errors import PublicError
from services.common.contracts.events import (
    ContactsRegistered,
    EstatesRegistered,
    HouseholdsRegistered,
    StaffRegistered,
)
from services.common.database import build_engine, service_database_url, transaction
from services.common.process.settings import CommonSettings
from tests.support.agree import agree
from tests.support.api import Api
from tests.support.databases import TemplateDatabases
from tests.support.doors import message_of
from tests.support.gateway import RemoteError, Responder, serving, sign_in
from tests.support.outbox import events
from tests.support.servers import Servers
from tests.support.waiting import until

PORTFOLIO = (EstatesRegistered, HouseholdsRegistered, ContactsRegistered, StaffRegistered)


class Doors(Responder):
    """Answers what is asked of a service by its door of that name; keeps what was refused, door by door."""

    def __init__(self, uri: str, behind: dict[str, Any]) -> None:
        super().__init__(uri, tuple(behind))
        self.behind = behind
        self.refusals: list[tuple[str, PublicError]] = []

    def _handle(self, key: str, kwargs: dict[str, Any]) -> Any:
        service, _, door = key.partition(".")
        try:
            return getattr(self.behind[service], door)(**kwargs)
        except PublicError as error:
            self.refusals.append((key, error))
            raise RemoteError(type(error).__name__, *error.args) from error

    def tell_portfolio(self) -> None:
        """What billing has recorded of its estates, told to those of the others who hear of it."""
        with transaction(self.behind["billing"].engine) as session:
            recorded = [event for kind in PORTFOLIO for event in events(session, kind)]
        for service in (service for name, service in self.behind.items() if name != "billing"):
            for event in (event for event in recorded if hasattr(service, f"on_{event.NAME}")):
                door = getattr(service, f"on_{event.NAME}")
                door(message_of(event, door.__qualname__))


class InProcessApi(Api):
    """The product as a front end sees it, without a port."""

    def __init__(self, client: TestClient) -> None:
        self.http = client
        self.http.headers.update(sign_in(client))


@contextmanager
def house(
    servers: Servers, templates: TemplateDatabases, *names: str, **changed: Any
) -> Iterator[tuple[InProcessApi, Doors]]:
    """A gateway with these services behind it, each on a fresh database at its newest migration."""
    behind = {name: _service(templates, name) for name in names}
    knobs = {"amqp_uri": servers.amqp_uri, "database_url": servers.database_url, **changed}
    with (
        pytest.MonkeyPatch.context() as patch,
        Doors(servers.amqp_uri, behind) as doors,
        serving(**knobs, database_prefix=templates.clone("gateway")) as client,
    ):
        patch.setattr(tpool, "execute", _here)  # eventlet's pool answers one thread only, and doors here run in many
        until(lambda: client.get("/readyz").status_code == 200, "the gateway is ready")
        yield InProcessApi(client), doors
        _assert_agreement(behind)
    for service in behind.values():
        service.engine.dispose()


def _assert_agreement(behind: dict[str, Any]) -> None:
    """Whatever was moved through these doors, all places of billing say the same afterwards."""
    if "billing" in behind:
        with Session(behind["billing"].engine) as session:
            found = agree(session)
        assert not found, "\n".join(found)


def _here(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return work(*given, **named)


def _service(templates: TemplateDatabases, name: str) -> Any:
    settings = CommonSettings(database_url=templates.server_url, database_prefix=templates.clone(name))
    service = importlib.import_module(f"services.{name}.service").SERVICE()
    url = service_database_url(settings, name)
    service.engine = build_engine(url, pool_size=4, statement_timeout_ms=30_000, application="test")
    return service
