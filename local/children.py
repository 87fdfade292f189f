"""The programs under one supervisor: started in parallel, restarted when they die, ended in order.

A program that dies is started again after 0.2 s, then 0.4 s, … at most 5 s, as Kubernetes would; 10 s of good life
set that back. Each runs leashed: it dies with the supervisor.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.home import ROOT, log_file, pid_file
from local.processes import ProcessError, finish, make_room, record, spawn, tail

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
GOOD_LIFE = 10.0
SECONDS_TO_STOP = 10.0
HOPELESS = 5  # deaths in a row before it was ever ready
_no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Child:
    """One program. `ends`: order of ending, lowest first; `after`: what must be ready before it is started."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    health: str | None = None  # answers with less than 400 when ready; None: ready when started
    ends: int = 0
    after: tuple[str, ...] = ()


class _Seat:
    """A child and what became of it."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = False
        self.was_ready = False
        self.deaths = 0  # in a row
        self.started_at = 0.0
        self.next_start = 0.0

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def note_death(self, now: float) -> float:
        """Seconds to wait before the next start."""
        self.process = None
        self.deaths = 1 if now - self.started_at > GOOD_LIFE else self.deaths + 1
        pause = min(FIRST_PAUSE * 2.0 ** (self.deaths - 1), LONGEST_PAUSE)
        self.next_start = now + pause
        return pause


class Children:
    """All programs of one home. Safe to use from several threads."""

    def __init__(
        self,
        home: Path,
        table: Iterable[Child],
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
        lock: threading.RLock | None = None,
    ) -> None:
        self._home = home
        self._seats = {child.name: _Seat(child) for child in table}
        self._say, self._changed = say, changed
        self._lock = lock or threading.RLock()
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="children-watcher", daemon=True)

    def start(self) -> None:
        """Start all, each as soon as what it comes after is ready; from now on the dead are started again."""
        for seat in self._seats.values():
            seat.wanted = True
            make_room(log_file(self._home, seat.child.name))
        self._watcher.start()

    def stop(self) -> None:
        """End all, in their order, and do not return before. May be called again."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for ends in sorted({seat.child.ends for seat in self._seats.values()}):
            self._end([seat for seat in self._seats.values() if seat.child.ends == ends])

    def pids(self) -> dict[str, int]:
        """Process ids of those that run."""
        with self._lock:
            return {name: seat.process.pid for name, seat in self._seats.items() if seat.process and seat.is_running()}

    def health_urls(self) -> dict[str, str]:
        """Health addresses of the programs that have one."""
        return {name: seat.child.health for name, seat in self._seats.items() if seat.child.health}

    def kill(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a program; its process id. Raises ProcessError when it does not run."""
        with self._lock:
            process = self._seats[name].process
            if process is None or process.poll() is not None:
                raise ProcessError(f"{name} does not run")
            self._seats[name].deaths = 0  # this one is ours; only deaths of its own make a program hopeless
            process.send_signal(number)
            return process.pid

    def stop_one(self, name: str) -> None:
        """End a program for good: it stays down until start_one."""
        with self._lock:
            self._seats[name].wanted = False
        self._end([self._seats[name]])

    def start_one(self, name: str) -> None:
        """Have a program started (again)."""
        with self._lock:
            seat = self._seats[name]
            seat.wanted, seat.deaths, seat.next_start = True, 0, 0.0

    def wait_ready(self, names: Sequence[str] | None = None, *, seconds: float = 60.0) -> None:
        """Return when these (all) answer their health address. Raises ProcessError with the last log lines."""
        waiting = list(self._seats if names is None else names)
        deadline = time.monotonic() + seconds
        while waiting := [name for name in waiting if not self._is_ready(self._seats[name])]:
            hopeless = [name for name in waiting if self._seats[name].deaths >= HOPELESS]
            if hopeless or self._ending.wait(0.1) or time.monotonic() > deadline:
                raise ProcessError("\n".join(self._trouble(name) for name in hopeless or waiting))

    def _trouble(self, name: str) -> str:
        log = log_file(self._home, name)
        return f"{name} does not become ready. Last lines of {log}:\n{tail(log)}"

    def _is_ready(self, seat: _Seat) -> bool:
        if not seat.is_running():
            return False
        if seat.child.health is None or _answers(seat.child.health):
            seat.was_ready = True
            return True
        return False

    def _watch(self) -> None:
        while not self._ending.is_set():
            for seat in self._seats.values():
                self._look_after(seat, time.monotonic())
            self._ending.wait(0.05)

    def _look_after(self, seat: _Seat, now: float) -> None:
        if not seat.wanted or seat.is_running():
            return
        may_start = all(self._was_ready(name) for name in seat.child.after)  # asks over HTTP, so not under the lock
        with self._lock:
            if not seat.wanted or seat.is_running():
                return
            if seat.process is not None:
                code, pause = seat.process.returncode, seat.note_death(now)
                self._say(f"{seat.child.name} died ({_ending_of(code)}); starting it again in {pause:.1f} s")
                self._changed()
            if now >= seat.next_start and may_start:
                self._start(seat)

    def _was_ready(self, name: str) -> bool:
        return self._seats[name].was_ready or self._is_ready(self._seats[name])

    def _start(self, seat: _Seat) -> None:
        child = seat.child
        seat.started_at = time.monotonic()
        seat.process = spawn(child.command, environ=child.environ, log=log_file(self._home, child.name), cwd=ROOT)
        record(pid_file(self._home, child.name), seat.process.pid, child.command[-1])
        self._changed()

    def _end(self, seats: list[_Seat]) -> None:
        """SIGTERM to all of them at once, SIGKILL to those that stay."""
        with self._lock:
            running = [(seat, seat.process) for seat in seats if seat.process is not None]
            for _, process in running:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_STOP
        for seat, process in running:
            finish(process, seconds=max(0.1, deadline - time.monotonic()))
            pid_file(self._home, seat.child.name).unlink(missing_ok=True)
            seat.process = None
        self._changed()


def _answers(url: str) -> bool:
    try:
        with _no_proxy.open(url, timeout=2):
            return True
    except (OSError, ValueError):  # refused, too slow, or an answer of 400 and above
        return False


def _ending_of(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
