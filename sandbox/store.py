"""STORE of the sandbox: its own database, made at start, so that what it owes survives a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from sandbox.settings import Settings

TABLES = """
CREATE TABLE IF NOT EXISTS wechat_order (
  out_trade_no text PRIMARY KEY,
  terms text NOT NULL,                 -- the merchant's request, canonical JSON
  amount_fen bigint NOT NULL,
  notify_url text NOT NULL,
  code_url text NOT NULL,
  transaction_id text UNIQUE,          -- set once the payer has paid
  paid_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS wechat_notice (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  out_trade_no text NOT NULL,
  notify_url text NOT NULL,
  kind text NOT NULL,                  -- genuine, or how it is forged
  body text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  answers int[] NOT NULL DEFAULT '{}', -- HTTP status of each attempt, 0: none came
  next_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz
);
CREATE INDEX IF NOT EXISTS wechat_notice_due ON wechat_notice (next_at) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS wechat_notice_order ON wechat_notice (out_trade_no);
CREATE TABLE IF NOT EXISTS message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel text NOT NULL,
  recipient text NOT NULL,
  subject text,
  text text NOT NULL,
  template text,
  cause text,
  key text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (channel, key)
);
CREATE TABLE IF NOT EXISTS fault (
  provider text PRIMARY KEY,
  remaining int NOT NULL,
  status int NOT NULL
);
"""


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """The pool on the sandbox's database, which is made if it is not there."""
    await _make_database(settings)
    async with asyncpg.create_pool(settings.own_database_url, min_size=1, max_size=8) as pool:
        await pool.execute(TABLES)
        yield pool


async def _make_database(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.server_url)
    try:
        known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", settings.own_database)
        if not known:
            await connection.execute(f'CREATE DATABASE "{settings.own_database}"')
    finally:
        await connection.close()


async def take_fault(pool: asyncpg.Pool, provider: str) -> int | None:
    """The status with which this request shall fail; None when it shall not."""
    status: int | None = await pool.fetchval(
        "UPDATE fault SET remaining = remaining - 1 WHERE provider = $1 AND remaining > 0 RETURNING status", provider
    )
    return status


async def set_fault(pool: asyncpg.Pool, provider: str, count: int, status: int) -> None:
    """Let the next `count` requests to a provider fail."""
    await pool.execute(
        "INSERT INTO fault VALUES ($1, $2, $3) ON CONFLICT (provider) DO UPDATE SET remaining = $2, status = $3",
        provider,
        count,
        status,
    )
