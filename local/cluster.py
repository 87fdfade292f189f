"""Where a home keeps its PostgreSQL cluster, and the account that may enter there.

PostgreSQL refuses to run as root, so root runs it as the account `postgres`. That account may not be allowed into the
home directory (a checkout under a 0700 directory): then the data lie under /var/tmp and the home holds a link.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from local.home import pid_file
from local.processes import ProcessError, command_line, end_pid, running_pids

ELSEWHERE = Path("/var/tmp")


def server_account() -> str | None:
    """The account the server must run as; None: the one that is running now."""
    return "postgres" if os.geteuid() == 0 else None


def data_directory(home: Path) -> Path:
    """The cluster's data directory, links resolved."""
    return (home / "postgres").resolve() / "data"


def data_place(home: Path, user: str | None) -> Path:
    """The directory that holds the cluster, made if need be: `<home>/postgres`, or what that links to."""
    place = home / "postgres"
    if user is None:
        place.mkdir(mode=0o700, exist_ok=True)
        return place
    if not place.is_symlink() and not place.exists():
        if _can_enter(user, home):
            place.mkdir(mode=0o700)
            shutil.chown(place, user)
        else:
            place.symlink_to(_place_elsewhere(home))
    if place.is_symlink():
        return _private_directory(place.readlink(), user)
    return place


def remove_data_elsewhere(home: Path) -> None:
    """For `make clean`: remove the data directory that a link in the home points to."""
    place = home / "postgres"
    if place.is_symlink() and place.readlink() == _place_elsewhere(home):
        if place.exists():
            shutil.rmtree(place.readlink())
        place.unlink()


def run_as(user: str | None, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end as an account (None: the present one), output collected."""
    account = None if user is None else pwd.getpwnam(user)
    return subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd="/",
        env=environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=account and account.pw_uid,
        group=account and account.pw_gid,
        extra_groups=account and [],
    )


def environ() -> dict[str, str]:
    """What PostgreSQL's programs get to see of the environment: nothing that would change them."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def cluster_name(home: Path) -> str:
    """Title of the server's processes in the process list."""
    return f"estateloop-{digest(data_directory(home))}"


def end_left_behind(home: Path) -> bool:
    """End what an owner that died left: a postmaster of this home, and orphans of one that was killed."""
    found = list(_pids(home))
    for pid in found:
        if command_line(pid)[1:2] == ["-D"]:
            end_pid(pid, first=signal.SIGINT, seconds=20)
    for pid in _pids(home):
        end_pid(pid, first=signal.SIGQUIT, seconds=3)
    pid_file(home, "postgres").unlink(missing_ok=True)
    return bool(found)


def kill_all(home: Path) -> None:
    """SIGKILL to every process of the server, as a crash of the machine would."""
    while pids := list(_pids(home)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _pids(home: Path) -> list[int]:
    """Processes of this home's server, the postmaster known by its data directory, its children by their title."""
    title, data = f"postgres: {cluster_name(home)}:", str(data_directory(home))
    return [pid for pid in running_pids() if _belongs(command_line(pid), title, data)]


def _belongs(command: list[str], title: str, data: str) -> bool:
    if not command:
        return False
    postmaster = Path(command[0]).name == "postgres" and command[1:3] == ["-D", data]
    return postmaster or command[0].startswith(title)


def _place_elsewhere(home: Path) -> Path:
    return ELSEWHERE / f"estateloop-{digest(home)}"


def digest(path: Path) -> str:
    """A short name for a path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _private_directory(path: Path, user: str) -> Path:
    """A directory that only `user` can enter, made if need be; others may write beside it, so it is checked."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        shutil.chown(path, user)
    found = path.lstat()
    owned = stat.S_ISDIR(found.st_mode) and found.st_uid == pwd.getpwnam(user).pw_uid
    if not owned or stat.S_IMODE(found.st_mode) & 0o077:
        raise ProcessError(f"{path} exists but is not a private directory of {user}; remove it")
    return path


def _can_enter(user: str, folder: Path) -> bool:
    return run_as(user, ["test", "-x", folder]).returncode == 0
