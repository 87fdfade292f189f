"""From a bare checkout to a working virtual environment: `python3 -m local.bootstrap [--dev]`.

Standard library only, Debian's own python3 (3.11.2) is enough. A second start finds the stamp and returns at once.
Packages come from `requirements.lock` (`--dev`: `requirements-dev.lock`, a superset, and Node.js from
`requirements-node.lock`, then the npm packages of the tests), every file checked by hash.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from local import node, packages
from local.commands import collect, one_at_a_time, write_whole
from local.packages import SetupError

ROOT = Path(__file__).resolve().parent.parent
OLDEST, TOO_NEW = (3, 11), (3, 13)
RUN_LOCKS = ("requirements.lock",)
DEV_LOCKS = ("requirements-dev.lock", "requirements-node.lock")  # the first has all of RUN_LOCKS in it


class Venv:
    """The virtual environment of one checkout.

    `estateloop.json` inside it names what was installed, written last; `installing` is there only while pip works.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"
        self.stamp = self.path / "estateloop.json"
        self.installing = self.path / "installing"
        self.lock = -1

    def is_current(self, *, dev: bool) -> bool:
        """Whether the lock files as they are now have been installed whole."""
        if not self.stamp.exists() or self.installing.exists() or not self._starts():
            return False
        installed = json.loads(self.stamp.read_text())
        wanted = self._wanted(dev=dev)
        return all(installed.get(name) == digest for name, digest in wanted.items())

    def is_usable(self) -> bool:
        """Whether pip can work in it: made here, and not left half made by an interrupted run."""
        if self.installing.exists() or not self._starts():
            return False
        if self.stamp.exists() and json.loads(self.stamp.read_text()).get("root") != str(self.root):
            return False
        return self._run("-m", "pip", "--version").returncode == 0

    def build(self, *, dev: bool) -> None:
        """Make it if need be, install the lock, write the stamp. Safe to interrupt anywhere."""
        if not self.is_usable():
            self._create()
        locks = DEV_LOCKS if dev else RUN_LOCKS
        print(f"Installing {' and '.join(locks)} into {self.path.name} (a minute or so)", flush=True)
        self.installing.touch()
        for lock in locks:
            self._pip("install", "--require-hashes", "-r", str(self.root / lock))
        write_whole(self.stamp, json.dumps(self._wanted(dev=dev), indent=2))
        self.installing.unlink()

    def _create(self) -> None:
        print(f"Making the virtual environment {self.path.name}", flush=True)
        if self.path.exists():
            shutil.rmtree(self.path)
        base = getattr(sys, "_base_executable", sys.executable)
        done = collect([base, "-m", "venv", str(self.path)], self.lock)
        if done.returncode != 0:
            raise SetupError(f"Making {self.path} failed:\n{done.stdout}")

    def _pip(self, *arguments: str) -> None:
        done = self._run("-m", "pip", "--disable-pip-version-check", "--no-input", "-q", *arguments)
        if done.returncode != 0:
            last = "\n".join(done.stdout.splitlines()[-20:])
            raise SetupError(f"pip {arguments[0]} failed; the next run starts afresh:\n{last}")

    def _wanted(self, *, dev: bool) -> dict[str, str]:
        names = (*RUN_LOCKS, *DEV_LOCKS) if dev else RUN_LOCKS
        wanted = {name: hashlib.sha256((self.root / name).read_bytes()).hexdigest() for name in names}
        return {
            **wanted,
            "root": str(self.root),
        }  # scripts inside carry the path: a moved checkout builds anew

    def _starts(self) -> bool:
        return self.python.exists() and os.access(self.python, os.X_OK)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return collect([self.python, *arguments], *(() if self.lock < 0 else (self.lock,)))


def bootstrap(root: Path, *, dev: bool) -> Path:
    """Packages and virtual environment in place; the environment's python. Raises SetupError."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"Python 3.11 or 3.12 is needed, this is {found}. Try: make PYTHON=python3.11 ...")
    venv = Venv(root)
    packages.ensure(os.environ, venv=not venv.is_current(dev=dev) and not venv.is_usable())
    if not venv.is_current(dev=dev):
        with one_at_a_time(root) as venv.lock:
            if not venv.is_current(dev=dev):  # else somebody else built it while we waited
                venv.build(dev=dev)
    if dev:
        node.Modules(root / node.CLIENTS).ensure(node.Node(venv.path))
    return venv.python


def _stop(signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m local.bootstrap", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests, lint and types need")
    arguments = parser.parse_args()
    for name in (
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # so that what was changed for the installation is put back
        signal.signal(name, _stop)
    try:
        bootstrap(ROOT, dev=arguments.dev)
    except SetupError as problem:
        sys.exit(f"\n{problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
