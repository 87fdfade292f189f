"""`bill_run_100k`, `bill_run_1m`: a run over so many households, request after request as one replica
takes them.

The bound is `INSERT … SELECT` of the very rows the run wrote (bills, ledger entries, rollups, outbox) into tables with
the same indexes and checks, one statement a table in one transaction.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, text

from bench.harness import Result, alternate, peak_rss_mib, stopwatch
from bench.servers import BenchServers
from services.billing.charging.bills import handlers
from services.billing.settings import Settings
from services.common.access import Caller
from services.common.database import build_engine, service_database_url, transaction
from services.common.migrate import ensure_database, upgrade
from services.common.settings import CommonSettings

WRITTEN = ("bill", "ledger_entry", "rate_rollup", "outbox")
REQUESTS = "SELECT array_agg(id ORDER BY id) FROM bill_run_slice GROUP BY event_id ORDER BY min(id)"
PORTFOLIO = Path(__file__).with_name("portfolio.sql")


def run_100k(servers: BenchServers) -> Result:
    """Workload M: 60 estates."""
    return measure(servers, "bill_run_100k", 100_000, 60, rounds=3)


def run_1m(servers: BenchServers) -> Result:
    """Workload L: 600 estates."""
    return measure(servers, "bill_run_1m", 1_000_000, 600, rounds=3)


def measure(servers: BenchServers, name: str, households: int, estates: int, rounds: int) -> Result:
    """Seconds of the run beside the bare insert of its rows."""
    engine, _ = portfolio(servers, households, estates)
    bill(engine, households)  # the bound copies what a run wrote
    value, bound = alternate(lambda: bill(engine, households), lambda: copy_rows(engine), rounds)
    engine.dispose()
    ratio, note = round(value / bound, 2), f"{households / value:,.0f} bills/s, load {os.getloadavg()[0]:.1f}"
    return Result(name, round(value, 2), "s", round(bound, 2), ratio, households, peak_rss_mib(), note)


def portfolio(servers: BenchServers, households: int, estates: int) -> tuple[Engine, CommonSettings]:
    """A billing database with that many households and a published tariff, and the settings that lead to it."""
    settings = servers.settings(f"bench{uuid4().hex[:6]}")
    ensure_database(settings, "billing")
    upgrade(settings, "billing")
    url = service_database_url(settings, "billing")
    engine = build_engine(url, pool_size=2, statement_timeout_ms=600_000, application="bench")
    with engine.begin() as connection:
        connection.execute(text(PORTFOLIO.read_text().format(households=households, estates=estates)))
        for table in WRITTEN:
            connection.exec_driver_sql(f"CREATE TABLE bound_{table} (LIKE {table} INCLUDING ALL)")
    return engine, settings


def bill(engine: Engine, households: int) -> float:
    """One run from an empty bill table; seconds from the request to the last slice's commit."""
    empty(engine, *WRITTEN, "bill_run", "bill_run_slice")
    settings, caller, run_id = Settings(), Caller.system("bench"), uuid4()
    asked = handlers.RunRequest("2026-09")
    with stopwatch() as seconds:
        with transaction(engine) as session:
            handlers.start_bill_run(session, caller, run_id, asked, now=datetime.now(UTC), settings=settings)
        with engine.connect() as connection:
            requests = list(connection.scalars(text(REQUESTS)))
        for slice_ids in requests:
            with transaction(engine) as session:
                handlers.bill_slices(session, slice_ids, now=datetime.now(UTC), settings=settings)
    with transaction(engine) as session:
        outcome = handlers.get_bill_run(session, caller, run_id)
    assert (outcome["status"], outcome["bills"]) == ("done", households), outcome
    return seconds()


def copy_rows(engine: Engine) -> float:
    """The same rows into the same tables without a thought, one statement a table; seconds."""
    empty(engine, *(f"bound_{table}" for table in WRITTEN))
    with stopwatch() as seconds, engine.begin() as connection:
        for table in WRITTEN:
            connection.execute(text(f"INSERT INTO bound_{table} OVERRIDING SYSTEM VALUE SELECT * FROM {table}"))
    return seconds()


def empty(engine: Engine, *tables: str) -> None:
    """Truncate and let the server write its dirty pages, so that no round pays for the one before."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        connection.exec_driver_sql("SET session_replication_role = origin")
        connection.exec_driver_sql("CHECKPOINT")
