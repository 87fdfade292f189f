"""The sandbox as one ASGI application; mail and the courier live as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from fastapi import FastAPI

from sandbox import messages
from sandbox.keys import ensure_keys
from sandbox.mail import mail_server
from sandbox.settings import Settings
from sandbox.store import open_store
from sandbox.wechat import payer, remote
from sandbox.wechat.courier import Courier


def create_app(settings: Settings) -> FastAPI:
    """Build it; the keys and the database are made when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.keys = ensure_keys(settings.sandbox_dir)
        async with (
            open_store(settings) as pool,
            httpx.AsyncClient(trust_env=False) as client,
            mail_server(pool, settings.smtp_port),
        ):
            app.state.pool = pool
            app.state.courier = Courier(pool, app.state.keys, client)
            delivering = asyncio.create_task(app.state.courier.run())
            yield
            delivering.cancel()
            with suppress(asyncio.CancelledError):
                await delivering

    app = FastAPI(title="EstateLoop sandbox", lifespan=lifespan)
    for part in (remote.router, payer.router, messages.router):
        app.include_router(part)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether it serves: the keys are there and the database answers."""
        await app.state.pool.fetchval("SELECT 1")
        return {"status": "ok"}

    return app
