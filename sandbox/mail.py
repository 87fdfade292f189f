"""A mail server that keeps what it gets, once per Message-ID."""

import asyncio
import email
import email.policy
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import asyncpg
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.messages import record_message
from sandbox.store import take_fault

LARGEST_BYTES = 5 * 1024 * 1024


class Sink:
    """aiosmtpd's handler."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  their name
        """Keep the message and say so, in that order."""
        try:
            return await self._keep(envelope)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return "451 4.3.0 the store does not answer"

    async def _keep(self, envelope: Envelope) -> str:
        if await take_fault(self._pool, "smtp"):
            return "451 4.3.0 told to fail"
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content or "").encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        key = str(message.get("Message-ID") or hashlib.sha256(raw).hexdigest())
        cause = message.get("X-EstateLoop-Cause")
        await record_message(
            self._pool,
            "email",
            ",".join(envelope.rcpt_tos),
            _text_of(message),
            key,
            subject=str(message.get("Subject", "")),
            cause=str(cause) if cause else None,
        )
        return "250 OK"


def _text_of(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    return str(part.get_content()).strip().replace("\x00", "") if part is not None else ""


@asynccontextmanager
async def mail_server(pool: asyncpg.Pool, port: int) -> AsyncIterator[None]:
    """Listen on 127.0.0.1; port 0 means no mail server."""
    if not port:
        yield
        return
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Sink(pool), enable_SMTPUTF8=True, data_size_limit=LARGEST_BYTES, loop=loop), "127.0.0.1", port
    )
    async with server:
        yield
