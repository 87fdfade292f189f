"""The directory of one local installation: ESTATELOOP_HOME, `.local` in the checkout by default.

ports.json  *.password  jwt.secret  stack.json       what was chosen once, and what runs now
postgres/  rabbitmq/  sandbox/                       data
logs/  run/                                          one log and one process record per program
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = ".estateloop"


def home_directory(environ: Mapping[str, str]) -> Path:
    """Where this environment says the installation is; a relative path counts from the checkout."""
    return (ROOT / (environ.get("ESTATELOOP_HOME") or ".local")).resolve()


def prepare(home: Path) -> Path:
    """Make the directory if need be. A directory that holds other things is used but never removed."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    if not any(home.iterdir()):
        (home / MARK).touch()
    (home / "run").mkdir(exist_ok=True)
    (home / "logs").mkdir(exist_ok=True)
    return home


def is_ours(home: Path) -> bool:
    """Whether the directory was made for EstateLoop alone, so that `make clean` may remove it."""
    return (home / MARK).exists()


def pid_file(home: Path, name: str) -> Path:
    """The record of a program's process."""
    return home / "run" / f"{name}.pid"


def log_file(home: Path, name: str) -> Path:
    """The log of a program."""
    return home / "logs" / f"{name}.log"


def run_files(home: Path) -> list[Path]:
    """Records of all programs that were started and not ended in good order."""
    return sorted((home / "run").glob("*.pid"))
