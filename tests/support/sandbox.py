"""The sandbox as a process of its own, and a merchant's web server for it to notify."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import requests

from tests.support.processes import ROOT, free_port
from tests.support.waiting import until


class SandboxProcess:
    """`python -m sandbox` with its own database and directory; may be killed and started again."""

    def __init__(self, database_url: str, prefix: str, directory: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.smtp_port = free_port()
        self.directory = directory / "sandbox"
        self._environ = {
            **os.environ,
            "DATABASE_URL": database_url,
            "ESTATELOOP_DATABASE_PREFIX": prefix,
            "ESTATELOOP_SANDBOX_URL": self.url,
            "ESTATELOOP_SANDBOX_DIR": str(self.directory),
            "ESTATELOOP_SMTP_PORT": str(self.smtp_port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "sandbox"], cwd=ROOT, env=self._environ)
        until(self._answers, deadline=40)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the sandbox ended"
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """As hard as it gets."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pay(self, number: str, **how: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/sandbox/wechat/{number}/pay", json=how, timeout=15)
        answer.raise_for_status()
        return dict(answer.json())

    def order(self, number: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/sandbox/wechat/{number}", timeout=5)
        answer.raise_for_status()
        return dict(answer.json())

    def inbox(self, **query: Any) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/sandbox/inbox", params=query, timeout=5)
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def running_sandbox(database_url: str, directory: Path) -> Iterator[SandboxProcess]:
    """A sandbox with a database of its own, both gone when the block ends."""
    prefix = f"t{uuid4().hex[:8]}"
    process = SandboxProcess(database_url, prefix, directory)
    try:
        process.start()
        yield process
    finally:
        process.kill()
        connection = psycopg2.connect(database_url)
        connection.autocommit = True
        connection.cursor().execute(f'DROP DATABASE IF EXISTS "{prefix}_sandbox" WITH (FORCE)')
        connection.close()


@dataclass
class Merchant:
    """What the merchant's server heard; `answers` are the statuses it gives, then 200 for ever."""

    url: str
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def merchant_server() -> Iterator[Merchant]:
    """Listens until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            merchant.heard.append((dict(self.headers), body))
            self.send_response(merchant.answers.pop(0) if merchant.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    merchant = Merchant(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield merchant
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
