"""Everything on one machine under one supervisor, for `make run` and for the tests that need the whole.

with Stack(home=folder, port=free_port(), demo=False) as stack:
    httpx.get(f"{stack.url}/readyz")
    stack.kill("billing", signal.SIGKILL)      # comes back by itself
    stack.restart_rabbitmq(kill=True)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.children import Children
from local.home import ROOT, log_file, pid_file, prepare
from local.keeper import Keeper
from local.ports import PortBook, is_free
from local.postgres import PostgresServer
from local.processes import OwnerLock, ProcessError, record, spawn, stop, tail, write_whole
from local.rabbitmq import RabbitServer
from local.table import SERVICES, Place, ProcessTable, common_environ, process_table, service_database_url

MIGRATION = (sys.executable, "-m", "services.common.process.migrate")
DEMO = (sys.executable, "-m", "demo", "load", "--url")
SECONDS_TO_READY = 90.0


def silent(_line: str) -> None:
    """Tests have nobody to tell."""


@dataclass(frozen=True)
class _Step:
    """A program on its way to its end: the migration, the demo load. One at a time."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    begun: float


class Stack:
    """Servers, migration, programs. Starts on entering, leaves no process on leaving.

    `environ`: AMQP_URI and DATABASE_URL in it replace the private servers. `table` and `migration`: other programs,
    for the supervisor's own tests. Raises ProcessError when something does not start; everything is ended by then.
    """

    def __init__(
        self,
        *,
        home: Path,
        port: int,
        demo: bool = True,
        sandbox: bool = True,
        durable: bool = True,
        environ: Mapping[str, str] | None = None,
        table: ProcessTable = process_table,
        migration: tuple[str, ...] = MIGRATION,
        say: Callable[[str], None] = silent,
    ) -> None:
        self.home, self.port = prepare(home), port
        self._demo, self._sandbox, self._say = demo, sandbox, say
        self._table, self._migration = table, migration
        self._given = {} if environ is None else dict(environ)
        self._lock = threading.RLock()
        self._owner: OwnerLock | None = None
        self._postgres = None if self._given.get("DATABASE_URL") else PostgresServer(self.home, durable=durable)
        self._rabbit = None if self._given.get("AMQP_URI") else RabbitServer(self.home)
        servers = {"postgres": self._postgres, "rabbitmq": self._rabbit}
        self._keepers = {
            name: Keeper(name, server, say=say, changed=self._write_state)
            for name, server in servers.items()
            if server is not None
        }
        self._children: Children | None = None
        self._step: _Step | None = None
        self._state = "starting"

    @property
    def url(self) -> str:
        """Address of the gateway."""
        return self._place().url

    @property
    def amqp_uri(self) -> str:
        """Address of the broker."""
        return self._rabbit.amqp_uri if self._rabbit else self._given["AMQP_URI"]

    @property
    def server_url(self) -> str:
        """Address of the database server, maintenance database."""
        return self._postgres.url if self._postgres else self._given["DATABASE_URL"]

    def database_url(self, service: str) -> str:
        """Address of a service's database."""
        return service_database_url(self.server_url, service)

    def urls(self) -> dict[str, str]:
        """Addresses for people: the gateway, each program that serves metrics."""
        with self._lock:
            health = self._children.health_urls() if self._children else {}
        return {"gateway": self.url} | {
            name: url.rpartition("/")[0] for name, url in health.items() if name != "gateway"
        }

    def pids(self) -> dict[str, int]:
        """Process ids by name, the private servers included."""
        with self._lock:
            servers = {name: one.server.pid for name, one in self._keepers.items() if one.server.is_running()}
            return servers | (self._children.pids() if self._children else {})

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a program or private server; it comes back by itself. Its process id."""
        if name in self._keepers:
            pid = self._keepers[name].server.pid
            os.kill(pid, number)
            return pid
        return self._programs().kill(name, number)

    def stop_child(self, name: str) -> None:
        """End a program; it stays down until start_child."""
        self._programs().stop_one(name)

    def start_child(self, name: str) -> None:
        """Start a program that stop_child ended, and wait until it is ready."""
        self._programs().start_one(name)
        self.wait_ready(name)

    def wait_ready(self, *names: str, seconds: float = SECONDS_TO_READY) -> None:
        """Return when these programs (all, if none is named) are ready."""
        self._programs().wait_ready(names or None, seconds=seconds)

    def restart_postgres(self, *, kill: bool = False) -> None:
        """End and start the private PostgreSQL; returns when it answers."""
        self._keepers["postgres"].restart(kill=kill)

    def restart_rabbitmq(self, *, kill: bool = False) -> None:
        """End and start the private RabbitMQ; returns when it answers."""
        self._keepers["rabbitmq"].restart(kill=kill)

    def start(self) -> None:
        """Bring everything up, in order."""
        self._claim()
        try:
            self._start_servers_and_migrate()
            self._start_children()
            if self._demo:
                self._load_demo()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything: programs in their order, then the servers. May be called again."""
        if self._owner is None:
            return
        self._state = "stopping"
        if self._children is not None:
            self._children.stop()
        if self._step is not None:
            self._end_step(self._step)
        threads = [threading.Thread(target=keeper.stop) for keeper in self._keepers.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (self.home / "stack.json").unlink(missing_ok=True)
        pid_file(self.home, "supervisor").unlink(missing_ok=True)
        self._owner.release()
        self._owner = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _claim(self) -> None:
        self._owner = OwnerLock(self.home / "stack.lock", f"`make run` is already running in {self.home}")
        if not is_free(self.port):
            self.stop()
            raise ProcessError(f"Port {self.port} is taken by another program: choose one with PORT=…")
        record(pid_file(self.home, "supervisor"), os.getpid(), sys.orig_argv[-1])

    def _start_servers_and_migrate(self) -> None:
        """The migration begins when the database answers; for the broker, which takes longer, it waits itself."""
        begun = time.monotonic()
        if self._rabbit:
            self._rabbit.claim()
        for keeper in self._keepers.values():
            keeper.start()
        if "postgres" in self._keepers:
            self._keepers["postgres"].wait()
        address = self.amqp_uri
        if self._migration:
            self._begin_step("migrate", self._migration)
        for keeper in self._keepers.values():
            keeper.wait()
        if self._keepers:
            self._say(f"{' and '.join(self._keepers)} answer ({time.monotonic() - begun:.1f} s)")
        if self._step is not None and self.amqp_uri != address:  # somebody else took the broker's port meanwhile
            self._end_step(self._step)
            self._begin_step("migrate", self._migration)
        self._finish_step()

    def _load_demo(self) -> None:
        self._begin_step("demo", (*DEMO, self.url))
        self._finish_step()

    def _begin_step(self, name: str, command: tuple[str, ...]) -> None:
        """Start a program that is to run to its end."""
        log = log_file(self.home, name)
        process = spawn(command, environ=common_environ(self._place()), log=log, cwd=ROOT)
        record(pid_file(self.home, "step"), process.pid, command[-1])
        self._step = _Step(name, process, log, time.monotonic())

    def _finish_step(self) -> None:
        """Wait for the end of that program. Raises ProcessError with its last lines when it failed."""
        if (step := self._step) is None:
            return
        code = step.process.wait()
        self._end_step(step)
        if code != 0:
            raise ProcessError(f"{step.name} failed ({code}). Last lines of {step.log}:\n{tail(step.log)}")
        self._say(f"{step.name} done ({time.monotonic() - step.begun:.1f} s)")

    def _end_step(self, step: _Step) -> None:
        stop(step.process, first=signal.SIGTERM, seconds=5)
        pid_file(self.home, "step").unlink(missing_ok=True)
        self._step = None

    def _start_children(self) -> None:
        begun = time.monotonic()
        table = self._table(self._place(), PortBook(self.home))
        self._children = Children(self.home, table, say=self._say, changed=self._write_state, lock=self._lock)
        self._children.start()
        self._children.wait_ready(seconds=SECONDS_TO_READY)
        self._state = "ready"
        self._write_state()
        self._say(f"{', '.join(child.name for child in table)} are ready ({time.monotonic() - begun:.1f} s)")

    def _programs(self) -> Children:
        if self._children is None:
            raise ProcessError("the stack has not been started")
        return self._children

    def _place(self) -> Place:
        return Place(self.home, self.port, self.amqp_uri, self.server_url, self._sandbox)

    def _write_state(self) -> None:
        """What runs now, for `make demo`, benchmarks and chaos tests; only its owner can read it."""
        with self._lock:
            if self._owner is None:
                return
            state: dict[str, object] = {"state": self._state, "url": self.url, "urls": self.urls(), "pids": self.pids()}
            state |= {"supervisor": os.getpid(), "amqp_uri": self.amqp_uri, "database_url": self.server_url}
            state |= {"databases": {service: self.database_url(service) for service in SERVICES}}
            write_whole(self.home / "stack.json", json.dumps(state, indent=2))
