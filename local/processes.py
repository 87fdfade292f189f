"""Starting, recognising and ending operating system processes (Linux: reads /proc)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
LARGEST_LOG = 50 * 1024 * 1024

# A leash ends when the *thread* that started the process ends, so every process is started by this one lasting thread.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="process-starter")


class ProcessError(Exception):
    """A process did not start, or did not end, as it should; the text is for people."""


def spawn(
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    log: Path,
    death_signal: signal.Signals = signal.SIGKILL,
    user: str | None = None,
    cwd: Path | str = "/",
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, leashed to this process, its output appended to `log`.

    `user`: run as that account (only root can). The program does not see Ctrl-C: its owner decides the order of ending.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    leash = [
        sys.executable,
        "-I",
        "-S",
        str(LEASH),
        str(os.getpid()),
        str(int(death_signal)),
        user or "-",
    ]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                [*leash, *map(str, command)],
                env=dict(environ),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    return _starter.submit(start).result()


def stop(process: subprocess.Popen[bytes], *, first: signal.Signals, seconds: float) -> None:
    """Ask with `first`, then SIGKILL after `seconds`. Nothing happens if it has ended already."""
    if process.poll() is None:
        process.send_signal(first)
    finish(process, seconds=seconds)


def finish(process: subprocess.Popen[bytes], *, seconds: float) -> None:
    """Wait for a process that was asked to end; SIGKILL when the time is up."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class PidRecord:
    """A process as it can be recognised again by somebody else, after its id may have been given away."""

    pid: int
    started: str  # boot id and start time in clock ticks: no two processes of one machine share it with a pid
    mark: str  # a text that its command line holds

    @classmethod
    def of(cls, pid: int, mark: str) -> PidRecord:
        """Describe a running process. Raises ProcessError if there is none."""
        if (started := _start_time(pid)) is None:
            raise ProcessError(f"process {pid} is gone")
        return cls(pid=pid, started=started, mark=mark)

    @classmethod
    def load(cls, path: Path) -> PidRecord | None:
        """The record in a file; None if there is none or it is not whole."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        write_whole(path, json.dumps(asdict(self)))

    def is_running(self) -> bool:
        """Whether that very process still runs, not another one with the same id."""
        return _start_time(self.pid) == self.started and self.mark in " ".join(command_line(self.pid))

    def end(self, *, first: signal.Signals, seconds: float) -> bool:
        """End it if it runs and is the one recorded. True if there was something to end."""
        if not self.is_running():
            return False
        end_pid(self.pid, first=first, seconds=seconds)
        return True


def record(path: Path, pid: int, mark: str) -> None:
    """Note a process just started; one that ended at once has no note."""
    with contextlib.suppress(ProcessError):
        PidRecord.of(pid, mark).save(path)


def end_recorded(path: Path, *, seconds: float) -> bool:
    """End the process that a file records, if it still is that one, and remove the file. True if it ran."""
    left = PidRecord.load(path)
    ended = left is not None and left.end(first=signal.SIGTERM, seconds=seconds)
    path.unlink(missing_ok=True)
    return ended


def end_pid(pid: int, *, first: signal.Signals, seconds: float) -> None:
    """End a process that need not be a child: `first`, then SIGKILL. Raises ProcessError if it stays."""
    started = _start_time(pid)
    for number, limit in ((first, seconds), (signal.SIGKILL, 10.0)):
        if started is None or _start_time(pid) != started:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait_gone(pid, started, limit):
            return
    raise ProcessError(f"process {pid} does not end")


def command_line(pid: int) -> list[str]:
    """Arguments of a process; empty if it is gone or a zombie."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return raw.decode(errors="surrogateescape").rstrip("\0").split("\0") if raw else []


def running_pids() -> Iterator[int]:
    """Ids of all processes that this account can see."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def tail(path: Path, lines: int = 20) -> str:
    """Last lines of a log."""
    if not path.exists():
        return ""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 64 * 1024))
        text = handle.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def make_room(log: Path) -> None:
    """Empty a log that has grown large, keeping the previous one beside it."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".old.log"))


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as output:
        output.write(text)
    draft.replace(path)


def secret(path: Path) -> str:
    """A password made once and kept in a file that only its owner can read."""
    if not path.exists():
        write_whole(path, secrets.token_hex(24))
    return path.read_text().strip()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for, then hold, a lock between processes."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class OwnerLock:
    """A lock held for as long as its owner lives; the kernel lets go of it when the owner dies."""

    def __init__(self, path: Path, refusal: str) -> None:
        self._handle = path.open("a")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._handle.close()
            raise ProcessError(refusal) from None

    def release(self) -> None:
        """Let others have it. May be called again."""
        self._handle.close()


def _start_time(pid: int) -> str | None:
    """Boot id and start time; None when gone or only waiting to be reaped."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = status.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{fields[19]}"


def _wait_gone(pid: int, started: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _start_time(pid) == started:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
