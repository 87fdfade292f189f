"""Keys and certificates, made once: `wechat/` is what the merchant would get, `remote/` what only the platform has.

wechat/account.json, merchant_key.pem, apiv3_key, platform/<serial>.pem     read by the product
remote/platform_key.pem, merchant_cert.pem                                  read by the sandbox
sms_key                                                                     read by both, used as it is written
"""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

MCHID = "1900000109"
APPID = "wxd678efh567hg6787"
FIVE_YEARS = timedelta(days=5 * 365)


@dataclass(frozen=True)
class Keys:
    """What the sandbox works with."""

    mchid: str
    appid: str
    apiv3_key: bytes
    platform_key: rsa.RSAPrivateKey
    platform_serial: str
    merchant_key: rsa.RSAPublicKey
    merchant_serial: str
    sms_key: bytes


def ensure_keys(directory: Path) -> Keys:
    """Load the keys, making them at the first start. `account.json` is written last: with it the set is whole."""
    if not (directory / "wechat" / "account.json").exists():
        _make(directory)
    account = json.loads((directory / "wechat" / "account.json").read_text())
    platform = load_pem_private_key((directory / "remote" / "platform_key.pem").read_bytes(), password=None)
    merchant = x509.load_pem_x509_certificate((directory / "remote" / "merchant_cert.pem").read_bytes())
    merchant_key = merchant.public_key()
    if not isinstance(platform, rsa.RSAPrivateKey) or not isinstance(merchant_key, rsa.RSAPublicKey):
        raise ValueError(f"the keys in {directory} are not RSA; remove the directory to have new ones")
    return Keys(
        mchid=account["mchid"],
        appid=account["appid"],
        apiv3_key=(directory / "wechat" / "apiv3_key").read_bytes(),
        platform_key=platform,
        platform_serial=account["platform_serial"],
        merchant_key=merchant_key,
        merchant_serial=account["merchant_serial"],
        sms_key=(directory / "sms_key").read_bytes(),
    )


def _make(directory: Path) -> None:
    merchant_key, merchant_cert = _key_and_certificate("EstateLoop sandbox merchant")
    platform_key, platform_cert = _key_and_certificate("EstateLoop sandbox platform")
    merchant_serial, platform_serial = _serial(merchant_cert), _serial(platform_cert)
    _write(directory / "remote" / "platform_key.pem", _pem(platform_key))
    _write(directory / "remote" / "merchant_cert.pem", merchant_cert.public_bytes(Encoding.PEM))
    _write(directory / "sms_key", secrets.token_hex(32).encode())
    _write(directory / "wechat" / "platform" / f"{platform_serial}.pem", platform_cert.public_bytes(Encoding.PEM))
    _write(directory / "wechat" / "merchant_key.pem", _pem(merchant_key))
    _write(directory / "wechat" / "apiv3_key", secrets.token_hex(16).encode())
    account = {"mchid": MCHID, "appid": APPID, "merchant_serial": merchant_serial, "platform_serial": platform_serial}
    _write(directory / "wechat" / "account.json", json.dumps(account, indent=1).encode())


def _key_and_certificate(name: str) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + FIVE_YEARS)
    )
    return key, builder.sign(key, SHA256())


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:X}"


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for the owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as output:
        output.write(content)
    draft.replace(path)
