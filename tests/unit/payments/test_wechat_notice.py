"""LAW of WeChat Pay v3 notifications (E2): the genuine is read, and every way to forge one is refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3.core import Core
from wechatpayv3.utils import aes_decrypt, rsa_verify

from services.payments.ports import Money, NoticeRefused
from services.payments.wechat.keys import Keyring, load_account, read_platform_key
from services.payments.wechat.notice import LARGEST_BODY, open_notice
from services.payments.wechat.signature import authorization, decrypt, is_signed, sign, signed_text
from tests.support.wechat import (
    APIV3_KEY,
    APPID,
    MCHID,
    NOW,
    PUBLIC_KEY_ID,
    notice,
    platform,
    sealed,
    transaction,
)

ORDER = "0b0e6a0c31f64b40a2ab2d1c41a4a001"
BODY = notice(sealed(transaction(ORDER, 20523)))
Notice = tuple[dict[str, str], bytes]


@dataclass
class Reader:
    directory: Path

    def __call__(self, headers: dict[str, str], body: bytes) -> Money | None:
        keyring = Keyring(self.directory / "platform")
        return open_notice(headers, body, account=load_account(self.directory), find_key=keyring.find, now=NOW)


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(platform().write_account(tmp_path / "wechat"))


@pytest.mark.parametrize("serial", [None, PUBLIC_KEY_ID])
def test_a_genuine_notification_is_read(read: Reader, serial: str | None) -> None:
    money = read(platform().headers(BODY, serial=serial), BODY)
    assert money is not None
    assert (money.transaction_id, money.out_trade_no) == ("4200001234202610310000000001", ORDER)
    assert (money.amount_fen, money.currency, money.succeeded_at.isoformat()) == (
        20523, "CNY", "2026-10-31T23:29:30+08:00",
    )  # fmt: skip


def test_header_names_come_in_any_case(read: Reader) -> None:
    headers = {name.lower(): value for name, value in platform().headers(BODY).items()}
    assert read(headers, BODY) is not None


def test_the_library_takes_the_same_notification() -> None:
    headers = platform().headers(BODY)
    oracle = Core(MCHID, "00", platform().merchant_pem, APIV3_KEY, public_key=platform().public_pem.decode(),
                  public_key_id=headers["Wechatpay-Serial"])  # fmt: skip
    assert oracle.callback(headers, BODY)["resource"]["out_trade_no"] == ORDER


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_the_window_is_five_minutes_both_ways(read: Reader, seconds: int) -> None:
    assert read(platform().headers(BODY, at=NOW + timedelta(seconds=seconds)), BODY) is not None


def without(name: str) -> Notice:
    return {key: value for key, value in platform().headers(BODY).items() if key != name}, BODY


def with_header(name: str, value: str) -> Notice:
    return {**platform().headers(BODY), name: value}, BODY


def genuine(body: bytes, **how: Any) -> Notice:
    return platform().headers(body, **how), body


def resource(**changes: Any) -> bytes:
    return notice({**sealed(transaction(ORDER, 20523)), **changes})


FORGED: dict[str, Callable[[], Notice]] = {
    "no serial": lambda: without("Wechatpay-Serial"),
    "no timestamp": lambda: without("Wechatpay-Timestamp"),
    "no nonce": lambda: without("Wechatpay-Nonce"),
    "no signature": lambda: without("Wechatpay-Signature"),
    "no headers at all": lambda: ({}, BODY),
    "another signature type": lambda: with_header("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"),
    "stale": lambda: genuine(BODY, at=NOW - timedelta(seconds=301)),
    "from the future": lambda: genuine(BODY, at=NOW + timedelta(seconds=301)),
    "a timestamp that is no number": lambda: with_header("Wechatpay-Timestamp", "now"),
    "a timestamp in other digits": lambda: with_header("Wechatpay-Timestamp", "１７９３４６０６００"),
    "a timestamp moved into the window": lambda: (
        {**platform().headers(BODY, at=NOW - timedelta(hours=1)), "Wechatpay-Timestamp": str(int(NOW.timestamp()))},
        BODY,
    ),
    "another nonce": lambda: with_header("Wechatpay-Nonce", "593BEC0C930BF1AFEB40B4A08C8FB242"),
    "an unknown serial": lambda: genuine(BODY, serial="0102030405"),
    "signed by somebody else": lambda: genuine(BODY, key=platform().stranger),
    "signed by the merchant": lambda: genuine(BODY, key=platform().merchant_key),
    "a signature that is no base64": lambda: with_header("Wechatpay-Signature", "!!!"),
    "an empty body": lambda: (platform().headers(BODY), b""),
    "a tampered body": lambda: (platform().headers(BODY), BODY.replace("支付成功".encode(), b"paid")),
    "one byte more": lambda: (platform().headers(BODY), BODY + b" "),
    "a signature probe": lambda: with_header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/" + "A" * 300),
    "a signature probe around the true one": lambda: with_header(
        "Wechatpay-Signature", "WECHATPAY/SIGNTEST/" + platform().headers(BODY)["Wechatpay-Signature"]
    ),
}
MALFORMED: dict[str, Callable[[], Notice]] = {
    "no JSON": lambda: genuine(b"{"),
    "no object": lambda: genuine(b"[]"),
    "deeply nested": lambda: genuine(b"[" * 60_000),
    "another event": lambda: genuine(notice(sealed(transaction(ORDER, 1)), event_type="REFUND.SUCCESS")),
    "no resource": lambda: genuine(notice(None)),  # type: ignore[arg-type]
    "another cipher": lambda: genuine(resource(algorithm="AEAD_SM4_GCM")),
    "no nonce": lambda: genuine(resource(nonce=None)),
    "a wrong nonce": lambda: genuine(resource(nonce="aaaaaaaaaaaa")),
    "a nonce too short": lambda: genuine(resource(nonce="fdasflkja48")),
    "other associated data": lambda: genuine(resource(associated_data="refund")),
    "no cipher text": lambda: genuine(resource(ciphertext=None)),
    "a cipher text that is no base64": lambda: genuine(resource(ciphertext="*")),
    "sealed with another key": lambda: genuine(notice(sealed(transaction(ORDER, 20523), key="k" * 32))),
    "plain text that is no JSON": lambda: genuine(notice(sealed(b"\xff\xfe"))),
    "another merchant": lambda: genuine(notice(sealed(transaction(ORDER, 20523, mchid="1")))),
    "another application": lambda: genuine(notice(sealed(transaction(ORDER, 20523, appid="wx1")))),
    "no order number": lambda: genuine(notice(sealed(transaction(ORDER, 20523, out_trade_no=None)))),
    "no transaction id": lambda: genuine(notice(sealed(transaction(ORDER, 20523, transaction_id=None)))),
    "a transaction id with a NUL": lambda: genuine(notice(sealed(transaction(ORDER, 20523, transaction_id="4\x00")))),
    "no state": lambda: genuine(notice(sealed(transaction(ORDER, 20523, trade_state=None)))),
    "no amount": lambda: genuine(notice(sealed(transaction(ORDER, 20523, amount=None)))),
    "an amount in text": lambda: genuine(notice(sealed(transaction(ORDER, "20523")))),  # type: ignore[arg-type]
    "an amount that is true": lambda: genuine(notice(sealed(transaction(ORDER, True)))),
    "a fractional amount": lambda: genuine(notice(sealed(transaction(ORDER, 205.23)))),  # type: ignore[arg-type]
    "a negative amount": lambda: genuine(notice(sealed(transaction(ORDER, -1)))),
    "no currency": lambda: genuine(notice(sealed(transaction(ORDER, 20523, amount={"total": 20523})))),
    "no time": lambda: genuine(notice(sealed(transaction(ORDER, 20523, success_time=None)))),
    "a time without offset": lambda: genuine(
        notice(sealed(transaction(ORDER, 20523, success_time="2026-10-31T23:29:30")))
    ),
    "a time that is none": lambda: genuine(notice(sealed(transaction(ORDER, 20523, success_time="yesterday")))),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_notification_is_refused(read: Reader, name: str) -> None:
    with pytest.raises(NoticeRefused) as refusal:
        read(*FORGED[name]())
    assert refusal.value.status == 401


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_notification_is_refused(read: Reader, name: str) -> None:
    with pytest.raises(NoticeRefused) as refusal:
        read(*MALFORMED[name]())
    assert refusal.value.status == 400


def test_a_probe_learns_no_more_than_a_forger(read: Reader) -> None:
    answers = []
    for name in ("a signature probe", "signed by somebody else"):
        with pytest.raises(NoticeRefused) as refusal:
            read(*FORGED[name]())
        answers.append((refusal.value.status, refusal.value.message))
    assert answers[0] == answers[1]


def test_rubbish_is_refused_before_any_key_is_looked_for() -> None:
    def no_key(_serial: str, _at: object) -> None:
        raise AssertionError("a key was looked for")

    for name in ("stale", "no signature", "a timestamp that is no number"):
        headers, body = FORGED[name]()
        with pytest.raises(NoticeRefused):
            open_notice(headers, body, account=None, find_key=no_key, now=NOW)  # type: ignore[arg-type]


def test_a_huge_body_is_refused(read: Reader) -> None:
    body = b" " * (LARGEST_BODY + 1)
    with pytest.raises(NoticeRefused) as refusal:
        read(platform().headers(body), body)
    assert refusal.value.status == 413


def test_an_expired_certificate_is_as_good_as_none() -> None:
    _, key = read_platform_key("certificate", platform().certificate_pem)
    assert key.is_valid(NOW)
    assert not key.is_valid(NOW + timedelta(days=3651))
    assert not key.is_valid(NOW - timedelta(days=31))


def test_a_new_platform_key_needs_no_restart(tmp_path: Path) -> None:
    directory = platform().write_account(tmp_path / "wechat") / "platform"
    keyring = Keyring(directory)
    assert keyring.find("PUB_KEY_ID_2", NOW) is None
    (directory / "PUB_KEY_ID_2.pem").write_bytes(platform().public_pem)
    assert keyring.find("PUB_KEY_ID_2", NOW) is not None


@pytest.mark.parametrize("state", ["NOTPAY", "CLOSED", "PAYERROR", "REFUND"])
def test_a_transaction_without_success_brings_no_money(read: Reader, state: str) -> None:
    body = notice(sealed(transaction(ORDER, 20523, trade_state=state)))
    assert read(platform().headers(body), body) is None


def test_signatures_and_seals_agree_with_the_library() -> None:
    key, text = platform().key, signed_text("1793460600", "nonce", body="支付".encode())
    assert rsa_verify("1793460600", "nonce", "支付", sign(key, text), key.public_key())
    assert is_signed(key.public_key(), text, sign(key, text))
    seal = sealed({"a": "支付"})
    ours = decrypt(
        APIV3_KEY.encode(), nonce=seal["nonce"], associated_data="transaction", ciphertext=seal["ciphertext"]
    )
    assert ours is not None
    assert ours.decode() == aes_decrypt(seal["nonce"], seal["ciphertext"], "transaction", APIV3_KEY)


def test_a_request_is_signed_as_the_documentation_says() -> None:
    path, body = "/v3/pay/transactions/native?x=1", json.dumps({"a": "支付"}).encode()
    header = authorization(
        platform().merchant_key, mchid=MCHID, serial="AB", method="POST", path=path, body=body, nonce="n0", at=NOW
    )
    scheme, _, rest = header.partition(" ")
    field = dict(part.split("=", 1) for part in rest.split(","))
    text = signed_text("POST", path, str(int(NOW.timestamp())), "n0", body=body)
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    assert (field["mchid"], field["serial_no"], field["nonce_str"]) == (f'"{MCHID}"', '"AB"', '"n0"')
    assert is_signed(platform().merchant_key.public_key(), text, field["signature"].strip('"'))


def test_the_account_must_be_whole(tmp_path: Path) -> None:
    directory = platform().write_account(tmp_path / "wechat")
    assert load_account(directory).appid == APPID
    (directory / "apiv3_key").write_text("short")
    with pytest.raises(ValueError, match="32 bytes"):
        load_account(directory)
