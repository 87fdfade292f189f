"""The gateway's own small database: idempotency keys and the audit log. It need not be there at start-up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.settings import Settings
from services.common.contracts.errors import Unavailable
from services.common.database import GATEWAY, service_database_url

OUTAGE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
AWAY = "The gateway's database is away or busy; try again."


class Database:
    """A pool whose outages are Unavailable."""

    def __init__(self, dsn: str, size: int, statement_timeout_ms: int) -> None:
        self._pool = asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            timeout=5,
            command_timeout=statement_timeout_ms / 1000,
            server_settings={"application_name": "estateloop-gateway", "timezone": "UTC"},
        )

    @classmethod
    def of(cls, settings: Settings) -> "Database":
        """The gateway's database on the server of DATABASE_URL."""
        dsn = service_database_url(settings, GATEWAY).replace("postgresql+psycopg2", "postgresql", 1)
        return cls(dsn, settings.database_pool, settings.statement_timeout_ms)

    async def open(self) -> None:
        """Make the pool; connections come when they are needed."""
        await self._pool

    async def close(self) -> None:
        """Close all connections, in use or not after two seconds."""
        try:
            async with asyncio.timeout(2):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PoolConnectionProxy]:
        """A connection; Unavailable when the database is away."""
        connection = await self._acquire()
        try:
            try:
                yield connection
            finally:
                await self._pool.release(connection)  # may fail as well when the server has just gone
        except OUTAGE as error:
            raise Unavailable(AWAY) from error

    async def _acquire(self) -> PoolConnectionProxy:
        """Whatever stands in the way of a connection, the server's refusal included, is an outage."""
        try:
            return await self._pool.acquire(timeout=5)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            raise Unavailable(AWAY) from error

    async def answers(self) -> bool:
        """Whether the database answers within a second."""
        try:
            async with asyncio.timeout(1), self.connection() as connection:
                return bool(await connection.fetchval("SELECT 1") == 1)
        except (Unavailable, TimeoutError):
            return False
