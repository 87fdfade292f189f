"""ADAPTER to WeChat Pay v3: WECHATPAY2-SHA256-RSA2048 and AEAD_AES_256_GCM, as WeChat Pay v3 uses them. No I/O."""

import base64
import binascii
from datetime import datetime

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

SCHEME = "WECHATPAY2-SHA256-RSA2048"
CIPHER = "AEAD_AES_256_GCM"
NONCE_BYTES = 12


def signed_text(*parts: str, body: bytes) -> bytes:
    """Each part and then the raw body, every one ended by a line feed."""
    return "".join(f"{part}\n" for part in parts).encode() + body + b"\n"


def sign(key: RSAPrivateKey, text: bytes) -> str:
    """The signature of `text` in base64."""
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    """Whether `signature` (base64, strictly) is the one of `text`."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def authorization(
    key: RSAPrivateKey, *, mchid: str, serial: str, method: str, path: str, body: bytes, nonce: str, at: datetime
) -> str:
    """The Authorization header of a merchant's request; `path` includes the query string."""
    timestamp = str(int(at.timestamp()))
    signature = sign(key, signed_text(method, path, timestamp, nonce, body=body))
    fields = {"mchid": mchid, "nonce_str": nonce, "signature": signature, "timestamp": timestamp, "serial_no": serial}
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in fields.items())


def decrypt(key: bytes, *, nonce: str, associated_data: str, ciphertext: str) -> bytes | None:
    """The plain text of a resource; None when it was not sealed with this key, nonce and associated data."""
    iv = nonce.encode()
    if len(iv) != NONCE_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(iv, base64.b64decode(ciphertext, validate=True), associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError):
        return None
