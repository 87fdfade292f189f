"""A private PostgreSQL server under one home directory, on 127.0.0.1 only; `local/cluster.py` knows where it lies."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg2

from local.cluster import (
    cluster_name,
    data_directory,
    data_place,
    end_left_behind,
    environ,
    kill_all,
    run_as,
    server_account,
)
from local.home import log_file, pid_file, prepare
from local.packages import postgres_bin
from local.ports import LOOPBACK, PortBook, is_free, wait_free
from local.processes import (
    OwnerLock,
    ProcessError,
    make_room,
    record,
    secret,
    spawn,
    stop,
    tail,
    write_whole,
)

ADMIN = "estateloop"
SECONDS_TO_START = 60.0
COMMON = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    # A row that breaks a constraint would be written out, and the statement with its values: names, phones. The
    # service logs the error without them.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "jit": "off",
    "random_page_cost": "1.1",
    "wal_compression": "on",
}
DURABLE = {
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
}
FOR_TESTS = {
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    # Without fsync a commit still outlives kill -9 of the server (not of the machine), which chaos tests rely on;
    # synchronous_commit=off would lose the last commits and gain next to nothing.
    "fsync": "off",
    "full_page_writes": "off",
}


class PostgresServer:
    """The server of one home. `durable=False` trades safety against power loss for speed (tests only)."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = prepare(home)
        self.port = 0
        self._ports = PortBook(self.home)
        self._settings = {**COMMON, **(DURABLE if durable else FOR_TESTS)}
        self._log = log_file(self.home, "postgres")
        self._user = server_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: OwnerLock | None = None

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        if self._process is None:
            raise ProcessError("PostgreSQL has not been started")
        return self._process.pid

    @property
    def url(self) -> str:
        """SQLAlchemy address of the maintenance database, with the administrator's password."""
        password = _password(self.home)
        return f"postgresql://{ADMIN}:{password}@{LOOPBACK}:{self.port}/postgres"

    def start(self) -> None:
        """Start and wait until it answers. Recovers from an unclean end. Raises ProcessError."""
        place = data_place(self.home, self._user)
        self._lock = self._lock or OwnerLock(place / "owner.lock", f"Another process runs PostgreSQL in {self.home}")
        end_left_behind(self.home)
        make_room(self._log)
        self._make_cluster(place)
        self.port = self._ports.port("postgres")
        for _ in range(3):
            if self._launch():
                return
            self.port = self._ports.another("postgres")
        raise ProcessError(f"PostgreSQL found no free port. Last lines of {self._log}:\n{tail(self._log)}")

    def is_running(self) -> bool:
        """Whether the postmaster lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it in good order: open sessions are cut, data are flushed. May be called again."""
        if self._process is not None:
            stop(self._process, first=signal.SIGINT, seconds=20)
            end_left_behind(self.home)
            self._process = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def restart(self, *, kill: bool = False) -> None:
        """End and start again on the same port. `kill`: SIGKILL to every process of it at once, as a crash would."""
        if self._process is None:
            raise ProcessError("PostgreSQL has not been started")
        if kill:
            kill_all(self.home)
        stop(self._process, first=signal.SIGINT, seconds=20)
        end_left_behind(self.home)
        wait_free(self.port)
        if not self._launch():
            raise ProcessError(f"Port {self.port} was taken while PostgreSQL restarted")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self) -> bool:
        """Start on the chosen port; False if somebody else has taken it."""
        data = data_directory(self.home)
        settings = {
            **self._settings,
            "port": str(self.port),
            "cluster_name": cluster_name(self.home),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [_bin() / "postgres", "-D", data, *options]
        (data / "postmaster.pid").unlink(missing_ok=True)  # nothing of ours runs here any more: it is stale
        self._process = spawn(
            command,
            environ=environ(),
            log=self._log,
            death_signal=signal.SIGQUIT,
            user=self._user,
        )
        record(pid_file(self.home, "postgres"), self._process.pid, str(data))
        return self._wait_ready(self._process)

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            if process.poll() is not None:
                if not is_free(self.port):
                    return False
                raise ProcessError(f"PostgreSQL did not start. Last lines of {self._log}:\n{tail(self._log)}")
            if _answers(self.url):
                return True
            time.sleep(0.05)
        raise ProcessError(f"PostgreSQL did not answer in {SECONDS_TO_START:.0f} s:\n{tail(self._log)}")

    def _make_cluster(self, place: Path) -> None:
        """Make the data directory once; it gets its name only when it is whole."""
        if (place / "data").exists():
            return
        draft = place / "data.draft"
        if draft.exists():
            shutil.rmtree(draft)
        password = place / "password.draft"
        write_whole(password, _password(self.home))
        if self._user:
            os.chown(password, pwd.getpwnam(self._user).pw_uid, -1)
        command: list[str | Path] = [
            _bin() / "initdb",
            "-D",
            draft,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            f"--username={ADMIN}",
        ]
        command += ["--auth=scram-sha-256", f"--pwfile={password}"]
        command += ["--no-sync"] if self._settings.get("fsync") == "off" else []
        done = run_as(self._user, command)
        password.unlink()
        if done.returncode != 0:
            raise ProcessError(f"initdb failed:\n{done.stdout}")
        draft.rename(place / "data")


def start_postgres(home: Path, *, durable: bool = True) -> PostgresServer:
    """Start the private PostgreSQL of a home; stop it with `.stop()` or use it in a `with` statement."""
    server = PostgresServer(home, durable=durable)
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    return server


def _bin() -> Path:
    if (found := postgres_bin()) is None:
        raise ProcessError("PostgreSQL is not installed: run `make run`, or set DATABASE_URL")
    return found


def _password(home: Path) -> str:
    return secret(home / "postgres.password")


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True
