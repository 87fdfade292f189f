"""The supervisor, with small stand-in programs: order, restarts, refusals, and a clean end."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import children
from local.children import Child
from local.ports import PortBook, free_port
from local.processes import ProcessError, command_line, tail
from local.supervisor import Stack
from local.table import Place, common_environ, process_table
from tests.support.waiting import until

SERVERS = {"AMQP_URI": "amqp://user:word@broker/", "DATABASE_URL": "postgresql://user:word@database/postgres"}
WEB = """
import http.server, os, pathlib, signal, sys
name, folder, port = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
def note(what):
    with (folder / "story").open("a") as story: story.write(f"{name} {what}\\n")
def end(*_): note("ended"); os._exit(0)
signal.signal(signal.SIGTERM, end)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", port), Ready)
note("started")
server.serve_forever()
"""
Make = Callable[..., Stack]


def web(place: Place, ports: PortBook, name: str, *, ends: int = 0, after: tuple[str, ...] = ()) -> Child:
    port = ports.port(name)
    command = (sys.executable, "-c", WEB, name, str(place.home), str(port))
    return Child(name, command, environ=os.environ, health=f"http://127.0.0.1:{port}/", ends=ends, after=after)


def two_programs(place: Place, ports: PortBook) -> Sequence[Child]:
    return [web(place, ports, "late", ends=0, after=("early",)), web(place, ports, "early", ends=1)]


def failing(_place: Place, _ports: PortBook) -> Sequence[Child]:
    return [Child("broken", (sys.executable, "-c", "raise SystemExit('no such table')"), environ=os.environ)]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(**changes: object) -> Stack:
        settings = {"home": tmp_path / "home", "port": free_port(), "demo": False, "environ": SERVERS, "migration": ()}
        return Stack(**{**settings, "table": two_programs, **changes})

    return make


def story(stack: Stack) -> list[str]:
    return (stack.home / "story").read_text().splitlines()


def state(stack: Stack) -> dict[str, object]:
    found: dict[str, object] = json.loads((stack.home / "stack.json").read_text())
    return found


def test_programs_start_after_what_they_need_and_end_in_order(make: Make) -> None:
    with make() as stack:
        assert set(stack.pids()) == {"early", "late"}
        pids = stack.pids().values()
    assert story(stack) == ["early started", "late started", "late ended", "early ended"]
    assert [command_line(pid) for pid in pids] == [[], []]
    assert not (stack.home / "stack.json").exists()
    assert list((stack.home / "run").iterdir()) == []


def test_a_killed_program_comes_back_and_the_state_file_follows(make: Make) -> None:
    with make() as stack:
        killed = stack.kill("early", signal.SIGKILL)
        until(lambda: stack.pids().get("early", killed) != killed)
        stack.wait_ready("early")
        until(lambda: state(stack)["pids"] == stack.pids())
        assert story(stack).count("early started") == 2
        assert story(stack).count("late started") == 1


def test_the_pause_before_a_restart_doubles_up_to_a_limit_and_good_life_resets_it() -> None:
    seat = children._Seat(Child("one", ("true",)))
    pauses = [seat.note_death(now=1.0) for _ in range(7)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert seat.note_death(now=1.0 + children.GOOD_LIFE + 1) == 0.2


def test_a_stopped_program_stays_down_until_it_is_started(make: Make) -> None:
    with make() as stack:
        stack.stop_child("early")
        stack.kill("late")
        until(lambda: story(stack).count("late started") == 2)  # the watcher has been round
        assert "early" not in stack.pids()
        with pytest.raises(ProcessError, match="does not run"):
            stack.kill("early")
        stack.start_child("early")
        assert "early" in stack.pids()


def test_a_program_that_only_dies_is_reported_with_its_last_words(make: Make, tmp_path: Path) -> None:
    def and_a_good_one(place: Place, ports: PortBook) -> Sequence[Child]:
        broken = failing(place, ports)[0]
        return [
            Child(broken.name, broken.command, environ=os.environ, health="http://127.0.0.1:1/"),
            web(place, ports, "good"),
        ]

    stack = make(table=and_a_good_one)
    with pytest.raises(ProcessError, match="no such table"):
        stack.start()
    assert story(stack) == ["good started", "good ended"]
    assert stack.pids() == {}


def test_a_failed_migration_stops_everything_and_says_why(make: Make) -> None:
    stack = make(migration=(sys.executable, "-c", "raise SystemExit('column is missing')"))
    with pytest.raises(ProcessError, match=r"migrate failed \(1\)[\s\S]*column is missing"):
        stack.start()
    assert not (stack.home / "story").exists()


def test_ctrl_c_in_the_middle_of_the_migration_ends_it(make: Make) -> None:
    stack = make(migration=(sys.executable, "-c", "import signal; signal.pause()"))
    record = stack.home / "run" / "step.pid"

    def interrupt() -> int:
        until(record.exists)
        pid = int(json.loads(record.read_text())["pid"])
        os.kill(os.getpid(), signal.SIGINT)
        return pid

    with ThreadPoolExecutor(1) as pool:
        interrupting = pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            stack.start()
    assert command_line(interrupting.result()) == []
    assert not record.exists()
    assert not (stack.home / "story").exists()


def test_a_second_supervisor_in_the_same_home_is_refused_and_does_not_disturb_the_first(make: Make) -> None:
    with make() as stack:
        other = make()
        with pytest.raises(ProcessError, match="already running"):
            other.start()
        other.stop()
        assert set(stack.pids()) == {"early", "late"}
        assert state(stack)["state"] == "ready"


def test_a_taken_port_is_named(make: Make) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ProcessError, match=f"Port {port} is taken"):
        make(port=port).start()


def test_the_state_file_is_private_because_it_holds_passwords(make: Make) -> None:
    with make() as stack:
        assert (stack.home / "stack.json").stat().st_mode & 0o077 == 0
        assert state(stack)["databases"]["billing"] == "postgresql://user:word@database/estateloop_billing"


def test_each_program_gets_its_addresses_and_no_port_twice(tmp_path: Path) -> None:
    place = Place(tmp_path, 8000, SERVERS["AMQP_URI"], SERVERS["DATABASE_URL"])
    table = {child.name: child for child in process_table(place, PortBook(tmp_path))}
    assert set(table) == {
        "sandbox",
        "billing",
        "payments",
        "notifications",
        "workorders",
        "feedback",
        "relay",
        "gateway",
    }
    ports = [child.environ.get("ESTATELOOP_HTTP_PORT", "8000") for child in table.values()]
    assert len(set(ports)) == len(table)
    targets = table["gateway"].environ["ESTATELOOP_METRICS_TARGETS"].split(",")
    assert f"billing=http://127.0.0.1:{table['billing'].environ['ESTATELOOP_HTTP_PORT']}" in targets
    assert table["payments"].after == ("sandbox",)
    assert {child.environ["AMQP_URI"] for child in table.values()} == {SERVERS["AMQP_URI"]}


def test_without_the_sandbox_there_is_none_and_nobody_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESTATELOOP_SANDBOX", "1")
    place = Place(tmp_path, 8000, SERVERS["AMQP_URI"], SERVERS["DATABASE_URL"], sandbox=False)
    table = process_table(place, PortBook(tmp_path))
    assert "sandbox" not in {child.name for child in table}
    assert not any(name.startswith("ESTATELOOP_SANDBOX") for child in table for name in child.environ)
    assert common_environ(place)["ESTATELOOP_JWT_SECRET"] == common_environ(place)["ESTATELOOP_JWT_SECRET"]


def test_logs_hold_what_a_program_printed(make: Make) -> None:
    def talker(place: Place, ports: PortBook) -> Sequence[Child]:
        return [
            Child(
                "talker",
                (sys.executable, "-c", "import signal; print('good day', flush=True); signal.pause()"),
                environ=os.environ,
            )
        ]

    with make(table=talker) as stack:
        until(lambda: "good day" in tail(stack.home / "logs" / "talker.log"))
