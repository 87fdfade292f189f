"""PROCESS of the relay: takes committed outbox rows to the broker.

`python -m services.common.process.relay billing [payments …]`. A process of its own, without eventlet, one thread per
service database. Rows are taken `FOR UPDATE SKIP LOCKED` in id order within shards of aggregates, each shard held by
one relay at a time: so several relays may run, and the order within an aggregate stands. A batch is published with
`mandatory` on a confirm channel; a row is marked only when the broker has confirmed it and has not returned it. What is
not marked goes out again: consumers know the event id.
"""

import select as os_select
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import amqp
import psycopg2
from kombu.utils.url import parse_url
from sqlalchemy import make_url

from services.common.database import SERVICES, service_database_url
from services.common.messaging.envelope import ATTEMPT_HEADER, CONTENT_TYPE, seal
from services.common.messaging.tables import NOTIFY_CHANNEL
from services.common.observability.health import HealthApp
from services.common.observability.logs import configure_logging, describe, get_logger
from services.common.observability.metrics import relayed_total
from services.common.process.relay_sql import DEFER, MARK, NEXT_DUE, PRUNE_INBOX, PRUNE_OUTBOX, TAKE
from services.common.process.settings import CommonSettings

log = get_logger(__name__)

CONFIRM_TIMEOUT_SECONDS = 15.0
IDLE_SECONDS = 1.0
UNROUTABLE_DELAY = timedelta(seconds=5)
PRUNE_EVERY_SECONDS = 60.0
PRUNE_ROWS = 20_000
LONGEST_PAUSE_SECONDS = 5.0


@dataclass
class Batch:
    """What became of the messages in flight: delivery tag → row, and the rows that came back."""

    waiting: dict[int, int]
    returned: set[int]
    refused: set[int]


class BrokerLink:
    """A confirm channel. Any trouble raises; the caller then throws the link away and makes another."""

    def __init__(self, amqp_uri: str) -> None:
        parts = parse_url(amqp_uri)
        self._connection = amqp.Connection(
            host=f"{parts['hostname']}:{parts['port'] or 5672}",
            userid=parts["userid"] or "guest",
            password=parts["password"] or "guest",
            virtual_host=parts["virtual_host"] or "/",
            connect_timeout=5,
            read_timeout=CONFIRM_TIMEOUT_SECONDS,
            write_timeout=CONFIRM_TIMEOUT_SECONDS,
            heartbeat=0,
            ssl=parts["transport"] == "amqps",
        )
        self._connection.connect()
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._declared: set[str] = set()
        self._tag = 0
        self._batch = Batch({}, set(), set())

    def publish(self, rows: list[tuple[Any, ...]]) -> Batch:
        """Publish all rows, then wait until the broker has answered for each of them."""
        self._batch = batch = Batch({}, set(), set())
        for row in rows:
            self._send(row)
        deadline = time.monotonic() + CONFIRM_TIMEOUT_SECONDS
        while batch.waiting:
            self._connection.drain_events(timeout=max(deadline - time.monotonic(), 0.01))
        return batch

    def _send(self, row: tuple[Any, ...]) -> None:
        row_id, exchange, routing_key, attempt = row[0], row[9], row[10], row[11]
        if exchange and exchange not in self._declared:
            self._channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
            self._declared.add(exchange)
        message = amqp.Message(
            seal(*row[1:9]),
            delivery_mode=2,
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            message_id=str(row_id),
            application_headers={ATTEMPT_HEADER: attempt},
        )
        self._tag += 1
        self._batch.waiting[self._tag] = row_id
        self._channel.basic_publish(message, exchange=exchange, routing_key=routing_key, mandatory=True)

    def _answered(self, tag: int, multiple: bool) -> list[int]:
        tags = [waiting for waiting in self._batch.waiting if waiting <= tag] if multiple else [tag]
        return [self._batch.waiting.pop(waiting) for waiting in tags if waiting in self._batch.waiting]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._batch.refused.update(self._answered(tag, multiple))

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self._batch.returned.add(int(message.properties["message_id"]))

    def close(self) -> None:
        """Drop the socket; nothing is lost by it."""
        self._connection.collect()


