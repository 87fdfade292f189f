"""Keeps one private server alive: started in the background, started again on its port when it dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from local.processes import ProcessError

PAUSE = 2.0


class Server(Protocol):
    """What PostgresServer and RabbitServer have in common."""

    @property
    def pid(self) -> int:
        """Main process."""

    def start(self) -> None:
        """Start and wait until it answers."""

    def stop(self) -> None:
        """End it; may be called again."""

    def restart(self, *, kill: bool = False) -> None:
        """Again, on the same port."""

    def is_running(self) -> bool:
        """Whether the main process lives."""


class Keeper:
    """One server and the thread that looks after it."""

    def __init__(self, name: str, server: Server, *, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.name = name
        self.server = server
        self._say, self._changed = say, changed
        self._busy = threading.Lock()  # one start, restart or look at a time
        self._ending = threading.Event()
        self._started = threading.Event()
        self._problem: ProcessError | None = None
        self._thread = threading.Thread(target=self._live, name=f"{name}-keeper", daemon=True)

    def start(self) -> None:
        """Begin starting; `wait` for the outcome."""
        self._thread.start()

    def wait(self) -> None:
        """Return when it answers. Raises ProcessError if it did not start."""
        self._started.wait()
        if self._problem is not None:
            raise self._problem

    def restart(self, *, kill: bool) -> None:
        """For tests: end it (kill: without mercy) and have it back on the same port."""
        with self._busy:
            self.server.restart(kill=kill)
        self._changed()

    def stop(self) -> None:
        """End it, even in the middle of a start. May be called again."""
        self._ending.set()
        self.server.stop()  # a start in progress sees its process end and gives up
        if self._thread.is_alive():
            self._thread.join()
        self.server.stop()  # what that start may have left

    def _live(self) -> None:
        try:
            with self._busy:
                self.server.start()
        except ProcessError as problem:
            self._problem = problem
            return
        finally:
            self._started.set()
        self._changed()
        while not self._ending.wait(0.1):
            self._look()

    def _look(self) -> None:
        with self._busy:
            if self.server.is_running() or self._ending.is_set():
                return
            self._say(f"{self.name} died; starting it again on its port")
            try:
                self.server.restart()
            except ProcessError as problem:
                if not self._ending.is_set():
                    self._say(f"{self.name}: {problem}")
                self._ending.wait(PAUSE)
        self._changed()
