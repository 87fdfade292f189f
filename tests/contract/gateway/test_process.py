"""`python -m gateway` as a process: it starts, serves, tells its metrics and those of others, and stops politely."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.support.databases import TemplateDatabases
from tests.support.gateway import SECRET, Responder
from tests.support.processes import ROOT, free_port
from tests.support.servers import Servers
from tests.support.waiting import until


@contextmanager
def gateway(servers: Servers, templates: TemplateDatabases, log: Path, **env: str) -> Iterator[Any]:
    """A running gateway: (client, process)."""
    port = free_port()
    known = {
        "AMQP_URI": servers.amqp_uri,
        "DATABASE_URL": servers.database_url,
        "ESTATELOOP_DATABASE_PREFIX": templates.clone("gateway"),
        "ESTATELOOP_SANDBOX": "1",
        "ESTATELOOP_JWT_SECRET": SECRET,
        "PORT": str(port),
    }
    with log.open("ab") as out, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], cwd=ROOT, env={**os.environ, **known, **env}, stdout=out, stderr=out
        )
        try:
            until(lambda: _status(client, "/readyz") == 200, f"the gateway is ready; see {log}")
            yield client, process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(20)


def _status(client: httpx.Client, path: str) -> int:
    try:
        return client.get(path).status_code
    except httpx.HTTPError:
        return 0


def signed(client: httpx.Client) -> dict[str, str]:
    token = client.post("/v1/auth/dev-token", json={"role": "group_admin"}).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def metrics_page(text: str) -> Iterator[str]:
    """Some service's /metrics; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_on_sigterm_it_is_unready_first_and_finishes_what_is_under_way(
    servers: Servers, templates: TemplateDatabases, tmp_path: Path
) -> None:
    go, begun = threading.Event(), threading.Event()

    def held(kwargs: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        go.wait(20)
        return {"id": kwargs["request_id"], "status": "settled", "amount_fen": 1}

    handlers = {"payments.create_payment": held}
    log = tmp_path / "gateway.log"
    with (
        Responder(servers.amqp_uri, ("payments",), handlers),
        gateway(servers, templates, log, ESTATELOOP_DRAIN_SECONDS="0.5") as (client, process),
        ThreadPoolExecutor(1) as pool,
    ):
        body = {"household": "H1", "channel": "cash", "amount_fen": 1}
        under_way = pool.submit(client.post, "/v1/payments", json=body, headers=signed(client))
        assert begun.wait(20)
        process.send_signal(signal.SIGTERM)
        until(lambda: _status(client, "/readyz") == 503, "it is unready")
        until(lambda: _status(client, "/healthz") == 0, "it takes nothing new")
        go.set()
        assert under_way.result(20).status_code == 201
        assert process.wait(20) == 0
    assert "H1" not in log.read_text(), "no household in the log"


def test_it_shows_its_metrics_and_those_of_the_services_that_answer(
    servers: Servers, templates: TemplateDatabases, tmp_path: Path
) -> None:
    page = (
        "# HELP estateloop_events_parked Parked\n# TYPE estateloop_events_parked gauge\n"
        'estateloop_events_parked{service="billing"} 3.0\n'
        "# HELP process_open_fds Files\n# TYPE process_open_fds gauge\nprocess_open_fds 99999.0\n"
    )
    with metrics_page(page) as up, metrics_page("<html>") as odd:
        dead = f"http://127.0.0.1:{free_port()}"
        targets = f"billing={up},payments={dead},feedback={odd}"
        with gateway(servers, templates, tmp_path / "log", ESTATELOOP_METRICS_TARGETS=targets) as (client, _):
            client.get("/v1/estates", headers=signed(client))
            text = client.get("/metrics").text
    lines = text.splitlines()
    assert 'estateloop_events_parked{service="billing"} 3.0' in lines
    assert "process_open_fds 99999.0" not in lines
    for service, state in (("billing", "1.0"), ("payments", "0.0"), ("feedback", "0.0")):
        assert f'estateloop_metrics_target_up{{service="{service}"}} {state}' in lines
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    assert any(line.startswith("estateloop_http_seconds_bucket") and 'route="/v1/estates"' in line for line in lines)
    assert any(line.startswith("estateloop_rpc_seconds_count") and 'service="billing"' in line for line in lines)


def test_an_endless_body_is_cut_off(servers: Servers, templates: TemplateDatabases, tmp_path: Path) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 65_536
            yield b" " * 65_536

    with gateway(servers, templates, tmp_path / "log") as (client, _):
        headers = {**signed(client), "Content-Type": "application/json"}
        exact = client.post("/v1/payments", content=b" " * 20_000_000, headers=headers)
        assert exact.status_code == 413, "who sends a little too much sees the answer"
        try:
            status = client.post("/v1/payments", content=endless(), headers=headers).status_code
        except httpx.HTTPError:
            status = 413  # the server hung up while we were still sending
        assert status == 413
        assert sent < 200_000_000
        assert _status(client, "/healthz") == 200


def test_without_a_way_to_sign_in_it_does_not_start() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ESTATELOOP_")}
    run = subprocess.run(
        [sys.executable, "-m", "gateway"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 2
    assert "ESTATELOOP_JWT" in run.stderr