class Relay(threading.Thread):
    """Empties one service's outbox for as long as the process lives."""

    def __init__(self, service: str, settings: CommonSettings) -> None:
        super().__init__(name=f"relay-{service}", daemon=True)
        self.service = service
        self.settings = settings
        url = make_url(service_database_url(settings, service)).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self.stopping = threading.Event()
        self.last_turn = 0.0
        self._next_prune = 0.0

    def run(self) -> None:
        """Turn for ever; whatever fails, both ends are opened anew after a pause."""
        pause = 0.1
        while not self.stopping.is_set():
            try:
                self._serve()
            except (psycopg2.Error, amqp.exceptions.AMQPError, OSError) as error:
                log.warning("relay pauses", extra={"database": self.service, "why": describe(error)})
            except Exception:
                log.exception("relay stumbled", extra={"database": self.service})
            self.stopping.wait(pause)
            pause = 0.1 if time.monotonic() - self.last_turn < pause + 1 else min(pause * 2, LONGEST_PAUSE_SECONDS)

    def turned_within(self, seconds: float) -> bool:
        """Whether the loop has turned lately."""
        return time.monotonic() - self.last_turn < seconds

    def _serve(self) -> None:
        database = psycopg2.connect(self._dsn, connect_timeout=5, application_name=f"estateloop-relay-{self.service}")
        link = None
        try:
            database.autocommit = True
            with database.cursor() as cursor:
                cursor.execute(f"LISTEN {NOTIFY_CHANNEL}")
            link = BrokerLink(self.settings.amqp_uri)
            while not self.stopping.is_set():
                self.last_turn = time.monotonic()
                if self.relay_batch(database, link) < self.settings.relay_batch:
                    self._prune(database)
                    self._sleep_until_due(database)
        finally:
            if link is not None:
                link.close()
            database.close()

    def relay_batch(self, database: Any, link: BrokerLink) -> int:
        """Publish one batch; how many rows were taken. All or nothing is marked when the link breaks."""
        database.autocommit = False
        try:
            with database.cursor() as cursor:
                cursor.execute(TAKE, (self.settings.relay_batch,))
                rows = cursor.fetchall()
                if rows:
                    self._mark(cursor, rows, link.publish(rows))
            database.commit()
        except BaseException:
            database.rollback()
            raise
        finally:
            if not database.closed:
                database.autocommit = True
        return len(rows)

    def _mark(self, cursor: Any, rows: list[tuple[Any, ...]], batch: Batch) -> None:
        unconfirmed = batch.returned | batch.refused
        cursor.execute(MARK, ([row[0] for row in rows if row[0] not in unconfirmed],))
        relayed_total.labels(self.service, "published").inc(len(rows) - len(unconfirmed))
        if unconfirmed:
            cursor.execute(DEFER, (UNROUTABLE_DELAY, list(unconfirmed)))
            relayed_total.labels(self.service, "unroutable").inc(len(unconfirmed))
            events = sorted({row[2] for row in rows if row[0] in unconfirmed})
            log.error(
                "no queue took these events, they stay in the outbox", extra={"events": events, "n": len(unconfirmed)}
            )

    def _sleep_until_due(self, database: Any) -> None:
        with database.cursor() as cursor:
            cursor.execute(NEXT_DUE, (IDLE_SECONDS,))
            seconds = cursor.fetchone()[0]
        wait = IDLE_SECONDS if seconds is None else max(seconds, 0.005)
        database.poll()
        if not database.notifies:
            os_select.select([database], [], [], wait)
            database.poll()
        database.notifies.clear()

    def _prune(self, database: Any) -> None:
        if time.monotonic() < self._next_prune:
            return
        self._next_prune = time.monotonic() + PRUNE_EVERY_SECONDS
        with database.cursor() as cursor:
            cursor.execute(PRUNE_OUTBOX, (self.settings.outbox_keep_days * 86_400, PRUNE_ROWS))
            cursor.execute(PRUNE_INBOX, (self.settings.inbox_keep_days * 86_400, PRUNE_ROWS))


class HealthServer(ThreadingMixIn, WSGIServer):
    """The health application on plain threads."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """No access log: probes are not news."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def serve_health(relays: list[Relay], settings: CommonSettings) -> None:
    """Health and metrics in a thread, when a port is set."""
    if not settings.http_port:
        return
    alive = {relay.service: relay.is_alive for relay in relays}
    limit = LONGEST_PAUSE_SECONDS + CONFIRM_TIMEOUT_SECONDS
    ready = {relay.service: partial(relay.turned_within, limit) for relay in relays}
    app = HealthApp(alive, ready)
    server = make_server(settings.host, settings.http_port, app, server_class=HealthServer, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main(services: list[str]) -> int:
    """Run the relays of `services` until SIGTERM or SIGINT."""
    unknown = set(services) - set(SERVICES)
    if unknown or not services:
        raise SystemExit(f"usage: python -m services.common.process.relay SERVICE…   known: {', '.join(SERVICES)}")
    settings = CommonSettings()
    configure_logging("relay", settings.log_level)
    relays = [Relay(service, settings) for service in services]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for relay in relays:
        relay.start()
    serve_health(relays, settings)
    stop.wait()
    for relay in relays:
        relay.stopping.set()
    for relay in relays:
        relay.join(timeout=settings.stop_deadline_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
