"""WeChat Pay's side for tests: own keys, genuine notifications, and the product's account directory.

Signing goes through `wechatpayv3`, an independent implementation, so that a mistake of ours cannot agree with itself.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from wechatpayv3.utils import rsa_sign

NOW = datetime(2026, 10, 31, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
MCHID, APPID, APIV3_KEY = "1230000109", "wx8888888888888888", "0123456789abcdef0123456789ABCDEF"
PUBLIC_KEY_ID = "PUB_KEY_ID_0112300001092026103100000000001"


@dataclass(frozen=True)
class Platform:
    """The platform's and the merchant's keys."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    merchant_key: rsa.RSAPrivateKey
    stranger: rsa.RSAPrivateKey

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:X}"

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def merchant_pem(self) -> str:
        return self.merchant_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def write_account(self, directory: Path) -> Path:
        """The directory the product reads its account from."""
        (directory / "platform").mkdir(parents=True)
        account = {"mchid": MCHID, "appid": APPID, "merchant_serial": "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"}
        (directory / "account.json").write_text(json.dumps(account))
        (directory / "merchant_key.pem").write_text(self.merchant_pem)
        (directory / "apiv3_key").write_text(APIV3_KEY)
        (directory / "platform" / "certificate.pem").write_bytes(self.certificate_pem)
        (directory / "platform" / f"{PUBLIC_KEY_ID}.pem").write_bytes(self.public_pem)
        return directory

    def headers(
        self, body: bytes, *, at: datetime = NOW, serial: str | None = None, key: rsa.RSAPrivateKey | None = None
    ) -> dict[str, str]:
        """Genuine headers for these bytes, unless told otherwise."""
        timestamp, nonce = str(int(at.timestamp())), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
        return {
            "Wechatpay-Serial": serial or self.serial,
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": rsa_sign(key or self.key, f"{timestamp}\n{nonce}\n{body.decode()}\n"),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }


@cache
def platform() -> Platform:
    """One set of keys a run: making them is slow."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com Root CA")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(keys[0].public_key())
    builder = builder.serial_number(0x5157F09EFDC096DE15EBE81A47057A7232F1B8E1)
    builder = builder.not_valid_before(NOW - timedelta(days=30)).not_valid_after(NOW + timedelta(days=3650))
    return Platform(keys[0], builder.sign(keys[0], SHA256()), keys[1], keys[2])


def transaction(out_trade_no: str, amount_fen: int, /, **changes: Any) -> dict[str, Any]:
    """A successful transaction; `changes` replace fields, None removes one."""
    whole = {
        "mchid": MCHID,
        "appid": APPID,
        "out_trade_no": out_trade_no,
        "transaction_id": "4200001234202610310000000001",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "success_time": "2026-10-31T23:29:30+08:00",
        "amount": {"total": amount_fen, "payer_total": amount_fen, "currency": "CNY", "payer_currency": "CNY"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def sealed(content: dict[str, Any] | bytes, *, nonce: str = "fdasflkja484", key: str = APIV3_KEY) -> dict[str, Any]:
    """A resource: the content under AEAD_AES_256_GCM."""
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    cipher = AESGCM(key.encode()).encrypt(nonce.encode(), plain, b"transaction")
    return {
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(cipher).decode(),
        "associated_data": "transaction",
        "nonce": nonce,
    }


def notice(resource: dict[str, Any], **changes: Any) -> bytes:
    """The body of a notification around a resource."""
    whole = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-10-31T23:29:31+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": resource,
        **changes,
    }
    return json.dumps(whole, ensure_ascii=False).encode()
