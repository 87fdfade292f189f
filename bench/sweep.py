"""`sweep_1m`: a sweep over 1,000,000 households in 600 estates, 20 % of them overdue, its slices taken by
two workers of one process.

The bound is `INSERT … SELECT` of the very rows it wrote (actions, outbox) into tables with the same indexes and checks,
one statement a table in one transaction. A second sweep for the same day must write nothing.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, text

from bench.bill_run import empty, portfolio
from bench.harness import Result, alternate, peak_rss_mib, stopwatch
from bench.servers import BenchServers
from services.billing.collections.dunning import handlers
from services.common.access import Caller
from services.common.database import transaction

WRITTEN = ("dunning_action", "outbox")
ARREARS = Path(__file__).with_name("sweep.sql")
AS_OF = date(2026, 11, 20)
# A billing process handles ten events at a time; as many as this machine has cores are enough to show it.
WORKERS = 2


def run_1m(servers: BenchServers) -> Result:
    """Workload L: 600 estates."""
    return measure(servers, "sweep_1m", 1_000_000, 600, rounds=7)


def measure(servers: BenchServers, name: str, households: int, estates: int, rounds: int) -> Result:
    """Seconds of a sweep beside the bare insert of its rows."""
    engine = arrears(servers, households, estates)
    overdue = households // 5
    sweep(engine, overdue)  # the bound copies what a sweep wrote
    again = resweep(engine)
    value, bound = alternate(lambda: sweep(engine, overdue), lambda: copy_rows(engine), rounds)
    engine.dispose()
    note = f"{WORKERS} workers, {overdue / value:,.0f} steps/s; second sweep of the day {again:.1f} s, no row"
    return Result(
        name, round(value, 2), "s", round(bound, 2), round(value / bound, 2), households, peak_rss_mib(), note
    )


def arrears(servers: BenchServers, households: int, estates: int) -> Engine:
    """A billing database with bills and their ledger."""
    engine, _ = portfolio(servers, households, estates)
    statements = [part for part in ARREARS.read_text().split(";\n") if part.strip()]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.exec_driver_sql("CREATE TABLE bound_dunning_action (LIKE dunning_action INCLUDING ALL)")
    return engine


def sweep(engine: Engine, overdue: int) -> float:
    """The first sweep of a day; seconds from the request to the last slice's commit."""
    empty(engine, *WRITTEN, "dunning_sweep", "dunning_sweep_slice")
    seconds, actions = swept(engine)
    assert actions == overdue, actions
    return seconds


def resweep(engine: Engine) -> float:
    """The same day once more; seconds, and nothing is written but the sweep itself."""
    before = [written(engine, table) for table in WRITTEN]
    seconds, actions = swept(engine)
    assert (actions, [written(engine, table) for table in WRITTEN]) == (0, before)
    return seconds


def swept(engine: Engine) -> tuple[float, int]:
    """One sweep of all estates; seconds, and how many steps it took."""
    caller, sweep_id = Caller.system("bench"), uuid4()
    with stopwatch() as seconds:
        with transaction(engine) as session:
            handlers.start_sweep(session, caller, sweep_id, handlers.SweepRequest(AS_OF), datetime.now(UTC))
        with engine.connect() as connection:
            query = text("SELECT id FROM dunning_sweep_slice WHERE sweep_id = :id AND id = leader_id ORDER BY id")
            slices = list(connection.scalars(query, {"id": sweep_id}))
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(lambda slice_id: take(engine, slice_id), slices))
    with transaction(engine) as session:
        progress = handlers.get_sweep(session, caller, sweep_id)
    assert progress["status"] == "done", progress
    return seconds(), progress["actions"]


def take(engine: Engine, slice_id: int) -> None:
    """One event of the sweep, as a worker handles it."""
    with transaction(engine) as session:
        handlers.sweep_slice(session, slice_id, datetime.now(UTC))


def written(engine: Engine, table: str) -> int:
    """Rows a sweep left in a table; requests for slices are not its result."""
    own = "" if table == "dunning_action" else "WHERE event = 'dunning_steps_due'"
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table} {own}")).scalar_one())


def copy_rows(engine: Engine) -> float:
    """The same rows into the same tables without a thought, one statement a table; seconds."""
    empty(engine, *(f"bound_{table}" for table in WRITTEN))
    with stopwatch() as seconds, engine.begin() as connection:
        for table in WRITTEN:
            connection.execute(text(f"INSERT INTO bound_{table} OVERRIDING SYSTEM VALUE SELECT * FROM {table}"))
    return seconds()
