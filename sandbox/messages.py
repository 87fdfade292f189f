"""The SMS provider's API, the faults it can be told to have, and the inbox of everything anybody was sent."""

import hashlib
import hmac
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field, ValidationError

from sandbox.store import set_fault, take_fault

router = APIRouter()
RECORD = """
INSERT INTO message (channel, recipient, subject, text, template, cause, key) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (channel, key) DO NOTHING
"""
INBOX = """
SELECT id, channel, recipient AS "to", subject, text, template, cause, key, received_at FROM message
WHERE ($1::text IS NULL OR recipient = $1)
  AND ($2::text IS NULL OR cause = $2 OR position($2 IN key) > 0)
  AND ($3::bigint IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""


class Sms(BaseModel):
    """One message; `idempotency_key` makes it one however often it is sent."""

    to: Annotated[str, Field(min_length=3, max_length=32)]
    template: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    idempotency_key: Annotated[str, Field(min_length=1, max_length=300)]
    cause: str | None = None


class Fault(BaseModel):
    """The next `count` requests fail with `status`."""

    count: Annotated[int, Field(ge=0, le=100_000)]
    status: Annotated[int, Field(ge=400, le=599)] = 503


async def record_message(
    pool: Any, channel: str, to: str, text: str, key: str, *, subject: str | None = None, template: str | None = None,
    cause: str | None = None,
) -> None:  # fmt: skip
    """Keep a message; a second one with its key is the same message."""
    await pool.execute(RECORD, channel, to, subject, text, template, cause, key)


@router.post("/sms/send")
async def send_sms(request: Request) -> dict[str, str]:
    """Take a message: X-Signature is hex(hmac_sha256(key, body)), X-Key-Id names the key."""
    raw = await request.body()
    expected = hmac.new(request.app.state.keys.sms_key, raw, hashlib.sha256).hexdigest()
    if not request.headers.get("X-Key-Id") or not hmac.compare_digest(
        expected.encode(), request.headers.get("X-Signature", "").encode()
    ):
        raise HTTPException(401, "the signature is not valid")
    try:
        sms = Sms.model_validate(json.loads(raw))
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_input=False)) from error
    except ValueError as error:
        raise HTTPException(400, "not valid JSON") from error
    if status := await take_fault(request.app.state.pool, "sms"):
        raise HTTPException(status, "the provider was told to fail")
    pool = request.app.state.pool
    await record_message(pool, "sms", sms.to, sms.text, sms.idempotency_key, template=sms.template, cause=sms.cause)
    return {"message_id": sms.idempotency_key, "status": "accepted"}


@router.post("/sandbox/{provider}/fail", status_code=204)
async def fail_next(request: Request, provider: Literal["sms", "smtp"], fault: Fault) -> None:
    """Let the next requests fail: HTTP status for SMS, `451` for mail whatever the status."""
    await set_fault(request.app.state.pool, provider, fault.count, fault.status)


@router.get("/sandbox/inbox")
async def inbox(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[int | None, Query(ge=1)] = None,
    to: str | None = None,
    cause: str | None = None,
) -> dict[str, Any]:
    """Every message sent, newest first. `cause` finds it in the cause or in the key."""
    rows = await request.app.state.pool.fetch(INBOX, to, cause, cursor, limit + 1)
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next_cursor": str(items[-1]["id"]) if len(rows) > limit else None}
