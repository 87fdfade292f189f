"""Free TCP ports on the loopback interface, chosen once and remembered in `<home>/ports.json`."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from pathlib import Path

from local.processes import ProcessError, locked, write_whole

LOOPBACK = "127.0.0.1"
# Below the range the kernel takes for outgoing connections, so that none of those sits on our port at a restart.
FIRST, LAST = 20000, 31999

_threads = threading.Lock()
_random = random.SystemRandom()


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: old connections do not matter
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


class PortBook:
    """Ports by name. A remembered port that somebody else took meanwhile is replaced."""

    def __init__(self, home: Path) -> None:
        self._file = home / "ports.json"
        self._lock = home / "ports.lock"

    def port(self, name: str) -> int:
        """The remembered port, if it is still free, or a new one."""
        return self._choose(name, keep=True)

    def another(self, name: str) -> int:
        """A new port, because the remembered one turned out to be taken."""
        return self._choose(name, keep=False)

    def _choose(self, name: str, *, keep: bool) -> int:
        with _threads, locked(self._lock):
            book = self._read()
            known = book.get(name)
            if keep and known is not None and is_free(known):
                return known
            book[name] = _free_port(set(book.values()))
            write_whole(self._file, json.dumps(book, indent=2))
            return book[name]

    def _read(self) -> dict[str, int]:
        try:
            book: dict[str, int] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return book


def _free_port(taken: set[int]) -> int:
    for _ in range(1000):
        port = _random.randint(FIRST, LAST)
        if port not in taken and is_free(port):
            return port
    raise ProcessError(f"no free port between {FIRST} and {LAST}")


def free_port() -> int:
    """A port that is free now, remembered nowhere."""
    return _free_port(set())


def wait_free(port: int, seconds: float = 10.0) -> None:
    """Return when the port is free, or the time is up (then the server that wants it will say so)."""
    deadline = time.monotonic() + seconds
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.05)
