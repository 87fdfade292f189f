"""Processes die with their owner, and only the process that was recorded is ever ended."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.processes import (
    OwnerLock,
    PidRecord,
    ProcessError,
    command_line,
    end_recorded,
    make_room,
    secret,
    spawn,
    stop,
    tail,
)
from tests.support.waiting import until

SLEEP = ("sleep", "300")


@pytest.fixture
def sleeper(tmp_path: Path):
    process = spawn(SLEEP, environ=os.environ, log=tmp_path / "sleep.log")
    until(lambda: command_line(process.pid) == list(SLEEP))
    yield process
    stop(process, first=signal.SIGKILL, seconds=5)


def test_the_recorded_process_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    PidRecord.of(sleeper.pid, "300").save(tmp_path / "sleep.pid")
    assert end_recorded(tmp_path / "sleep.pid", seconds=5)
    assert sleeper.wait(5) == -signal.SIGTERM
    assert not (tmp_path / "sleep.pid").exists()


@pytest.mark.parametrize("change", [{"started": "another boot/1"}, {"mark": "postgres"}])
def test_another_process_with_the_recorded_id_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], change: dict[str, str]
) -> None:
    replace(PidRecord.of(sleeper.pid, "300"), **change).save(tmp_path / "sleep.pid")
    assert not end_recorded(tmp_path / "sleep.pid", seconds=5)
    assert sleeper.poll() is None


def test_a_record_cut_short_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "sleep.pid").write_text('{"pid": 1')
    assert not end_recorded(tmp_path / "sleep.pid", seconds=5)


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    )
    process = spawn((sys.executable, "-c", deaf), environ=os.environ, log=tmp_path / "deaf.log")
    until(lambda: "deaf" in tail(tmp_path / "deaf.log"))
    stop(process, first=signal.SIGTERM, seconds=0.2)
    assert process.returncode == -signal.SIGKILL


def test_a_process_dies_with_its_owner_even_by_kill_9(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from local.processes import spawn\n"
        "child = spawn(('sleep', '300'), environ=os.environ, log=Path(sys.argv[1]))\n"
        "print(child.pid, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        try:
            until(lambda: command_line(child) == list(SLEEP))
        finally:
            owner.kill()
    until(lambda: command_line(child) == [])


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first = OwnerLock(tmp_path / "lock", "taken")
    with pytest.raises(ProcessError, match="taken"):
        OwnerLock(tmp_path / "lock", "taken")
    first.release()
    OwnerLock(tmp_path / "lock", "taken").release()


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    made = secret(tmp_path / "password")
    assert len(made) >= 32
    assert secret(tmp_path / "password") == made
    assert (tmp_path / "password").stat().st_mode & 0o077 == 0


def test_a_large_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.processes.LARGEST_LOG", 10)
    log = tmp_path / "billing.log"
    log.write_text("a line longer than that\n")
    make_room(log)
    assert not log.exists()
    assert (tmp_path / "billing.old.log").exists()
