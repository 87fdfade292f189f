"""ADAPTER to WeChat Pay v3: what must hold before a word of its notifications and answers is believed (E2). No I/O.

The order is part of the law: headers, time, serial, and only then any cryptography, so that rubbish costs nothing.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from services.payments.ports import Money, NoticeRefused
from services.payments.wechat.keys import Account, PlatformKey
from services.payments.wechat.signature import CIPHER, SCHEME, decrypt, is_signed, signed_text

CHANNEL = "wechat"
WINDOW_SECONDS = 300
LARGEST_BODY = 64 * 1024
PROBE = "WECHATPAY/SIGNTEST/"
FindKey = Callable[[str, datetime], PlatformKey | None]


def require_genuine(headers: Mapping[str, str], body: bytes, find_key: FindKey, now: datetime) -> None:
    """Raise NoticeRefused unless the platform signed these bytes within ± 5 minutes of `now`.

    A signature probe is refused with the words of any other forgery, or it would tell the prober something.
    """
    field = {name.lower(): value for name, value in headers.items()}
    serial, timestamp, nonce, signature = (
        field.get(f"wechatpay-{name}", "") for name in ("serial", "timestamp", "nonce", "signature")
    )
    if not (serial and timestamp and nonce and signature):
        raise NoticeRefused(401, "a Wechatpay-* header is missing")
    if field.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise NoticeRefused(401, "the signature type is not supported")
    if not _is_fresh(timestamp, now):
        raise NoticeRefused(401, "the time stamp is outside the window")
    key = find_key(serial, now)
    if key is None:
        raise NoticeRefused(401, "the serial is unknown")
    text = signed_text(timestamp, nonce, body=body)
    if signature.startswith(PROBE) or not is_signed(key.key, text, signature):
        raise NoticeRefused(401, "the signature is not valid")


def _is_fresh(timestamp: str, now: datetime) -> bool:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    return abs(now.timestamp() - int(timestamp)) <= WINDOW_SECONDS


def open_notice(
    headers: Mapping[str, str], body: bytes, *, account: Account, find_key: FindKey, now: datetime
) -> Money | None:
    """The money a genuine notification tells of; None when it tells of none. Raises NoticeRefused otherwise."""
    if len(body) > LARGEST_BODY:
        raise NoticeRefused(413, "the notification is too large")
    require_genuine(headers, body, find_key, now)
    notice = parse_object(body)
    if notice.get("event_type") != "TRANSACTION.SUCCESS" or notice.get("resource_type") != "encrypt-resource":
        raise NoticeRefused(400, "this kind of notification is not handled")
    return read_transaction(_unseal(notice.get("resource"), account.apiv3_key), account)


def _unseal(resource: object, apiv3_key: bytes) -> dict[str, object]:
    if not isinstance(resource, dict) or resource.get("algorithm") != CIPHER:
        raise NoticeRefused(400, f"the resource must be sealed with {CIPHER}")
    associated_data = resource.get("associated_data") or ""
    nonce, ciphertext = resource.get("nonce"), resource.get("ciphertext")
    if not (isinstance(nonce, str) and isinstance(ciphertext, str) and isinstance(associated_data, str)):
        raise NoticeRefused(400, "the resource lacks its nonce or cipher text")
    plain = decrypt(apiv3_key, nonce=nonce, associated_data=associated_data, ciphertext=ciphertext)
    if plain is None:
        raise NoticeRefused(400, "the resource does not open with our key")
    return parse_object(plain)


def parse_object(raw: bytes) -> dict[str, object]:
    """A JSON object; NoticeRefused when it is anything else."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NoticeRefused(400, "not valid JSON") from error
    if not isinstance(value, dict):
        raise NoticeRefused(400, "not a JSON object")
    return value


def read_transaction(transaction: Mapping[str, object], account: Account) -> Money | None:
    """A transaction as notifications and the order query show it. NoticeRefused when it is not ours or not whole."""
    if (transaction.get("mchid"), transaction.get("appid")) != (account.mchid, account.appid):
        raise NoticeRefused(400, "the transaction belongs to another merchant or application")
    out_trade_no = _text(transaction, "out_trade_no")
    if _text(transaction, "trade_state") != "SUCCESS":
        return None
    amount = transaction.get("amount")
    if not isinstance(amount, dict):
        raise NoticeRefused(400, "amount is missing")
    return Money(
        channel=CHANNEL,
        transaction_id=_text(transaction, "transaction_id"),
        out_trade_no=out_trade_no,
        amount_fen=_positive(amount, "total"),
        currency=_text(amount, "currency"),
        succeeded_at=_instant(transaction, "success_time"),
    )


def _text(source: Mapping[str, object], name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or "\x00" in value:
        raise NoticeRefused(400, f"{name} is missing or not valid")
    return value


def _positive(source: Mapping[str, object], name: str) -> int:
    value = source.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**62:
        raise NoticeRefused(400, f"{name} is missing or not a positive integer")
    return value


def _instant(source: Mapping[str, object], name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(source, name))
        instant.astimezone(UTC)  # at the edge of the calendar an offset may lead beyond it
    except (ValueError, OverflowError) as error:
        raise NoticeRefused(400, f"{name} is not a time") from error
    if instant.tzinfo is None:
        raise NoticeRefused(400, f"{name} has no offset")
    return instant
