"""A small client of the public API: sign-in per role, retries that do nothing twice, and waiting with a deadline.

Every POST carries an `Idempotency-Key` that stays the same over its retries, so a restart of the stack in the middle
of a call is survived without a second payment or order.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import httpx

PATIENCE = 90.0  # seconds that a single call may wait for a stack that is starting again
BUSY = frozenset({429, 502, 503, 504})  # and 409 with Retry-After: the first try of this call is still being worked on
PAGE = 500

Json = dict[str, Any]
Hear = Callable[[str, str, Json], None]  # (method, path, answer)
Found = TypeVar("Found")


class DemoFailure(Exception):
    """Something did not come as the contract promises; the message says what was asked and what came."""


def _deaf(_method: str, _path: str, _answer: Json) -> None:
    """Whoever does not want to hear."""


class Refused(DemoFailure):
    """The API answered a call with a problem document (RFC 9457)."""

    def __init__(self, call: str, status: int, problem: str) -> None:
        super().__init__(f"{call} → {status}: {problem[:600]}")
        self.status = status


def wait_for(what: str, probe: Callable[[], Found | None], seconds: float, every: float = 0.25) -> Found:
    """Asks `probe` until it answers something; DemoFailure naming `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            raise DemoFailure(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(every)


class Api:
    """The API seen by one signed-in role. Safe to use from several threads. `hear` is told every answer."""

    def __init__(self, http: httpx.Client, token: str | None = None, hear: Hear = _deaf) -> None:
        self._http = http
        self._hear = hear
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    @classmethod
    def at(cls, url: str, connections: int = 10, hear: Hear = _deaf) -> "Api":
        """The API at a base URL, not signed in yet."""
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        return cls(httpx.Client(base_url=url, timeout=150.0, limits=limits), hear=hear)

    def sign_in(self, role: str, *, estates: list[str] | None = None, household: str | None = None) -> "Api":
        """The same API as seen by a role, through the sandbox's sign-in."""
        body: Json = {"role": role}
        body |= {} if estates is None else {"estates": estates}
        body |= {} if household is None else {"household": household}
        return Api(self._http, self.post("/v1/auth/dev-token", body)["access_token"], self._hear)

    def get(self, path: str, **params: str | int | None) -> Json:
        """GET as JSON; parameters that are None are left out."""
        return self._json("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        """POST JSON. `key` is the Idempotency-Key; without one a fresh key covers the retries of this call."""
        return self._json("POST", path, json=body or {}, headers={"Idempotency-Key": key or str(uuid4())})

    def put(self, path: str, body: Json) -> Json:
        """PUT JSON."""
        return self._json("PUT", path, json=body)

    def upload(self, path: str, text: str) -> Json:
        """POST a CSV file."""
        headers = {"Content-Type": "text/csv; charset=utf-8", "Idempotency-Key": str(uuid4())}
        return self._json("POST", path, content=text.encode(), headers=headers)

    def items(self, path: str, **params: str | int | None) -> Iterator[Json]:
        """All items of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, **params, limit=PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _json(self, method: str, path: str, **request: Any) -> Json:
        response = self._patiently(method, path, **request)
        if response.status_code >= 400:
            raise Refused(f"{method} {path}", response.status_code, response.text)
        answer: Json = response.json()
        self._hear(method, path, answer)
        return answer

    def _patiently(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = self._headers | request.pop("headers", {})
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                response = self._http.request(method, path, headers=headers, **request)
                reason, pause = f"{response.status_code} {response.text[:200]}", _retry_after(response)
                if pause is None:
                    return response
            except httpx.TransportError as error:
                reason, pause = repr(error), 1.0
            if time.monotonic() + pause >= deadline:
                raise DemoFailure(f"{method} {path}: no answer for {PATIENCE:.0f} s; the last one was {reason}")
            time.sleep(pause)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds until the call is worth repeating; None when this is the answer."""
    header = response.headers.get("Retry-After", "")
    if response.status_code not in BUSY and not (response.status_code == 409 and header):
        return None
    return min(float(header), 10.0) if header.isdecimal() else 1.0
