"""A private RabbitMQ broker under one home directory, on 127.0.0.1 only, with a name service (epmd) of its own.

Debian's /usr/sbin wrappers force the system user and paths, so RabbitMQ's own scripts are called.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import amqp

from local.home import log_file, pid_file, prepare
from local.packages import rabbitmq_bin
from local.ports import LOOPBACK, PortBook, is_free, wait_free
from local.processes import (
    OwnerLock,
    ProcessError,
    end_recorded,
    make_room,
    record,
    secret,
    spawn,
    stop,
    tail,
    write_whole,
)

USER = "estateloop"
SECONDS_TO_START = 90.0
SECONDS_TO_STOP = 15.0
# As Erlang terms: the friendlier rabbitmq.conf is translated by a program whose start costs every boot a second.
CONFIG = """\
[{{rabbit, [{{tcp_listeners, [{{"{address}", {port}}}]}},
           {{default_user, <<"{user}">>}},
           {{default_pass, <<"{password}">>}},
           {{loopback_users, []}},
           {{vm_memory_high_watermark, {{absolute, "1GB"}}}},
           {{disk_free_limit, "100MB"}},
           {{log, [{{console, [{{level, warning}}]}}]}}]}},
 {{ra, [{{wal_max_size_bytes, 67108864}}]}}].
