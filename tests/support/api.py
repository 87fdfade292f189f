"""The product as a front end sees it: HTTP and nothing else."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from tests.support.waiting import until

CSV = {"Content-Type": "text/csv; charset=utf-8"}


class Api:
    """A signed-in client. `ok` insists on a 2xx answer and gives its JSON."""

    def __init__(self, url: str, role: str = "group_admin", **claims: Any) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)
        token = self.ok("POST", "/v1/auth/dev-token", json={"role": role, **claims})["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self.http.request(method, path, **how)

    def ok(self, method: str, path: str, **how: Any) -> Any:
        answer = self.call(method, path, **how)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self.ok("GET", path, params=query)

    def post(self, path: str, key: str | None = None, **body: Any) -> Any:
        return self.ok("POST", path, json=body, headers={"Idempotency-Key": key or uuid4().hex})

    def load(self, kind: str, rows: str) -> Any:
        return self.ok("POST", f"/v1/imports/{kind}", content=rows.encode(), headers=CSV)

    def wait(self, path: str, condition: Callable[[Any], Any], what: str, deadline: float = 20, **query: Any) -> Any:
        """GET until `condition` holds of the answer; returns that answer."""

        def asked() -> Any:
            answer = self.get(path, **query)
            return answer if condition(answer) else None

        return until(asked, what, deadline)

    def give_notice(self, estate: str, days: int) -> None:
        """An estate whose bills are due so many days after they are issued at the earliest, monthly in arrears."""
        policy = {"cycle": "monthly", "timing": "arrears", "due_day": 15, "month_offset": 1}
        policy |= {"roll_to_working_day": False, "notice_days": days}
        self.ok("PUT", f"/v1/estates/{estate}/billing-policy", json=policy)

    def run_bills(self, period: str, **filters: Any) -> Any:
        run = self.post("/v1/bill-runs", period=period, **filters)
        return self.wait(
            f"/v1/bill-runs/{run['id']}", lambda r: r["status"] in {"done", "failed"}, "the bill run ends", 60
        )

    def sweep(self, as_of: str, **filters: Any) -> Any:
        sweep = self.post("/v1/dunning/sweeps", as_of=as_of, **filters)
        path = f"/v1/dunning/sweeps/{sweep['id']}"
        return self.wait(path, lambda s: s["status"] in {"done", "failed"}, "the sweep ends", 60)
