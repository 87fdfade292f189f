"""ADAPTER for SMS over HTTP: a JSON body signed with HMAC-SHA256, as the sandbox and signed SMS gateways take it."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

from services.notifications.ports import Delivered, Outcome, Parcel, Refused, Unreachable

# The parcel itself is at fault; anything else may be better next time, a wrong key included once ops have put it right.
AT_FAULT = frozenset({400, 404, 409, 410, 413, 422})


@dataclass(frozen=True)
class SignedSms:
    """`url` takes POSTs; the key is read at each call, so that a rotated one counts at once."""

    url: str
    key_id: str
    key_file: Path
    timeout_seconds: float
    connections: int = 10
    http: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        pool = HTTPAdapter(pool_connections=2, pool_maxsize=self.connections)
        self.http.mount("http://", pool)
        self.http.mount("https://", pool)
        self.http.trust_env = False

    def send(self, parcel: Parcel) -> Outcome:
        """One signed POST; 2xx is proof of delivery."""
        body = json.dumps(
            {
                "to": parcel.address,
                "template": parcel.template,
                "text": parcel.text,
                "idempotency_key": str(parcel.key),
                "cause": parcel.cause,
            },
            ensure_ascii=False,
        ).encode()
        try:
            answer = self.http.post(self.url, data=body, headers=self._headers(body), timeout=self.timeout_seconds)
        except (OSError, requests.RequestException) as error:
            return Unreachable(type(error).__name__)
        return _read(answer)

    def _headers(self, body: bytes) -> dict[str, str]:
        signature = hmac.new(self.key_file.read_bytes().strip(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Key-Id": self.key_id, "X-Signature": signature}


def _read(answer: requests.Response) -> Outcome:
    if answer.ok:
        return Delivered(_receipt(answer))
    if answer.status_code in AT_FAULT:
        return Refused(f"HTTP {answer.status_code}")
    return Unreachable(f"HTTP {answer.status_code}")


def _receipt(answer: requests.Response) -> str:
    """The provider's own id of the message, when it names one."""
    try:
        reply = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    names = ("receipt", "message_id", "id") if isinstance(reply, dict) else ()
    return next((str(reply[name]) for name in names if reply.get(name)), f"HTTP {answer.status_code}")
