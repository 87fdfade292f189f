"""Product processes a test starts and ends by their id."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """`python -m module …` with an environment and a log file; ready when /readyz says so."""

    def __init__(self, module: str, *arguments: str, env: dict[str, str], log: Path) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self.port = free_port()
        self._env = {**os.environ, **env, "ESTATELOOP_HTTP_PORT": str(self.port)}
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it; returns at once."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, env=self._env, stdout=log, stderr=log)
        return self

    def get(self, path: str) -> tuple[int, str]:
        """(status, body) of its health server; status 0 when it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except URLError as error:
            return int(getattr(error, "code", 0) or 0), ""
        except OSError:
            return 0, ""

    def wait_ready(self, deadline: float = 30.0) -> Self:
        """Wait for /readyz."""
        until(lambda: self.get("/readyz")[0] == 200, f"{self._command[2:]} is ready; see {self.log}", deadline)
        return self

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def end(self, number: int = 15, deadline: float = 20.0) -> int:
        """Signal it and wait for its exit status."""
        assert self.process is not None
        if self.alive():
            self.process.send_signal(number)
        return self.process.wait(timeout=deadline)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.alive():
            self.end(9)
