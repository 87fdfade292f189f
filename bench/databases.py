"""A database with the reliable layer's tables for the bench service."""

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine

from services.common.database import build_engine, service_database_url
from services.common.messaging.schema import create_messaging_tables
from services.common.process.migrate import ensure_database
from services.common.process.settings import CommonSettings

HEARD = "CREATE TABLE heard (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lag interval NOT NULL)"


def bench_database(settings: CommonSettings) -> Engine:
    """Create it and give an engine on it."""
    ensure_database(settings, "bench")
    engine = build_engine(
        service_database_url(settings, "bench"), pool_size=3, statement_timeout_ms=60_000, application="bench"
    )
    with engine.begin() as connection:
        create_messaging_tables(Operations(MigrationContext.configure(connection)))
        connection.exec_driver_sql(HEARD)
    return engine
