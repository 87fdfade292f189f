"""A PostgreSQL and a RabbitMQ for one test session: the ones named in the environment, or private ones."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from local.private import private_home
from local.servers import start_both, start_postgres, start_rabbitmq


@dataclass(frozen=True)
class Servers:
    """Addresses: `database_url` names the maintenance database of a server where databases can be made."""

    amqp_uri: str
    database_url: str


@contextlib.contextmanager
def test_servers() -> Iterator[Servers]:
    """AMQP_URI and DATABASE_URL as given; what is not given is started afresh in a temporary directory and ended."""
    amqp_uri, database_url = os.environ.get("AMQP_URI", ""), os.environ.get("DATABASE_URL", "")
    with contextlib.ExitStack() as ending:
        home = ending.enter_context(private_home())
        if not amqp_uri and not database_url:
            postgres, rabbit = start_both(home, durable=False)
            amqp_uri, database_url = rabbit.amqp_uri, postgres.url
            ending.callback(rabbit.stop)
            ending.callback(postgres.stop)
        elif not amqp_uri:
            amqp_uri = ending.enter_context(start_rabbitmq(home)).amqp_uri
        elif not database_url:
            database_url = ending.enter_context(start_postgres(home, durable=False)).url
        yield Servers(amqp_uri=amqp_uri, database_url=database_url)


test_servers.__test__ = False  # type: ignore[attr-defined]  # a helper: pytest would collect it by its name
