"""`make clean`: stop what `make run` left and remove the home directory. Standard library only."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from local import cluster
from local.home import home_directory, is_ours, pid_file, run_files
from local.processes import ProcessError, end_recorded

SECONDS_FOR_SUPERVISOR = 60.0
SECONDS = 15.0


def stop_left_behind(home: Path) -> list[str]:
    """End programs of this home that nobody owns any more, each only if it still is the recorded one; their names.

    The broker's name service (epmd) goes last: the broker wants it until its end.
    """
    home = home.resolve()
    files = sorted(run_files(home), key=lambda path: path.stem == "epmd")
    ended = [path.stem for path in files if path.stem != "postgres" and end_recorded(path, seconds=SECONDS)]
    return [*ended, "postgres"] if cluster.end_left_behind(home) else ended


def clean(home: Path) -> None:
    """Stop a running supervisor, then whatever is left, then remove the home. Raises ProcessError."""
    if end_recorded(pid_file(home, "supervisor"), seconds=SECONDS_FOR_SUPERVISOR):
        print("Stopped a running `make run`")
    for name in stop_left_behind(home):
        print(f"Stopped {name}")
    if not home.exists():
        return
    if not is_ours(home):
        raise ProcessError(f"{home} holds other things than EstateLoop's, so it stays; remove it by hand")
    cluster.remove_data_elsewhere(home)
    shutil.rmtree(home)
    print(f"Removed {home}")


def main() -> None:
    """Command line."""
    try:
        clean(home_directory(os.environ))
    except ProcessError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
