"""PROCESS that makes and upgrades databases and declares queues.

`python -m services.common.process.migrate [billing … gateway]`. Run as a job before anything starts, never at process
start. Safe to run twice and side by side: a lock on the server lets one through at a time.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from psycopg2 import sql
from sqlalchemy import Connection, create_engine, make_url

from services.common.database import GATEWAY, SERVICES, database_name, service_database_url
from services.common.locks import Lock
from services.common.observability.logs import configure_logging, get_logger
from services.common.process.settings import CommonSettings

log = get_logger(__name__)
ROOT = Path(__file__).parents[3]


def migrations_of(part: str) -> Path:
    """The folder with a part's revisions."""
    return ROOT / (GATEWAY if part == GATEWAY else f"services/{part}") / "migrations"


def ensure_database(settings: CommonSettings, part: str) -> None:
    """Create the part's database on the server of DATABASE_URL when it is missing."""
    name = database_name(settings.database_prefix, part)
    url = make_url(settings.database_url).set(drivername="postgresql")
    server = psycopg2.connect(url.render_as_string(hide_password=False), connect_timeout=10)
    try:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute(f"SELECT {Lock.MIGRATION.exclusive_for_session()}")
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
                cursor.execute(statement.format(sql.Identifier(name)))
                log.info("database created", extra={"database": name})
    finally:
        server.close()


def alembic_config(part: str) -> Config:
    """Alembic's view of a part: its own revisions, the one shared environment."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "services/common/process/alembic"))
    config.set_main_option("version_locations", str(migrations_of(part) / "versions"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(settings: CommonSettings, part: str) -> str | None:
    """Bring the part's database to its newest revision; returns that revision."""
    engine = create_engine(service_database_url(settings, part))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT {Lock.MIGRATION.exclusive()}")
            config = alembic_config(part)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            repeat(connection, part)
            revision: Any = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return str(revision) if revision else None


def repeat(connection: Connection, part: str) -> None:
    """What a part brings after the revisions every time: `migrations/repeatable.py`, where there is one."""
    if (migrations_of(part) / "repeatable.py").exists():
        importlib.import_module(f"services.{part}.migrations.repeatable").apply(connection)


def declare_queues(settings: CommonSettings, services: list[str]) -> None:
    """Declare what services consume, so that nothing published from now on can miss them.

    Their code takes a second to load, which a broker that is still starting can use.
    """
    from services.common.messaging import topology

    classes = [importlib.import_module(f"services.{service}.service").SERVICE for service in services]
    topology.await_broker(settings)
    for service_cls in classes:
        topology.declare(service_cls, settings)


def main(parts: list[str]) -> int:
    """Migrate `parts`, all when none is named."""
    all_parts = (*SERVICES, GATEWAY)
    if unknown := set(parts) - set(all_parts):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(all_parts)}")
    settings = CommonSettings()
    configure_logging("migrate", settings.log_level)
    parts_to_migrate = parts or all_parts
    for part in parts_to_migrate:
        ensure_database(settings, part)
        log.info("database is at", extra={"part": part, "revision": upgrade(settings, part)})
    if services := [part for part in parts_to_migrate if part in SERVICES]:
        declare_queues(settings, services)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
