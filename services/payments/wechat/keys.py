"""ADAPTER to WeChat Pay v3: the merchant's account and the platform's public keys, read from one directory.

    account.json           {"mchid", "appid", "merchant_serial"}
    merchant_key.pem       the merchant's private key
    apiv3_key              32 bytes
    platform/*.pem         platform certificates, or public keys named by their id (PUB_KEY_ID_….pem)

In the sandbox the remote side writes it; in production it is a mounted secret. Platform keys are read again when the
directory changes, so that a rotation needs no restart.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"


@dataclass(frozen=True)
class Account:
    """Who we are for WeChat Pay."""

    mchid: str
    appid: str
    merchant_serial: str
    merchant_key: RSAPrivateKey
    apiv3_key: bytes


@dataclass(frozen=True)
class PlatformKey:
    """A public key of the platform; one from a certificate is valid for a time only."""

    key: RSAPublicKey
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        """Whether the key may be trusted at that instant."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at <= self.valid_until
        )


def load_account(directory: Path) -> Account:
    """Read the account. Raises OSError when a file is missing, ValueError when one is wrong."""
    account = json.loads((directory / "account.json").read_text())
    key = load_pem_private_key((directory / "merchant_key.pem").read_bytes(), password=None)
    apiv3_key = (directory / "apiv3_key").read_bytes().strip()
    if not isinstance(key, RSAPrivateKey) or len(apiv3_key) != 32:
        raise ValueError("WeChat Pay needs an RSA merchant key and an APIv3 key of 32 bytes")
    return Account(account["mchid"], account["appid"], account["merchant_serial"], key, apiv3_key)


def read_platform_key(name: str, pem: bytes) -> tuple[str, PlatformKey]:
    """(serial, key) of one file; ValueError when it is neither an RSA certificate nor a named RSA public key."""
    if name.startswith(PUBLIC_KEY_PREFIX):
        serial, key = name, PlatformKey(_rsa(load_pem_public_key(pem)))
    else:
        certificate = load_pem_x509_certificate(pem)
        serial = f"{certificate.serial_number:X}"
        valid = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        key = PlatformKey(_rsa(certificate.public_key()), *valid)
    return serial, key


def _rsa(key: object) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the platform's key must be RSA")
    return key


class Keyring:
    """The platform's keys by serial."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._changed = -1
        self._keys: dict[str, PlatformKey] = {}

    def find(self, serial: str, at: datetime) -> PlatformKey | None:
        """The key of that serial if we know it and it is valid then. Raises OSError when the directory is missing."""
        modified_at = self._directory.stat().st_mtime_ns
        if modified_at != self._changed:
            files = self._directory.glob("*.pem")
            self._keys = dict(read_platform_key(file.stem, file.read_bytes()) for file in files)
            self._changed = modified_at
        key = self._keys.get(serial) or self._keys.get(serial.upper().lstrip("0"))
        return key if key is not None and key.is_valid(at) else None
