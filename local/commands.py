"""Commands that set-up runs: one set-up of a folder at a time, what a command said in one piece, files written whole.

Standard library only: this runs before the virtual environment exists.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[int]:
    """The lock is on the directory itself, so that no file is left behind.

    Its descriptor is for the commands that work in there: one that outlives a killed run keeps the lock to its end.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def collect(command: Sequence[str | Path], *locks: int, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end, in folder `at`, holding `locks`; what it said on both of its outputs is `stdout`."""
    environ = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    return subprocess.run(
        command,
        check=False,
        cwd=at,
        env=environ,
        pass_fds=locks,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
