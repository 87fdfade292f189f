"""Debian packages that EstateLoop needs on one machine: which are missing, and how they are installed.

Standard library only: this runs before the virtual environment exists.
Debian would create and start a default cluster and a default broker on install; both are held back, because
EstateLoop runs private ones under ESTATELOOP_HOME and must not touch, or collide with, anything of the machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

POLICY_FILE = Path("/usr/sbin/policy-rc.d")
POLICY_MARK = "# estateloop: services stay stopped while packages are installed"
CLUSTER_CONF = Path("/etc/postgresql-common/createcluster.d/estateloop.conf")
LOCK_FILE = Path("/run/estateloop-packages.lock")
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=600", "-y", "-q")


class SetupError(Exception):
    """Set-up cannot go on; the text says what to do."""


def postgres_bin() -> Path | None:
    """Directory of the newest installed PostgreSQL server, or None."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    usable = [path for path in found if (path / "initdb").exists() and path.parent.name.isdigit()]
    return max(usable, key=lambda path: int(path.parent.name), default=None)


def rabbitmq_bin() -> Path | None:
    """Directory of RabbitMQ's own scripts (not the wrappers that force the system user and paths), or None."""
    place = Path("/usr/lib/rabbitmq/bin")
    return place if (place / "rabbitmq-server").exists() else None


def missing(environ: Mapping[str, str], *, venv: bool) -> list[str]:
    """Names of the Debian packages that must be added. `venv`: a virtual environment has to be made."""
    wanted = []
    if venv and importlib.util.find_spec("ensurepip") is None:
        wanted.append("python3-venv")
    if not environ.get("DATABASE_URL") and (postgres_bin() is None or not _user_exists("postgres")):
        wanted.append("postgresql")
    if not environ.get("AMQP_URI") and (rabbitmq_bin() is None or not Path("/usr/bin/erl").exists()):
        wanted.append("rabbitmq-server")
    return wanted


def ensure(environ: Mapping[str, str], *, venv: bool) -> None:
    """Install what is missing (root), or raise SetupError with the line to run."""
    if not (wanted := missing(environ, venv=venv)):
        return
    line = f"apt-get update && apt-get install --no-install-recommends {' '.join(wanted)}"
    if os.geteuid() != 0:
        raise SetupError(f"These Debian packages are missing: {' '.join(wanted)}. Run as root, once:\n  {line}")
    if not Path("/usr/bin/apt-get").exists():
        raise SetupError(f"This is not a Debian system. Install by hand what Debian calls: {' '.join(wanted)}")
    print(f"Installing Debian packages: {' '.join(wanted)} (a minute or two)", flush=True)
    with _one_at_a_time(LOCK_FILE):
        if wanted := missing(environ, venv=venv):
            _install(wanted)
    if wanted := missing(environ, venv=venv):
        raise SetupError(f"Still missing after installation: {' '.join(wanted)}")


def _install(wanted: list[str]) -> None:
    with _nothing_starts(), _no_default_cluster():
        try:
            _apt("update")
        except SetupError as problem:
            print(f"{problem}\nGoing on with the package lists there are", flush=True)
        try:
            _apt("install", "--no-install-recommends", *wanted)
        except SetupError:
            print("Finishing an interrupted package installation first", flush=True)
            _command("dpkg", "--configure", "-a")
            _apt("install", "--fix-broken", "--no-install-recommends", *wanted)


def _apt(*arguments: str) -> None:
    _command(*APT, *arguments)


def _command(*command: str) -> None:
    """Run to the end, even when interrupted: half-configured packages, or servers starting, are worse than a wait."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait()
        except BaseException:
            print(f"Letting {command[0]} finish first", flush=True)
            process.wait()
            raise
        output.seek(0)
        last = "\n".join(output.read().splitlines()[-15:])
    if process.returncode != 0:
        raise SetupError(f"`{' '.join(command)}` failed ({process.returncode}):\n{last}")


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    """Debian asks policy-rc.d before it starts a service: 101 means no. An existing policy is left alone."""
    if not POLICY_FILE.exists():
        POLICY_FILE.write_text(f"#!/bin/sh\n{POLICY_MARK}\nexit 101\n")
        POLICY_FILE.chmod(0o755)
    try:
        yield
    finally:
        # By its mark, so that one left by a killed run goes too.
        if POLICY_FILE.exists() and POLICY_MARK in POLICY_FILE.read_text(errors="replace"):
            POLICY_FILE.unlink()


@contextlib.contextmanager
def _no_default_cluster() -> Iterator[None]:
    folders = [folder for folder in (CLUSTER_CONF.parent.parent, CLUSTER_CONF.parent) if not folder.exists()]
    CLUSTER_CONF.parent.mkdir(parents=True, exist_ok=True)
    CLUSTER_CONF.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        CLUSTER_CONF.unlink()
        for folder in reversed(folders):
            if not any(folder.iterdir()):
                folder.rmdir()


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return os.geteuid() != 0  # only root needs the account: a server never runs as root
    return True
