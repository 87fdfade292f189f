"""The same key and body get the same answer, whatever happens between (contract: Idempotency-Key).

A key is first claimed with a lease, then the work is done under a request id derived from it, then the answer is kept.
The lease is short and renewed while the work lasts, so whoever died in between leaves one that runs out within seconds;
the repeat does the work again under the same request id, and the services know that id. Only success is kept: a refused
request changed nothing and may be corrected under its key; a failed one may be repeated, but with the same body only,
because its outcome is unknown.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID, uuid4, uuid5

from starlette.responses import Response

from gateway.database import Database
from services.common.contracts.errors import Conflict, Invalid, Unavailable
from services.common.observability.logs import get_logger

HEADER = "Idempotency-Key"
NAMESPACE = UUID("6f1c2a52-1c57-5d2b-9f6f-0e6d1c1f7a10")
LONGEST_KEY = 255
LOOK_EVERY = 0.05
RENEWALS = 3  # so often is a lease renewed before it would run out

log = get_logger(__name__)

CLAIM = """
INSERT INTO idempotency_key (subject, method, path, key, body_hash, request_id, owner, lease_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))
ON CONFLICT (subject, method, path, key) DO UPDATE
   SET owner = excluded.owner, lease_until = excluded.lease_until
 WHERE idempotency_key.finished_at IS NULL
   AND idempotency_key.lease_until <= now()
   AND idempotency_key.body_hash = excluded.body_hash
RETURNING owner
"""
LOOK = """
SELECT body_hash, finished_at IS NOT NULL AS finished, status, content_type, body
  FROM idempotency_key WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4
"""
KEEP = """
UPDATE idempotency_key SET finished_at = now(), status = $5, content_type = $6, body = $7
 WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4 AND finished_at IS NULL
"""
RENEW = """
UPDATE idempotency_key SET lease_until = now() + make_interval(secs => $6)
 WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4 AND owner = $5 AND finished_at IS NULL
"""
END_LEASE = """
UPDATE idempotency_key SET lease_until = now()
 WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4 AND owner = $5 AND finished_at IS NULL
"""
FORGET = """
DELETE FROM idempotency_key
 WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4 AND owner = $5 AND finished_at IS NULL
"""
PRUNE = "DELETE FROM idempotency_key WHERE created_at < now() - make_interval(secs => $1)"


@dataclass(frozen=True)
class Operation:
    """One request under a key: what was asked, by whom."""

    subject: str
    method: str
    path: str
    key: str
    body_hash: bytes

    @property
    def request_id(self) -> UUID:
        """Under which the services know this operation; the same for every repeat."""
        return uuid5(NAMESPACE, "|".join((self.subject, self.method, self.path, self.key)))

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The primary key."""
        return self.subject, self.method, self.path, self.key


def only_key(keys: Sequence[str]) -> str | None:
    """The header's value, None without one. Raises Invalid for two that differ: nobody knows which one is meant."""
    if len(set(keys)) > 1:
        raise Invalid(f"Send one {HEADER}.", [{"loc": f"header.{HEADER}", "msg": "two headers that differ"}])
    return keys[0] if keys else None


def checked_key(key: str) -> str:
    """The header's value. Raises Invalid when it is empty, too long or not printable ASCII."""
    if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        fault = {"loc": f"header.{HEADER}", "msg": f"1 to {LONGEST_KEY} printable ASCII characters"}
        raise Invalid(f"The {HEADER} is not usable.", [fault])
    return key


def fingerprint(query: str, body: bytes, body_json: Any = None) -> bytes:
    """A hash of what was asked; JSON counts by content, not by spacing or order of its keys."""
    content = body if body_json is None else json.dumps(body_json, sort_keys=True, ensure_ascii=True).encode()
    return hashlib.sha256(query.encode() + b"\n" + content).digest()


class Idempotency:
    """Durations in seconds: a duplicate waits `wait` for the first's answer, longer than the `lease` of a dead one."""

    def __init__(self, database: Database, *, wait: float, lease: float) -> None:
        self._database, self._wait, self._lease = database, wait, lease

    async def run(self, operation: Operation, work: Callable[[], Awaitable[Response]]) -> Response:
        """Do `work` once, or answer as it was answered. Raises Conflict for another body or one still being done."""
        owner = uuid4()
        if (earlier := await self._claim(operation, owner)) is not None:
            return earlier
        renewing = asyncio.create_task(self._renew(operation, owner), name="idempotency lease")
        try:
            response = await work()
        except BaseException:
            await asyncio.shield(self._settle(END_LEASE, *operation.identity, owner))
            raise
        finally:
            renewing.cancel()
        await asyncio.shield(self._conclude(operation, owner, response))
        return response

    async def prune(self, keep_seconds: float) -> None:
        """Forget keys older than that."""
        async with self._database.connection() as connection:
            await connection.execute(PRUNE, keep_seconds)

    async def _renew(self, operation: Operation, owner: UUID) -> None:
        """Hold the lease until cancelled; most work is done before the first renewal."""
        while True:
            await asyncio.sleep(self._lease / RENEWALS)
            await self._settle(RENEW, *operation.identity, owner, self._lease)

    async def _claim(self, operation: Operation, owner: UUID) -> Response | None:
        """None when the work is ours to do; else the kept answer."""
        until = monotonic() + self._wait
        while True:
            async with self._database.connection() as connection:
                claim = (*operation.identity, operation.body_hash, operation.request_id, owner, self._lease)
                if await connection.fetchval(CLAIM, *claim) is not None:
                    return None
                row = await connection.fetchrow(LOOK, *operation.identity)
            if row is None:
                continue  # it was forgotten between the two looks: claim again
            if bytes(row["body_hash"]) != operation.body_hash:
                raise Conflict("This Idempotency-Key was used for another request.")
            if row["finished"]:
                return _response_of(row["status"], row["content_type"], row["body"])
            if monotonic() >= until:
                raise StillInProgress("A request with this Idempotency-Key is being worked on; ask again.")
            await asyncio.sleep(LOOK_EVERY)

    async def _conclude(self, operation: Operation, owner: UUID, response: Response) -> None:
        if response.status_code >= 500:
            await self._settle(END_LEASE, *operation.identity, owner)
        elif response.status_code >= 400:
            await self._settle(FORGET, *operation.identity, owner)
        else:
            answer = (response.status_code, response.media_type or "application/json", bytes(response.body))
            await self._settle(KEEP, *operation.identity, *answer)

    async def _settle(self, statement: str, *values: object) -> None:
        """Write the state down. While the database is away the lease runs out; a repeat works again, harmlessly."""
        try:
            async with self._database.connection() as connection:
                await connection.execute(statement, *values)
        except Unavailable:
            log.warning("state of an idempotent request could not be kept")


class StillInProgress(Conflict):
    """409 with Retry-After."""


def _response_of(status: int, content_type: str, body: bytes) -> Response:
    return Response(bytes(body), status, {"Idempotency-Replayed": "true"}, content_type)
