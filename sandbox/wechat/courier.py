"""Delivers notifications until they are answered 2xx, on the real schedule scaled down; what is owed is stored."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx

from sandbox.keys import Keys
from sandbox.wechat.forgery import UNPAID, dress

SCHEDULE_SECONDS = (0.2, 0.5, 1, 2, *(5,) * 40)  # the platform's own: 15 s … 6 h
ANSWER_WITHIN_SECONDS = 5.0
LEASE_SECONDS = 30
LONGEST_NAP_SECONDS = 2.0
AT_ONCE = 20
log = logging.getLogger(__name__)

CLAIM = f"""
UPDATE wechat_notice SET attempts = attempts + 1, next_at = now() + interval '{LEASE_SECONDS} seconds'
WHERE id IN (SELECT id FROM wechat_notice WHERE done_at IS NULL AND next_at <= now() ORDER BY next_at LIMIT {AT_ONCE}
             FOR UPDATE SKIP LOCKED)
RETURNING id, notify_url, kind, body, attempts
"""
RECORD = """
UPDATE wechat_notice SET answers = answers || $2::int, next_at = now() + make_interval(secs => $3),
       done_at = CASE WHEN $4 THEN now() END
WHERE id = $1
"""
NAP = "SELECT extract(epoch FROM min(next_at) - now())::float FROM wechat_notice WHERE done_at IS NULL"


class Courier:
    """One loop that takes what is due; `first_attempts` lets a caller wait for what was just handed in."""

    def __init__(self, pool: asyncpg.Pool, keys: Keys, client: httpx.AsyncClient) -> None:
        self._pool = pool
        self._keys = keys
        self._client = client
        self._wake = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[int]] = {}

    async def run(self) -> None:
        """For ever. A database that is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    for notice in await self._pool.fetch(CLAIM):
                        tasks.create_task(self._deliver(notice))
                    nap = await self._pool.fetchval(NAP)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    log.warning("the sandbox's database does not answer")
                    nap = LONGEST_NAP_SECONDS
                await self._sleep(LONGEST_NAP_SECONDS if nap is None else min(max(nap, 0.01), LONGEST_NAP_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def first_attempts(self, ids: list[int], *, within: float) -> list[int]:
        """Send these now; the statuses of the first attempts, as far as they came in time (0: no answer came)."""
        futures = [self._waiting.setdefault(notice, asyncio.get_running_loop().create_future()) for notice in ids]
        await self._pool.execute("UPDATE wechat_notice SET next_at = now() WHERE id = ANY($1) AND attempts = 0", ids)
        self._wake.set()
        done, _ = await asyncio.wait(futures, timeout=within)
        for notice in ids:
            self._waiting.pop(notice, None)
        return [future.result() for future in futures if future in done]

    async def _deliver(self, notice: Any) -> None:
        status = await self._post(notice)
        done = 200 <= status < 300 or notice["kind"] in UNPAID or notice["attempts"] > len(SCHEDULE_SECONDS)
        delay = 0.0 if done else SCHEDULE_SECONDS[notice["attempts"] - 1]
        try:
            await self._pool.execute(RECORD, notice["id"], status, delay, done)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.warning("an answer was not recorded; the notification goes out again")
        future = self._waiting.get(notice["id"])
        if future is not None and not future.done():
            future.set_result(status)
        self._wake.set()

    async def _post(self, notice: Any) -> int:
        headers, body = dress(notice["kind"], self._keys, notice["body"].encode(), datetime.now(UTC))
        try:
            answer = await self._client.post(
                notice["notify_url"], content=body, headers=headers, timeout=ANSWER_WITHIN_SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return 0
        return answer.status_code