"""
# Few schedulers that sleep when idle, distribution on the loopback interface, no shell.
ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none +B i -noinput -kernel inet_dist_use_interface {127,0,0,1}"


class RabbitServer:
    """The broker of one home."""

    def __init__(self, home: Path) -> None:
        self.home = prepare(home)
        self.port = 0
        self._place = self.home / "rabbitmq"
        self._ports = PortBook(self.home)
        self._log = log_file(self.home, "rabbitmq")
        self._dist_port = self._epmd_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._lock: OwnerLock | None = None
        self._serves = False

    @property
    def pid(self) -> int:
        """Process id of the Erlang virtual machine."""
        if self._process is None:
            raise ProcessError("RabbitMQ has not been started")
        return self._process.pid

    @property
    def amqp_uri(self) -> str:
        """Address with the generated user's password, default virtual host."""
        return f"amqp://{USER}:{self._password()}@{LOOPBACK}:{self.port}/"

    def claim(self) -> None:
        """Take the home and choose ports: from now on `amqp_uri` is known. `start` does it when it was not done."""
        if self._lock is not None:
            return
        self._place.mkdir(parents=True, mode=0o700, exist_ok=True)
        self._lock = OwnerLock(self._place / "owner.lock", f"Another process runs RabbitMQ in {self.home}")
        self._end_left_behind()
        self._choose_ports()

    def start(self) -> None:
        """Start and wait until it shakes hands. Recovers from an unclean end. Raises ProcessError."""
        self.claim()
        make_room(self._log)
        self._clear_half_made()
        for _ in range(3):
            if self._launch():
                (self._place / "complete").touch()
                return
            self._choose_ports()
        raise ProcessError(f"RabbitMQ found no free port. Last lines of {self._log}:\n{tail(self._log)}")

    def is_running(self) -> bool:
        """Whether the virtual machine lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End broker, then name service. May be called again."""
        if self._process is not None:
            # Asked in the middle of its boot it dawdles; nobody has been served yet, so it need not be asked.
            stop(self._process, first=signal.SIGTERM if self._serves else signal.SIGKILL, seconds=SECONDS_TO_STOP)
            self._process = None
        if self._epmd is not None:
            stop(self._epmd, first=signal.SIGTERM, seconds=2)
            self._epmd = None
        if self._lock is not None:
            self._end_left_behind()
            self._lock.release()
            self._lock = None

    def restart(self, *, kill: bool = False) -> None:
        """End and start again on the same ports. `kill`: SIGKILL, as a crash would."""
        if self._process is None:
            raise ProcessError("RabbitMQ has not been started")
        if kill and self._process.poll() is None:
            self._process.kill()
        stop(self._process, first=signal.SIGTERM, seconds=SECONDS_TO_STOP)
        wait_free(self.port)
        wait_free(self._dist_port)
        if not self._launch():
            raise ProcessError(f"A port of RabbitMQ was taken while it restarted. Last lines:\n{tail(self._log)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _end_left_behind(self) -> None:
        """End what an owner that died left: broker first, then name service."""
        end_recorded(pid_file(self.home, "rabbitmq"), seconds=SECONDS_TO_STOP)
        end_recorded(pid_file(self.home, "epmd"), seconds=2)

    def _choose_ports(self) -> None:
        if self._epmd is not None:
            stop(self._epmd, first=signal.SIGTERM, seconds=2)
            self._epmd = None
        self.port = self._ports.port("rabbitmq")
        self._dist_port = self._ports.port("rabbitmq-dist")
        self._epmd_port = self._ports.port("rabbitmq-epmd")

    def _launch(self) -> bool:
        """Start on the chosen ports; False if somebody else has taken one."""
        if not self._start_epmd():
            return False
        environ = self._environ()
        self._serves = False
        self._process = spawn(
            [_bin() / "rabbitmq-server"],
            environ=environ,
            log=self._log,
            death_signal=signal.SIGKILL,
            cwd=self._place,
        )
        record(pid_file(self.home, "rabbitmq"), self._process.pid, "rabbitmq")
        return self._wait_ready(self._process)

    def _start_epmd(self) -> bool:
        """The name service runs leashed in the foreground; left alone, Erlang would start one that stays."""
        if self._epmd is not None and self._epmd.poll() is None:
            return True
        command = ["epmd", "-port", str(self._epmd_port), "-address", LOOPBACK]
        epmd = self._epmd = spawn(command, environ=self._environ(), log=self._log, death_signal=signal.SIGKILL)
        record(pid_file(self.home, "epmd"), epmd.pid, "epmd")
        deadline = time.monotonic() + 10
        while epmd.poll() is None and time.monotonic() < deadline:
            if _names(self._epmd_port):
                return True
            time.sleep(0.02)
        if epmd.poll() is None or is_free(self._epmd_port):
            raise ProcessError(f"epmd did not start. Last lines of {self._log}:\n{tail(self._log)}")
        return False

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            if process.poll() is not None:
                if not (is_free(self.port) and is_free(self._dist_port)):
                    return False
                raise ProcessError(f"RabbitMQ did not start. Last lines of {self._log}:\n{tail(self._log)}")
            if self._shakes_hands():
                self._serves = True
                return True
            time.sleep(0.05)
        raise ProcessError(f"RabbitMQ did not answer in {SECONDS_TO_START:.0f} s:\n{tail(self._log)}")

    def _shakes_hands(self) -> bool:
        address = f"{LOOPBACK}:{self.port}"
        connection = amqp.Connection(
            address,
            userid=USER,
            password=self._password(),
            connect_timeout=5,
            read_timeout=5,
            write_timeout=5,
        )
        try:
            connection.connect()
        except (OSError, amqp.AMQPError):
            return False
        connection.close()
        return True

    def _clear_half_made(self) -> None:
        """A first start that was cut short leaves a database that may be broken: nobody used it, so make it anew."""
        if not (self._place / "complete").exists() and (self._place / "mnesia").exists():
            shutil.rmtree(self._place / "mnesia")

    def _password(self) -> str:
        return secret(self.home / "rabbitmq.password")

    def _node_name(self) -> str:
        """Kept in a file, because the database carries it: it must survive a move of the home."""
        path = self._place / "node"
        if not path.exists():
            write_whole(path, f"estateloop-{secrets.token_hex(4)}@localhost")
        return path.read_text().strip()

    def _environ(self) -> dict[str, str]:
        place = self._place
        self._write_files()
        return {
            "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/bin:/bin",
            "HOME": str(place / "home"),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": self._node_name(),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(place / "mnesia"),
            "RABBITMQ_LOG_BASE": str(place / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(place / "pid"),
            "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.config"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(place / "none.config"),  # not the one in /etc
            "RABBITMQ_CONF_ENV_FILE": str(place / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(place / "config"),
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the virtual machine: one process id, ours
        }

    def _write_files(self) -> None:
        place = self._place
        (place / "home").mkdir(exist_ok=True)
        cookie = place / "home" / ".erlang.cookie"
        if not cookie.exists():
            write_whole(cookie, secrets.token_hex(20), mode=0o400)
        values = {
            "address": LOOPBACK,
            "port": self.port,
            "user": USER,
            "password": self._password(),
        }
        write_whole(place / "rabbitmq.config", CONFIG.format(**values))
        write_whole(place / "rabbitmq-env.conf", "")
        write_whole(place / "enabled_plugins", "[].\n")


def start_rabbitmq(home: Path) -> RabbitServer:
    """Start the private RabbitMQ of a home; stop it with `.stop()` or use it in a `with` statement."""
    server = RabbitServer(home)
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    return server


def _names(port: int) -> bool:
    """Whether a name service answers there: the NAMES request of its protocol, the reply starts with its port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(b"\x00\x01n")
            return int.from_bytes(connection.recv(4), "big") == port
    except OSError:
        return False


def _bin() -> Path:
    if (found := rabbitmq_bin()) is None:
        raise ProcessError("RabbitMQ is not installed: run `make run`, or set AMQP_URI")
    return found
