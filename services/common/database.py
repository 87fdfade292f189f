"""STORE: one engine per service, one transaction per door. Statements, locks and idle transactions have a time-out."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from services.common.messaging.tables import new_metadata as new_metadata
from services.common.process.settings import CommonSettings

GATEWAY = "gateway"
SERVICES = ("billing", "payments", "notifications", "workorders", "feedback")
SPARE_CONNECTIONS = 3
_LIMITS = text(
    "SELECT set_config('statement_timeout', :milliseconds, true), set_config('lock_timeout', :milliseconds, true)"
)


def database_name(prefix: str, service: str) -> str:
    """The name of a service's own database."""
    return f"{prefix}_{service}"


def service_database_url(settings: CommonSettings, service: str) -> str:
    """The server of DATABASE_URL with the service's own database."""
    url = make_url(settings.database_url).set(
        drivername="postgresql+psycopg2", database=database_name(settings.database_prefix, service)
    )
    return url.render_as_string(hide_password=False)


def build_engine(url: str, *, pool_size: int, statement_timeout_ms: int, application: str) -> Engine:
    """An engine whose pool never overflows and whose errors never show parameters (they may be personal data).

    The pool is as large as the worker pool plus a few, so that no worker waits for a connection held by another.
    """
    options = (
        f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={statement_timeout_ms} "
        "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    )
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=30,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 5, "application_name": application},
    )


def service_engine(settings: CommonSettings, service: str) -> Engine:
    """The engine a service process uses."""
    return build_engine(
        service_database_url(settings, service),
        pool_size=settings.max_workers + SPARE_CONNECTIONS,
        statement_timeout_ms=settings.statement_timeout_ms,
        application=f"estateloop-{service}",
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits when the block ends and rolls back when it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def allow_long_statements(session: Session, milliseconds: int) -> None:
    """For the rest of this transaction a statement, or its wait for a lock, may take longer than a door's."""
    session.execute(_LIMITS, {"milliseconds": str(milliseconds)})


def is_outage(error: BaseException) -> bool:
    """Whether the database was away, as opposed to the work being wrong: the same work will pass once it is back.

    A lock or statement time-out is no outage: it has an SQLSTATE of its own and may come back for ever.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, (OperationalError, InterfaceError, InternalError)):
        return isinstance(error, DBAPIError) and error.connection_invalidated
    sqlstate = getattr(error.orig, "pgcode", None)
    return error.connection_invalidated or sqlstate is None or sqlstate.startswith(("08", "57P"))


def is_busy(error: BaseException) -> bool:
    """Whether a lock, a deadlock or a time-out ended the work; it may pass when it is tried again."""
    sqlstate = getattr(getattr(error, "orig", None), "pgcode", None) or ""
    return sqlstate in {"40001", "40P01", "55P03", "57014"}


def answers(engine: Engine) -> bool:
    """Whether the database answers now."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError:
        return False
    return True
