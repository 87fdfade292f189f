"""The merchant API: native order and order query, as WeChat Pay v3 answers them. Every answer is signed."""

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from sandbox.keys import Keys
from sandbox.wechat.protocol import Refusal, require_merchant, signature_headers, transaction

router = APIRouter()
ORDER_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
PLACE = """
INSERT INTO wechat_order (out_trade_no, terms, amount_fen, notify_url, code_url) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (out_trade_no) DO NOTHING
"""


@router.post("/v3/pay/transactions/native")
async def place_order(request: Request) -> Response:
    """Place an order; the same order again gives the same code."""
    keys: Keys = request.app.state.keys
    try:
        body = await _genuine_body(request)
        order = _read_order(keys, body)
        return _signed(keys, 200, {"code_url": await _place(request.app.state.pool, order)})
    except Refusal as refusal:
        return refused(keys, refusal)


async def _genuine_body(request: Request) -> bytes:
    body = await request.body()
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    authorization = request.headers.get("Authorization", "")
    require_merchant(request.app.state.keys, authorization, request.method, path, body, datetime.now(UTC))
    return body


def _read_order(keys: Keys, body: bytes) -> dict[str, Any]:
    try:
        order = json.loads(body)
        total, currency = order["amount"]["total"], order["amount"].get("currency", "CNY")
        _require(order["mchid"] == keys.mchid and order["appid"] == keys.appid, "appid或mchid有误")
        _require(bool(ORDER_NUMBER.fullmatch(order["out_trade_no"])), "out_trade_no格式错误")
        _require(0 < len(order["description"]) <= 127, "description长度不符合规则")
        _require(order["notify_url"].startswith(("http://", "https://")), "notify_url格式错误")
        _require(type(total) is int and total > 0 and currency == "CNY", "amount格式错误")
        if "time_expire" in order:
            _require(datetime.fromisoformat(order["time_expire"]).tzinfo is not None, "time_expire格式错误")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(400, "PARAM_ERROR", "参数错误") from error
    return dict(order)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise Refusal(400, "PARAM_ERROR", message)


async def _place(pool: Any, order: dict[str, Any]) -> str:
    terms = json.dumps(order, sort_keys=True, ensure_ascii=False)
    code_url = f"weixin://wxpay/bizpayurl?pr={secrets.token_urlsafe(7)}"
    number = order["out_trade_no"]
    await pool.execute(PLACE, number, terms, order["amount"]["total"], order["notify_url"], code_url)
    kept = await pool.fetchrow("SELECT terms, code_url, paid_at FROM wechat_order WHERE out_trade_no = $1", number)
    if kept["paid_at"]:
        raise Refusal(400, "ORDERPAID", "该订单已支付")
    if kept["terms"] != terms:
        raise Refusal(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    return str(kept["code_url"])


@router.get("/v3/pay/transactions/out-trade-no/{out_trade_no}")
async def query_order(request: Request, out_trade_no: str) -> Response:
    """What became of an order."""
    keys: Keys = request.app.state.keys
    try:
        await _genuine_body(request)
        if request.query_params.get("mchid") != keys.mchid:
            raise Refusal(400, "PARAM_ERROR", "mchid有误")
        order = await request.app.state.pool.fetchrow(
            "SELECT * FROM wechat_order WHERE out_trade_no = $1", out_trade_no
        )
        if order is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
    except Refusal as refusal:
        return refused(keys, refusal)
    return _signed(keys, 200, order_state(keys, order))


def order_state(keys: Keys, order: Any) -> dict[str, Any]:
    """A stored order as the query shows it."""
    if order["paid_at"] is None:
        return {
            "mchid": keys.mchid,
            "appid": keys.appid,
            "out_trade_no": order["out_trade_no"],
            "trade_state": "NOTPAY",
            "trade_state_desc": "订单未支付",
            "amount": {"total": order["amount_fen"], "currency": "CNY"},
        }
    return transaction(
        keys,
        out_trade_no=order["out_trade_no"],
        transaction_id=order["transaction_id"],
        amount_fen=order["amount_fen"],
        at=order["paid_at"],
    )


def refused(keys: Keys, refusal: Refusal) -> Response:
    """An error as WeChat gives it."""
    return _signed(keys, refusal.status, {"code": refusal.code, "message": refusal.message})


def _signed(keys: Keys, status: int, content: dict[str, Any]) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(body, status_code=status, headers=signature_headers(keys, body, datetime.now(UTC)))
