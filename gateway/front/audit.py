"""The audit log (I3): every write and every read of personal data, append-only, each entry sealed by the one before.

Entries are queued and written in batches by one task; a clean shutdown writes what is queued. While the database is
away entries wait, and when too many wait, requests that must be recorded are refused rather than done unrecorded.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
from prometheus_client import Counter
from pydantic import Field
from typing_extensions import TypedDict

from gateway.database import Database
from services.common.contracts.errors import Unavailable
from services.common.fields import Whole
from services.common.locks import Lock
from services.common.observability.logs import get_logger

GENESIS = "0" * 64
MOST_QUEUED, BATCH, RETRY_SECONDS = 10_000, 500, 1.0
VERIFY_STEP = 2_000

AUDIT_ENTRIES = Counter("estateloop_audit_entries_total", "Entries of the audit log, by outcome", ["outcome"])
log = get_logger(__name__)

INSERT = """
INSERT INTO audit_log (id, at, sub, roles, method, route, subject, outcome, trace_id, prev_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
LIST = """
SELECT * FROM audit_log
 WHERE ($1::bigint IS NULL OR id < $1) AND ($2::text IS NULL OR sub = $2) AND ($3::text IS NULL OR subject LIKE $3)
 ORDER BY id DESC LIMIT $4
"""


@dataclass(frozen=True)
class Entry:
    """Who did what to whom and how it ended (HTTP status). `subject` holds codes and ids, no names."""

    at: datetime
    sub: str
    roles: str
    method: str
    route: str
    subject: str
    outcome: int
    trace_id: str


class AuditEntry(TypedDict):
    """One line of the audit log; `hash` seals it together with all before it."""

    id: Whole
    at: datetime
    sub: Annotated[str, Field(description="Who was signed in")]
    roles: str
    method: str
    route: str
    subject: Annotated[str, Field(description="Codes and ids it was about")]
    outcome: Annotated[Whole, Field(description="HTTP status")]
    trace_id: str
    prev_hash: str
    hash: str


class ChainCheck(TypedDict):
    """Whether the chain holds; note `head` and `entries` outside the system to notice a shortened log."""

    valid: bool
    entries: Whole
    head: str
    broken_at: Annotated[Whole | None, Field(description="Id of the first entry that does not fit")]


def seal(number: int, entry: Entry, previous: str) -> str:
    """The hash that chains entry `number` to the one before."""
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [number, at, *astuple(entry)[1:], previous]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def chained(batch: Sequence[Entry], last: int, head: str) -> list[tuple[Any, ...]]:
    """Rows for `batch` after entry number `last` whose hash is `head`."""
    rows = []
    for number, entry in enumerate(batch, last + 1):
        seal_value = seal(number, entry, head)
        rows.append((number, *astuple(entry), head, seal_value))
        head = seal_value
    return rows


class Audit:
    """`record` costs a queue append; `start` and `stop` belong to the process's lifespan."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write what is recorded."""
        self._writer = asyncio.create_task(self._write_for_ever(), name="audit writer")

    async def stop(self, deadline: float) -> None:
        """Write what is queued, then stop."""
        if not await self.flush(deadline):
            log.error("audit entries were lost at shutdown", extra={"entries": self._queue.qsize()})
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer

    def ensure_room(self) -> None:
        """Raises Unavailable when so much waits to be written that no more may happen unrecorded."""
        if self._queue.qsize() >= MOST_QUEUED:
            raise Unavailable("The audit log cannot be written at present; try again.")

    def record(self, entry: Entry) -> None:
        """Remember what has happened."""
        self._queue.put_nowait(entry)

    async def flush(self, seconds: float) -> bool:
        """Whether everything recorded so far is written, waiting at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            return False
        return True

    async def entries(self, before: int | None, sub: str | None, subject: str | None, limit: int) -> list[AuditEntry]:
        """The newest entries first, `limit` + 1 of them."""
        await self.flush(1.0)
        pattern = None if subject is None else f"%{subject.translate(_LIKE)}%"
        async with self._database.connection() as connection:
            return [_entry_of(row) for row in await connection.fetch(LIST, before, sub, pattern, limit + 1)]

    async def verify(self) -> ChainCheck:
        """Recompute the chain; `broken_at` is the first wrong id."""
        await self.flush(1.0)
        count, head = 0, GENESIS
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor("SELECT * FROM audit_log ORDER BY id", prefetch=VERIFY_STEP):
                if not _follows(row, count, head):
                    return ChainCheck(valid=False, entries=count, head=head, broken_at=count + 1)
                count, head = count + 1, row["hash"]
                if count % VERIFY_STEP == 0:
                    await asyncio.sleep(0)
        return ChainCheck(valid=True, entries=count, head=head, broken_at=None)

    async def _write_for_ever(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._write_until_done(batch)
            for _ in batch:
                self._queue.task_done()

    async def _write_until_done(self, batch: Sequence[Entry]) -> None:
        while True:
            try:
                await self._write(batch)
            except (Unavailable, asyncpg.PostgresError) as error:
                AUDIT_ENTRIES.labels("delayed").inc(len(batch))
                log.error("audit log cannot be written", extra={"error": type(error).__name__, "entries": len(batch)})
                await asyncio.sleep(RETRY_SECONDS)
            else:
                AUDIT_ENTRIES.labels("written").inc(len(batch))
                return

    async def _write(self, batch: Sequence[Entry]) -> None:
        async with self._database.connection() as connection, connection.transaction():
            # one writer of the chain at a time, over all replicas
            await connection.execute(f"SELECT {Lock.AUDIT.exclusive()}")
            last = await connection.fetchrow("SELECT id, hash FROM audit_log ORDER BY id DESC LIMIT 1")
            await connection.executemany(INSERT, chained(batch, *(last or (0, GENESIS))))


_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


def _entry_of(row: asyncpg.Record) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        sub=row["sub"],
        roles=row["roles"],
        method=row["method"],
        route=row["route"],
        subject=row["subject"],
        outcome=row["outcome"],
        trace_id=row["trace_id"],
        prev_hash=row["prev_hash"],
        hash=row["hash"],
    )


def _follows(row: asyncpg.Record, count: int, head: str) -> bool:
    """Whether `row` is the entry after `count` others whose last hash is `head`."""
    entry = Entry(*(row[name] for name in Entry.__dataclass_fields__))
    next_link = (count + 1, head, seal(row["id"], entry, head))
    return next_link == (row["id"], row["prev_hash"], row["hash"])
