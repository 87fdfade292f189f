"""What goes out for each kind of notification: the genuine one, and every way to forge one (E2)."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.keys import Keys
from sandbox.wechat.protocol import STALE_SECONDS, rsa_sign, signature_headers

GENUINE = "genuine"
UNPAID = ("signature", "serial", "stale", "tampered", "signtest")  # forged in transport: never repeated


def dress(kind: str, keys: Keys, body: bytes, now: datetime) -> tuple[dict[str, str], bytes]:
    """Headers and body to send. Each attempt is signed afresh, as the real platform does."""
    signed_at = now - timedelta(seconds=STALE_SECONDS) if kind == "stale" else now
    headers = signature_headers(keys, body, signed_at)
    if kind == "signature":
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
        headers["Wechatpay-Signature"] = rsa_sign(stranger, text)
    elif kind == "serial":
        headers["Wechatpay-Serial"] = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
    elif kind == "signtest":
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    elif kind == "tampered":
        body = body.replace("支付成功".encode(), "支付完成".encode())
    return headers, body
