"""kill -9 of billing replicas at random points of a bill run: it goes on by itself and bills every home once (B4).

A point is a number of slices done, so that every kill hits a run at work however fast the machine is: while all
replicas are down, nothing is done and nothing is killed. `ESTATELOOP_CHAOS_SEED` sets points and victims.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from local.children import Child
from local.ports import LOOPBACK, PortBook
from local.private import private_home
from local.processes import ProcessError
from local.supervisor import Stack
from local.table import Place, common_environ
from services.billing.charging.bills import handlers
from services.billing.settings import Settings
from services.common.database import build_engine, transaction
from services.common.domain.access import Caller
from tests.support.agree import agree
from tests.support.processes import free_port
from tests.support.waiting import until

SEED = int(os.environ.get("ESTATELOOP_CHAOS_SEED", "20261121"))
KILLS = 20
REPLICAS = ("billing-1", "billing-2", "billing-3")
# an estate is a slice of its own and a small one, which shares its message with two others
HOMES, ESTATES, SLICE_UNITS = 30_000, 300, 75
SLICES = ESTATES * -(-HOMES // ESTATES // SLICE_UNITS)
PORTFOLIO = Path(__file__).parents[2] / "bench" / "portfolio.sql"
BILLS, ENTRIES = "SELECT count(*) FROM bill", "SELECT count(*) FROM ledger_entry"
DONE = "SELECT count(finished_at) FROM bill_run_slice WHERE run_id = :run_id"
WORKING = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'estateloop-billing' AND xact_start IS NOT NULL"""
CALLER = Caller.system("chaos")


def replicas_and_relay(place: Place, ports: PortBook) -> Sequence[Child]:
    """Three times billing, one relay; nothing else runs."""
    modules = dict.fromkeys(REPLICAS, ("services.common.process.runner", "billing"))
    modules |= {"relay": ("services.common.process.relay", "billing")}
    return [_child(name, module, place, ports.port(f"{name}-http")) for name, module in modules.items()]


def _child(name: str, module: tuple[str, ...], place: Place, port: int) -> Child:
    environ = common_environ(place) | {"ESTATELOOP_HTTP_PORT": str(port)}
    return Child(name, (sys.executable, "-m", *module), environ, f"http://{LOOPBACK}:{port}/readyz")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with (
        private_home() as home,
        Stack(home=home, port=free_port(), demo=False, sandbox=False, durable=False, table=replicas_and_relay) as up,
    ):
        yield up


@pytest.fixture(scope="module")
def engine(stack: Stack) -> Iterator[Engine]:
    url = stack.database_url("billing").replace("postgresql://", "postgresql+psycopg2://")
    made = build_engine(url, pool_size=2, statement_timeout_ms=30_000, application="chaos")
    with made.begin() as connection:
        connection.execute(text(PORTFOLIO.read_text().format(households=HOMES, estates=ESTATES)))
    yield made
    made.dispose()


def one(engine: Engine, query: str, **values: object) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(query), values) or 0)


def start(engine: Engine) -> UUID:
    asked, settings = handlers.RunRequest("2026-09"), Settings(slice_units=SLICE_UNITS)
    with transaction(engine) as session:
        run = handlers.start_bill_run(session, CALLER, uuid4(), asked, now=datetime.now(UTC), settings=settings)
    return run["id"]


def kill_at(stack: Stack, engine: Engine, run_id: UUID, point: int, chance: random.Random) -> tuple[str, bool]:
    """Kill one replica that runs once `point` slices are done: which, and whether any was in a transaction then."""
    until(lambda: one(engine, DONE, run_id=run_id) >= point, f"{point} slices are done", 60)
    working = one(engine, WORKING) > 0
    victim = until(lambda: kill_one(stack, chance), "a replica runs and is killed", 30)
    assert one(engine, DONE, run_id=run_id) < SLICES, "the run is still at work"
    return victim, working


def kill_one(stack: Stack, chance: random.Random) -> str | None:
    """Kill a replica that runs; which, or None when none does or the one chosen was still dying of the last kill."""
    running = sorted(stack.pids().keys() & set(REPLICAS))
    victim = chance.choice(running) if running else None
    try:
        if victim:
            stack.kill(victim)
    except ProcessError:
        return None
    return victim


def test_b4_a_run_survives_twenty_kills_and_bills_once(stack: Stack, engine: Engine) -> None:
    chance = random.Random(SEED)
    points = sorted(chance.sample(range(SLICES - SLICES // 10), KILLS))
    print(f"seed {SEED}, {SLICES} slices, kills after {points}")
    run_id = start(engine)
    assert one(engine, "SELECT count(*) FROM bill_run_slice") == SLICES

    kills = [kill_at(stack, engine, run_id, point, chance) for point in points]
    busy = sum(working for _, working in kills)
    print(f"killed {dict(Counter(victim for victim, _ in kills))}, {busy} times while replicas were in a transaction")
    assert len(kills) == KILLS

    until(lambda: one(engine, DONE, run_id=run_id) == SLICES, "the run ends by itself", 60)
    until(lambda: one(engine, "SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0, "all is told", 30)
    stack.wait_ready()
    check_billed_once(engine, run_id)
    check_told_once(engine)


def check_billed_once(engine: Engine, run_id: UUID) -> None:
    with Session(engine) as session:
        run = handlers.get_bill_run(session, CALLER, run_id)
        assert agree(session) == []
    assert (run["status"], run["bills"], run["estates_done"]) == ("done", HOMES, ESTATES)
    assert one(engine, BILLS) == HOMES
    assert one(engine, "SELECT count(*) FROM (SELECT DISTINCT unit_id, fee_item, period FROM bill) b") == HOMES
    assert one(engine, ENTRIES) == HOMES
    assert one(engine, "SELECT sum(billed_count) FROM rate_rollup") == HOMES
    amounts = ("SELECT sum(amount_fen) FROM bill", "SELECT sum(amount_fen) FROM ledger_entry")
    rolled = "SELECT sum(billed_fen) FROM rate_rollup"
    assert {one(engine, query) for query in (*amounts, rolled)} == {run["amount_fen"]}


def check_told_once(engine: Engine) -> None:
    told = """FROM outbox CROSS JOIN LATERAL json_array_elements(data -> 'bills') b WHERE event = 'bills_issued'"""
    assert one(engine, f"SELECT count(*) {told}") == HOMES
    assert one(engine, f"SELECT count(DISTINCT (b ->> 'bill_id')::bigint) {told}") == HOMES
    assert one(engine, "SELECT count(*) FROM parked_event") == 0
    assert one(engine, "SELECT count(*) FROM outbox WHERE attempt > 1") == 0, "a kill is no failure of a slice"
