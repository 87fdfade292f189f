"""Fresh databases in milliseconds: each service's migrations run once, every test gets a clone."""

from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg2
from psycopg2 import sql
from sqlalchemy import Engine, make_url, text

from services.common.database import build_engine, database_name, service_database_url
from services.common.process.migrate import ensure_database, upgrade
from services.common.process.settings import CommonSettings


def waits_for_a_lock(engine: Engine) -> bool:
    """Whether somebody in the engine's database waits for somebody else."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with engine.connect() as connection:
        return bool(connection.scalar(text(query)))


class TemplateDatabases:
    """Templates `{prefix}_{service}` and clones of them, all dropped at the end."""

    def __init__(self, server_url: str, prefix: str) -> None:
        self.server_url = server_url
        self.prefix = prefix
        self._made: set[str] = set()
        self._templates: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in self._made:
            self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def blank(self, service: str) -> CommonSettings:
        """A database of that service in which nothing is yet; how it is reached."""
        settings = CommonSettings(database_url=self.server_url, database_prefix=f"{self.prefix}_{uuid4().hex[:8]}")
        self._made.add(database_name(settings.database_prefix, service))
        ensure_database(settings, service)
        return settings

    def clone(self, service: str) -> str:
        """A fresh clone's prefix: its database is `{prefix}_{service}`."""
        template = self._template(service)
        prefix = f"{self.prefix}_{uuid4().hex[:8]}"
        name = database_name(prefix, service)
        self._made.add(name)
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        return prefix

    def _template(self, service: str) -> str:
        name = database_name(self.prefix, service)
        if service not in self._templates:
            settings = CommonSettings(database_url=self.server_url, database_prefix=self.prefix)
            self._made.add(name)
            ensure_database(settings, service)
            upgrade(settings, service)
            self._templates.add(service)
        return name

    def _execute(self, statement: sql.Composed) -> None:
        url = make_url(self.server_url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg2.connect(url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


class FreshDatabases:
    """`fresh("billing")` → an engine on a clone; all are closed at the end, `engines` says which were made."""

    def __init__(self, templates: TemplateDatabases) -> None:
        self.templates = templates
        self.engines: list[tuple[str, Engine]] = []

    def __call__(self, service: str) -> Engine:
        """A fresh database of that service, at its newest migration."""
        prefix = self.templates.clone(service)
        settings = CommonSettings(database_url=self.templates.server_url, database_prefix=prefix)
        url = service_database_url(settings, service)
        engine = build_engine(url, pool_size=12, statement_timeout_ms=30_000, application="test")
        self.engines.append((service, engine))
        return engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for _, engine in self.engines:
            engine.dispose()
