"""`event_lag_p99`: from the commit of a fact to its effect committed in another process, under a steady stream.

The bound is the bare broker: a message published with confirm to a quorum queue and consumed by py-amqp.
"""

import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import amqp
from sqlalchemy import Engine, text

from bench.databases import bench_database
from bench.echo_words import Ticked
from bench.harness import Result, alternate, process_rss_mib
from bench.processes import program
from bench.servers import BenchServers
from services.common.database import transaction
from services.common.messaging import record
from services.common.messaging.names import event_queue_arguments
from services.common.process.relay import BrokerLink

EVENTS = 1_500
PER_SECOND = 150
ROUNDS = 3
QUEUE = "bench-lag"


def run(servers: BenchServers) -> Result:
    """p99 in ms of EVENTS events at PER_SECOND."""
    settings = servers.settings(f"bench{uuid4().hex[:6]}")
    engine = bench_database(settings)
    with program(settings, "bench.echo", "ours") as service, program(settings, "bench.relay_process"):
        tick(engine, 1)
        wait_for(engine, 1)
        value, bound = alternate(lambda: ours(engine), lambda: bare(settings.amqp_uri), ROUNDS)
        rss = process_rss_mib(service.pid)
    engine.dispose()
    note = f"at {PER_SECOND} events/s"
    return Result("event_lag_p99", round(value, 1), "ms", round(bound, 1), round(value / bound, 2), EVENTS, rss, note)


def tick(engine: Engine, number: int) -> None:
    """One fact, one commit."""
    with transaction(engine) as session:
        record(session, Ticked(number=number), aggregate=f"a{number % 50}", at=datetime.now(UTC))


def paced(send: Callable[[int], object], count: int) -> None:
    """Call `send(i)` `count` times at the set pace."""
    start = time.perf_counter()
    for number in range(count):
        send(number)
        time.sleep(max(start + (number + 1) / PER_SECOND - time.perf_counter(), 0))


def wait_for(engine: Engine, count: int) -> None:
    """Until the consumer has applied `count` events."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.scalar(text("SELECT count(*) FROM heard")) == count:
                return
        time.sleep(0.05)
    raise RuntimeError("events did not arrive")


def ours(engine: Engine) -> float:
    """Through outbox, relay, queue, inbox."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE heard"))
    paced(lambda number: tick(engine, number), EVENTS)
    wait_for(engine, EVENTS)
    with engine.connect() as connection:
        query = "SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM lag)) FROM heard"
        return float(connection.scalar(text(query)) or 0) * 1000


def bare(amqp_uri: str) -> float:
    """Broker only."""
    link, lags = BrokerLink(amqp_uri), []
    receiver = BrokerLink(amqp_uri)
    sending, receiving = link._connection.channel(), receiver._connection.channel()
    sending.confirm_select()
    receiving.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=event_queue_arguments("bench", 20))

    def heard(message: amqp.Message) -> None:
        lags.append((time.time() - float(message.body)) * 1000)
        receiving.basic_ack(message.delivery_tag)

    receiving.basic_consume(QUEUE, callback=heard)

    def drain() -> None:
        while len(lags) < EVENTS:
            receiver._connection.drain_events(timeout=30)

    thread = threading.Thread(target=drain)
    thread.start()
    paced(lambda _n: sending.basic_publish_confirm(amqp.Message(repr(time.time())), routing_key=QUEUE), EVENTS)
    thread.join()
    receiving.queue_delete(QUEUE)
    link.close()
    receiver.close()
    return statistics.quantiles(lags, n=100)[98]
