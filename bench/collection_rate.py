"""`collection_rate_p99`: the group's collection rate over 24 months of 1,000,000 households, asked over RPC.

600 estates of 20 buildings are billed 24 times and paid on a dozen days a building and month: 3.7 M rollup rows,
written by SQL as the product writes them, with its trigger and its timer's fold behind. The 24 M bills do not stand
behind them: no rate reads a bill. The bound is a read by key, `get_estate`, through the same client and process.
"""

import asyncio
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, text

from bench.harness import Result, process_rss_mib
from bench.processes import program
from bench.rpc import CALLER
from bench.servers import BenchServers
from gateway.rpc import NoAnswer, RpcClient
from services.billing.figures.rates import totals
from services.common.database import build_engine, service_database_url, transaction
from services.common.migrate import ensure_database, upgrade

ESTATES, BUILDINGS, MONTHS, HOUSEHOLDS = 600, 20, 24, 1_000_000
FIRST_PERIOD, AS_OF, PAST = date(2024, 11, 1), date(2026, 11, 20), date(2025, 11, 20)
PORTFOLIO = Path(__file__).with_name("collected.sql")
CALLS, ROUNDS = 100, 5

Question = dict[str, Any]
GROUP: Question = {"group_by": "group", "as_of": AS_OF.isoformat()}
BESIDE: dict[str, Question] = {
    "by region": {**GROUP, "group_by": "region"},
    "by estate": {**GROUP, "group_by": "estate"},
    "one month by estate": {**GROUP, "group_by": "estate", "due_in": "2026-11"},
    "one period": {**GROUP, "period": "2026-10"},
    "with windows": {**GROUP, "windows": True},
    "a year ago": {**GROUP, "as_of": PAST.isoformat()},
    "by building": {**GROUP, "group_by": "building"},
    "by steward": {**GROUP, "group_by": "steward"},
}


def run(servers: BenchServers) -> Result:
    """p99 in ms of the group's rate over all months; the other cuts' in the note."""
    settings = servers.settings(f"bench{uuid4().hex[:6]}")
    ensure_database(settings, "billing")
    upgrade(settings, "billing")
    engine = build_engine(
        service_database_url(settings, "billing"), pool_size=2, statement_timeout_ms=600_000, application="bench"
    )
    fill(engine)
    check(engine)
    with program(settings, "services.common.runner", "billing") as process:
        rate, read, beside = asyncio.run(measure(settings.amqp_uri))
        rss = process_rss_mib(process.pid)
    engine.dispose()
    note = "p99; bound get_estate; " + ", ".join(f"{name} {p99:.1f}" for name, p99 in beside.items())
    calls = CALLS * ROUNDS
    return Result("collection_rate_p99", round(rate, 1), "ms", round(read, 1), round(rate / read, 2), calls, rss, note)


def fill(engine: Engine) -> None:
    """Two years of rollups, and the totals that the timer makes of them."""
    flats = HOUSEHOLDS // (ESTATES * BUILDINGS) + 1
    counts = {"estates": ESTATES, "buildings": BUILDINGS, "flats": flats, "months": MONTHS}
    with engine.begin() as connection:
        connection.execute(text(PORTFOLIO.read_text().format(since=FIRST_PERIOD, **counts)))
    folded = 1
    while folded:
        with transaction(engine) as session:
            folded = totals.fold(session, 200_000)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def check(engine: Engine) -> None:
    """The totals hold what the rollups hold."""
    query = "SELECT sum(billed_fen), sum(collected_fen), sum(billed_count) FROM {}"
    with engine.connect() as connection:
        tables = ("rate_rollup", "rate_total", "rate_building")
        kept = [tuple(connection.execute(text(query.format(table))).one()) for table in tables]
    assert kept[0] == kept[1] == kept[2], kept
    assert kept[0][2] >= HOUSEHOLDS * MONTHS, kept


async def measure(amqp_uri: str) -> tuple[float, float, dict[str, float]]:
    """Medians of the rounds' p99: the group's rate, the read by key; and the p99 of each other question."""
    client = RpcClient(amqp_uri)
    client.start()
    await answering(client)
    rates, reads = [], []
    for _ in range(ROUNDS):
        reads.append(await p99(client, "get_estate", {"estate": "E1"}))
        rates.append(await p99(client, "collection_rates", GROUP))
    beside = {name: await p99(client, "collection_rates", question) for name, question in BESIDE.items()}
    await client.stop()
    return statistics.median(rates), statistics.median(reads), beside


async def answering(client: RpcClient) -> None:
    """Wait until billing answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            await client.call("billing", "get_estate", {"caller": CALLER, "estate": "E1"}, trace_id="bench")
        except NoAnswer:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError("billing never answered")


async def p99(client: RpcClient, method: str, question: Question) -> float:
    """In ms, of CALLS calls one after the other."""
    took = []
    for _ in range(CALLS):
        start = time.perf_counter()
        await client.call("billing", method, {"caller": CALLER, **question}, trace_id="bench")
        took.append((time.perf_counter() - start) * 1000)
    return statistics.quantiles(took, n=100)[98]
