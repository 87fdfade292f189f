"""The private PostgreSQL and RabbitMQ of one home directory.

    with start_postgres(home) as postgres, start_rabbitmq(home) as rabbit:
        ... postgres.url, rabbit.amqp_uri

Both listen on 127.0.0.1 only, on ports remembered in `<home>/ports.json`, and die with the process that started them,
even after `kill -9`. They may be started in parallel threads (`start_both`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.clean import stop_left_behind
from local.postgres import PostgresServer, start_postgres
from local.rabbitmq import RabbitServer, start_rabbitmq

__all__ = [
    "PostgresServer",
    "RabbitServer",
    "start_both",
    "start_postgres",
    "start_rabbitmq",
    "stop_left_behind",
]


def start_both(home: Path, *, durable: bool = True) -> tuple[PostgresServer, RabbitServer]:
    """Start both at the same time; if one fails the other is stopped again. Raises ProcessError."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        first = pool.submit(start_postgres, home, durable=durable)
        second = pool.submit(start_rabbitmq, home)
    for failed, other in ((first, second), (second, first)):
        if failed.exception() is not None and other.exception() is None:
            other.result().stop()
    return first.result(), second.result()
