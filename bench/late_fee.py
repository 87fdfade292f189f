"""`late_fee_1m`: the late fee of a group by estate, over a million overdue bills, one in twenty paid in part.

The bound is one pass over the same bills that multiplies what is open by the days and adds it up by estate: the least
that any answer by estate must read, without rates, rounding, caps or payments. Plain SQL, same server, same settings.
"""

from datetime import date
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, text

from bench.harness import Result, alternate, peak_rss_mib, stopwatch
from bench.servers import BenchServers
from services.billing.receivables.late_fee.by_estate import late_fee_by_estate
from services.billing.receivables.ledger.sql import open_bill
from services.common.database import build_engine, service_database_url, transaction
from services.common.process.migrate import ensure_database, upgrade

HOUSEHOLDS, ESTATES, ROUNDS = 1_000_000, 600, 9
AS_OF = date(2026, 11, 20)
PORTFOLIO = Path(__file__).with_name("portfolio.sql")
ARREARS = Path(__file__).with_name("arrears.sql")
BOUND = text(f"""
SELECT b.estate_id, count(*), sum((b.amount_fen - b.paid_fen - b.waived_fen) * (:as_of - b.due_date))
FROM bill b WHERE {open_bill("b")} AND b.due_date < :as_of GROUP BY b.estate_id
""")


def run(servers: BenchServers) -> Result:
    """Milliseconds of the total beside the bare scan."""
    engine = overdue(servers)
    value, bound = alternate(lambda: totals(engine), lambda: scan(engine), ROUNDS)
    engine.dispose()
    note = f"{HOUSEHOLDS / value:,.0f} bills/s; bound: one scan, open × days by estate"
    value, bound, ratio = round(value * 1000, 1), round(bound * 1000, 1), round(value / bound, 2)
    return Result("late_fee_1m", value, "ms", bound, ratio, HOUSEHOLDS, peak_rss_mib(), note)


def overdue(servers: BenchServers) -> Engine:
    """A billing database with an overdue bill for every household."""
    settings = servers.settings(f"bench{uuid4().hex[:6]}")
    ensure_database(settings, "billing")
    upgrade(settings, "billing")
    url = service_database_url(settings, "billing")
    engine = build_engine(url, pool_size=2, statement_timeout_ms=600_000, application="bench")
    with engine.begin() as connection:
        connection.execute(text(PORTFOLIO.read_text().format(households=HOUSEHOLDS, estates=ESTATES)))
        connection.execute(text(ARREARS.read_text()))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("bill", "ledger_entry"):
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
        connection.exec_driver_sql("CHECKPOINT")
    return engine


def totals(engine: Engine) -> float:
    """The product's answer; seconds."""
    with transaction(engine) as session, stopwatch() as seconds:
        rows = late_fee_by_estate(session, AS_OF)
    assert sum(row.bills for row in rows) == HOUSEHOLDS, len(rows)
    return seconds()


def scan(engine: Engine) -> float:
    """The bound; seconds."""
    with transaction(engine) as session, stopwatch() as seconds:
        rows = session.execute(BOUND, {"as_of": AS_OF}).all()
    assert sum(row[1] for row in rows) == HOUSEHOLDS, len(rows)
    return seconds()
