"""How WeChat Pay v3 signs and seals, written from its documentation and apart from the product's own module."""

import base64
import binascii
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.keys import Keys

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SHANGHAI = ZoneInfo("Asia/Shanghai")
STALE_SECONDS = 600
FIELD = re.compile(r'([a-z_]+)="([^"]*)"')


@dataclass(frozen=True)
class Refusal(Exception):
    """An error in WeChat's form: HTTP status, code and message."""

    status: int
    code: str
    message: str


def rsa_sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    """SHA256-RSA2048 with PKCS #1 v1.5, base64."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), SHA256())).decode()


def signature_headers(keys: Keys, body: bytes, at: datetime) -> dict[str, str]:
    """The Wechatpay-* headers of an answer or a notification."""
    timestamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    text = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Content-Type": "application/json",
        "Wechatpay-Serial": keys.platform_serial,
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": rsa_sign(keys.platform_key, text),
        "Wechatpay-Signature-Type": SCHEME,
    }


def require_merchant(keys: Keys, authorization: str, method: str, path: str, body: bytes, now: datetime) -> None:
    """Raise Refusal unless the merchant signed this very request within five minutes."""
    scheme, _, rest = authorization.partition(" ")
    field = dict(FIELD.findall(rest))
    if scheme != SCHEME or not {"mchid", "nonce_str", "signature", "timestamp", "serial_no"} <= field.keys():
        raise Refusal(401, "SIGN_ERROR", "Http头Authorization值格式错误")
    if (field["mchid"], field["serial_no"]) != (keys.mchid, keys.merchant_serial):
        raise Refusal(401, "SIGN_ERROR", "商户号或证书序列号有误")
    if not field["timestamp"].isdecimal() or abs(now.timestamp() - int(field["timestamp"])) > 300:
        raise Refusal(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    text = f"{method}\n{path}\n{field['timestamp']}\n{field['nonce_str']}\n".encode() + body + b"\n"
    try:
        signature = base64.b64decode(field["signature"], validate=True)
        keys.merchant_key.verify(signature, text, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise Refusal(401, "SIGN_ERROR", "签名错误") from None


def transaction(keys: Keys, *, out_trade_no: str, transaction_id: str, amount_fen: int, at: datetime) -> dict[str, Any]:
    """A successful transaction as the order query and notifications show it."""
    return {
        "mchid": keys.mchid,
        "appid": keys.appid,
        "out_trade_no": out_trade_no,
        "transaction_id": transaction_id,
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": amount_fen, "payer_total": amount_fen, "currency": "CNY", "payer_currency": "CNY"},
    }


def notice_body(keys: Keys, content: dict[str, Any], at: datetime) -> str:
    """A notification of a successful transaction, its resource sealed with the merchant's APIv3 key."""
    nonce = secrets.token_hex(6)
    plain = json.dumps(content, ensure_ascii=False).encode()
    sealed = AESGCM(keys.apiv3_key).encrypt(nonce.encode(), plain, b"transaction")
    notice = {
        "id": str(uuid4()),
        "create_time": at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    }
    return json.dumps(notice, ensure_ascii=False)


def new_transaction_id(at: datetime) -> str:
    """28 digits, as WeChat's are."""
    return f"4200{at.astimezone(SHANGHAI):%Y%m%d}{secrets.randbelow(10**16):016d}"
