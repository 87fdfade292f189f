"""The payer's side: somebody scans the code and pays, or somebody else forges a notification of it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from sandbox.keys import Keys
from sandbox.wechat.forgery import GENUINE, UNPAID
from sandbox.wechat.protocol import new_transaction_id, notice_body, transaction
from sandbox.wechat.remote import order_state

router = APIRouter(prefix="/sandbox/wechat")
FIRST_ATTEMPTS_SECONDS = 10.0
Forge = Literal["signature", "serial", "amount", "stale", "tampered", "signtest", "unknown_order"]


class Pay(BaseModel):
    """How the payer pays. `repeat`: the same notification goes out that many times at once.

    `forge`: the notification is false and the payer keeps the money; `amount_fen` is the false amount.
    """

    repeat: Annotated[int, Field(ge=1, le=50)] = 1
    forge: Forge | None = None
    amount_fen: Annotated[int, Field(gt=0)] | None = None


@router.post("/{out_trade_no}/pay")
async def pay(request: Request, out_trade_no: str, how: Pay | None = None) -> dict[str, Any]:
    """Take the money once, however often asked, and notify: `{transaction_id, notified, answers}`.

    Answers when the first delivery of each copy has been attempted, or after ten seconds.
    """
    number, how = out_trade_no.replace("-", ""), how or Pay()
    pool, keys, courier = request.app.state.pool, request.app.state.keys, request.app.state.courier
    async with pool.acquire() as connection, connection.transaction():
        order = await _lock_order(connection, number)
        content = await _take(connection, keys, order, how)
        kind = how.forge if how.forge in UNPAID else GENUINE
        ids = await _hand_in(connection, keys, order, kind, content, how.repeat)
    answers = await courier.first_attempts(ids, within=FIRST_ATTEMPTS_SECONDS)
    notified = any(200 <= status < 300 for status in answers)
    return {"transaction_id": content["transaction_id"], "notified": notified, "answers": answers}


async def _lock_order(connection: Any, number: str) -> asyncpg.Record:
    order = await connection.fetchrow("SELECT * FROM wechat_order WHERE out_trade_no = $1 FOR UPDATE", number)
    if order is None:
        raise HTTPException(404, "no such order was placed")
    return order


async def _take(connection: Any, keys: Keys, order: asyncpg.Record, how: Pay) -> dict[str, Any]:
    """The transaction to tell of; without forgery the order is paid from now on."""
    now = datetime.now(UTC)
    wrong_amount = how.forge == "amount" or how.amount_fen not in (None, order["amount_fen"])
    number = new_transaction_id(now)
    if how.forge is None and not wrong_amount:
        paid = await connection.fetchrow(
            "UPDATE wechat_order SET transaction_id = coalesce(transaction_id, $2), paid_at = coalesce(paid_at, $3)"
            " WHERE out_trade_no = $1 RETURNING *",
            order["out_trade_no"],
            number,
            now.replace(microsecond=0),
        )
        return order_state(keys, paid)
    return transaction(
        keys,
        out_trade_no=number.rjust(32, "9") if how.forge == "unknown_order" else order["out_trade_no"],
        transaction_id=number,
        amount_fen=(how.amount_fen or order["amount_fen"] + 1) if wrong_amount else order["amount_fen"],
        at=now,
    )


async def _hand_in(
    connection: Any, keys: Keys, order: asyncpg.Record, kind: str, content: dict[str, Any], copies: int
) -> list[int]:
    """Due in a second, unless the caller asks the courier before: it first makes ready to hear of the outcome."""
    body = notice_body(keys, content, datetime.now(UTC))
    rows = await connection.fetch(
        "INSERT INTO wechat_notice (out_trade_no, notify_url, kind, body, next_at)"
        " SELECT $1, $2, $3, $4, now() + interval '1 second' FROM generate_series(1, $5) RETURNING id",
        order["out_trade_no"],
        order["notify_url"],
        kind,
        body,
        copies,
    )
    return [row["id"] for row in rows]


@router.get("/{out_trade_no}")
async def show_order(request: Request, out_trade_no: str) -> dict[str, Any]:
    """An order and all that was delivered for it."""
    number, pool = out_trade_no.replace("-", ""), request.app.state.pool
    order = await pool.fetchrow("SELECT * FROM wechat_order WHERE out_trade_no = $1", number)
    if order is None:
        raise HTTPException(404, "no such order was placed")
    notices = await pool.fetch(
        "SELECT id, kind, attempts, answers, next_at, done_at FROM wechat_notice WHERE out_trade_no = $1 ORDER BY id",
        number,
    )
    state = order_state(request.app.state.keys, order)
    return {**state, "code_url": order["code_url"], "deliveries": [dict(notice) for notice in notices]}
