"""`bill_run_1m_2_replicas`: the same run through everything, with two billing replicas and with one.

Real services, relay and broker: from the request to the last slice's commit. The "bound" is one replica, so a ratio
below 1 says that the second one helps. `rss_mib` is the largest of all processes of ours: replicas, relay, bench.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from sqlalchemy import Engine, text

from bench.bill_run import WRITTEN, empty, portfolio
from bench.harness import Result, alternate, peak_rss_mib, process_rss_mib, stopwatch
from bench.processes import program
from bench.servers import BenchServers
from services.billing.charging.bills import handlers
from services.billing.settings import Settings
from services.common.access import Caller
from services.common.contracts.events import BillRunSliceRequested, BillsIssued
from services.common.database import transaction
from services.common.messaging.names import event_exchange, event_queue
from services.common.relay import BrokerLink

ROUNDS = 2
SECONDS = 600
SLICES = event_queue("billing", BillRunSliceRequested.NAME, "billing", "on_bill_run_slice_requested")
LISTENER = "bench-bills-issued"


def run_1m(servers: BenchServers) -> Result:
    """Workload L: 600 estates."""
    return measure(servers, "bill_run_1m_2_replicas", 1_000_000, 600)


def measure(servers: BenchServers, name: str, households: int, estates: int) -> Result:
    """Seconds with two replicas beside seconds with one."""
    engine, settings = portfolio(servers, households, estates)
    largest: list[float] = []
    with ExitStack() as ending:
        link = BrokerLink(settings.amqp_uri)
        ending.callback(link.close)
        listen(link, BillsIssued.NAME)
        relay = ending.enter_context(program(settings, "services.common.relay", "billing"))

        def timed(replicas: int) -> float:
            with ExitStack() as round_:
                services = [
                    round_.enter_context(program(settings, "services.common.runner", "billing"))
                    for _ in range(replicas)
                ]
                until(lambda: consumers(link) == replicas, "the replicas consume")
                seconds = one_run(engine, households)
                until(lambda: count(engine, "outbox WHERE published_at IS NULL") == 0, "all is told")
                largest.extend(process_rss_mib(process.pid) for process in (relay, *services))
            link._connection.channel().queue_purge(LISTENER)
            return seconds

        two, one = alternate(partial(timed, 2), partial(timed, 1), ROUNDS)
    engine.dispose()
    note = f"bound: one replica; {households / two:,.0f} bills/s, load {os.getloadavg()[0]:.1f}"
    rss = max(*largest, peak_rss_mib())
    return Result(name, round(two, 2), "s", round(one, 2), round(two / one, 2), households, rss, note)


def one_run(engine: Engine, households: int) -> float:
    """From an empty bill table to the last slice's commit; seconds."""
    empty(engine, *WRITTEN, "bill_run", "bill_run_slice")
    with stopwatch() as seconds:
        with transaction(engine) as session:
            asked, now = handlers.RunRequest("2026-09"), datetime.now(UTC)
            handlers.start_bill_run(session, Caller.system("bench"), uuid4(), asked, now=now, settings=Settings())
        until(lambda: count(engine, "bill_run_slice WHERE finished_at IS NULL") == 0, "the run is done")
    billed = count(engine, "bill")
    assert billed == households, billed
    return seconds()


def listen(link: BrokerLink, event: str) -> None:
    """A queue for what a run tells, as the service that listens would have one."""
    channel, exchange = link._connection.channel(), event_exchange("billing")
    channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
    channel.queue_declare(LISTENER, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(LISTENER, exchange, event)


def consumers(link: BrokerLink) -> int:
    """How many replicas wait for slices; 0 while the queue is not there yet."""
    from amqp.exceptions import NotFound

    channel = link._connection.channel()
    try:
        answer = channel.queue_declare(SLICES, passive=True)
    except NotFound:
        return 0
    channel.close()
    return int(answer.consumer_count)


def count(engine: Engine, rows: str) -> int:
    """Rows of a table that meet a condition."""
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {rows}")) or 0)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain until {what}")
        time.sleep(0.05)
