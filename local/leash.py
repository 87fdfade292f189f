"""Start a program that dies with its owner: `python leash.py OWNER_PID SIGNAL USER|- COMMAND...`.

The kernel sends SIGNAL to the program when the thread that started it is gone, even after `kill -9` of the owner.
This wrapper becomes the program (exec), so the process id is the program's own and nothing stays in between.
The user is changed here, before the leash is put on: a change of user would take it off again.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the command, leashed to the owner."""
    owner, death_signal, user, *command = arguments
    environ = dict(os.environ)
    if user != "-":
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        environ.update(HOME=account.pw_dir, USER=user, LOGNAME=user)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(owner):  # the owner died before the leash was on
        sys.exit(1)
    os.execvpe(command[0], command, environ)


if __name__ == "__main__":
    main(sys.argv[1:])
