"""The private PostgreSQL and RabbitMQ: side by side, crash-proof, nothing left behind, no other machine gets in."""

import contextlib
import getpass
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import amqp
import psycopg2
import psycopg2.errors
import pytest

from local import cluster
from local.clean import clean, stop_left_behind
from local.home import log_file
from local.private import private_home
from local.processes import ProcessError, command_line, running_pids
from local.servers import PostgresServer, RabbitServer, start_both, start_postgres
from tests.support.waiting import until

Pair = tuple[PostgresServer, RabbitServer]


@pytest.fixture(scope="module")
def homes() -> Iterator[list[Path]]:
    with private_home() as first, private_home() as second:
        yield [first, second]


@pytest.fixture
def home() -> Iterator[Path]:
    with private_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def pairs(homes: list[Path]) -> Iterator[list[Pair]]:
    with ThreadPoolExecutor() as pool:
        pairs = list(pool.map(lambda home: start_both(home, durable=False), homes))
    yield pairs
    for pair in pairs:
        for server in pair:
            server.stop()


@contextlib.contextmanager
def database(server: PostgresServer) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def channel(server: RabbitServer) -> Iterator[amqp.Channel]:
    user, password = server.amqp_uri.removeprefix("amqp://").split("@")[0].split(":")
    with amqp.Connection(
        f"127.0.0.1:{server.port}", userid=user, password=password, confirm_publish=True
    ) as connection:
        yield connection.channel()


def processes_of(home: Path) -> list[int]:
    """By command line: postmaster and broker carry their directory, PostgreSQL's children a title made from it."""
    marks = (f"{home}/", cluster.cluster_name(home))
    return [
        pid for pid in running_pids() if pid != os.getpid() and any(m in " ".join(command_line(pid)) for m in marks)
    ]


def listening_addresses(pid: int) -> set[str]:
    """Local addresses (hexadecimal) on which a process listens, from /proc."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets.add(str(link.readlink()))
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


@pytest.mark.slow
def test_two_pairs_live_side_by_side(pairs: list[Pair]) -> None:
    (first_db, first_mq), (second_db, second_mq) = pairs
    with database(first_db) as one, database(second_db) as two:
        one.execute("CREATE TABLE only_here (n int)")
        two.execute("SELECT to_regclass('only_here')")
        assert two.fetchone() == (None,)
    with channel(first_mq) as one, channel(second_mq) as two:
        one.queue_declare("only_here", durable=True, auto_delete=False)
        with pytest.raises(amqp.NotFound):
            two.queue_declare("only_here", passive=True)


@pytest.mark.slow
def test_only_this_machine_can_connect(pairs: list[Pair]) -> None:
    loopback = "0100007F"
    for server in pairs[0]:
        assert listening_addresses(server.pid) == {loopback}


@pytest.mark.slow
def test_a_wrong_password_is_refused(pairs: list[Pair]) -> None:
    postgres, rabbit = pairs[0]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(f"postgresql://estateloop:wrong@127.0.0.1:{postgres.port}/postgres")
    with pytest.raises(amqp.AccessRefused):
        amqp.Connection(f"127.0.0.1:{rabbit.port}", userid="guest", password="guest").connect()


@pytest.mark.slow
def test_a_second_owner_of_a_home_is_refused(homes: list[Path], pairs: list[Pair]) -> None:
    pid = pairs[0][0].pid
    with pytest.raises(ProcessError, match="Another process runs PostgreSQL"):
        start_postgres(homes[0], durable=False)
    assert command_line(pid)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
def test_postgres_keeps_committed_rows_and_its_port_over_a_restart(pairs: list[Pair], kill: bool) -> None:
    server, _ = pairs[0]
    before, port = server.pid, server.port
    with database(server) as cursor:
        cursor.execute(f"CREATE TABLE kept_{kill} AS SELECT 42 AS n")
    server.restart(kill=kill)
    assert (server.port, server.pid != before) == (port, True)
    with database(server) as cursor:
        cursor.execute(f"SELECT n FROM kept_{kill}")
        assert cursor.fetchone() == (42,)


@pytest.mark.slow
def test_postgres_comes_back_after_its_postmaster_alone_was_killed(pairs: list[Pair]) -> None:
    server, _ = pairs[0]
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.is_running())
    server.restart()
    with database(server) as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.slow
def test_rabbitmq_keeps_a_confirmed_message_over_kill_9(pairs: list[Pair]) -> None:
    _, server = pairs[0]
    port = server.port
    with channel(server) as sending:
        sending.queue_declare("kept", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        sending.basic_publish_confirm(amqp.Message("hello", delivery_mode=2), routing_key="kept", mandatory=True)
    # The broker notes a new quorum queue in files that it writes with a delay of about 3 s: a crash before loses it.
    files = [*server.home.glob("rabbitmq/mnesia/*/quorum/*/names.dets")]
    until(lambda: bool(files) and all(b"kept" in path.read_bytes() for path in files))
    server.restart(kill=True)
    assert server.port == port
    with channel(server) as receiving:
        received = []
        until(lambda: bool(received.append(receiving.basic_get("kept", no_ack=True)) or received[-1]))
        assert received[-1].body == "hello"


@pytest.mark.slow
def test_kill_9_of_the_owner_leaves_nothing_and_the_next_start_finds_the_data(
    homes: list[Path], pairs: list[Pair]
) -> None:
    home, (postgres, rabbit) = homes[1], pairs[1]
    with database(postgres) as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop()
    rabbit.stop()
    rabbit.stop()  # twice is fine
    assert processes_of(home) == []
    code = (
        "import signal, sys; from pathlib import Path; from local.servers import start_both\n"
        "pair = start_both(Path(sys.argv[1]), durable=False); print('up', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code, home], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        try:
            assert owner.stdout.readline() == "up\n"
            assert processes_of(home)
        finally:
            owner.kill()
    until(lambda: processes_of(home) == [])
    with start_postgres(home, durable=False) as again, database(again) as cursor:
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchone() == (7,)
    assert processes_of(home) == []


def test_the_brokers_address_is_known_before_it_starts_and_its_home_is_taken(home: Path) -> None:
    server, other = RabbitServer(home), RabbitServer(home)
    server.claim()
    try:
        address, port = server.amqp_uri, server.port
        server.claim()  # twice is fine
        assert port > 0
        assert server.amqp_uri == address
        with pytest.raises(ProcessError, match="Another process runs RabbitMQ"):
            other.claim()
    finally:
        server.stop()
    other.claim()
    assert other.port == port
    other.stop()


@pytest.mark.slow
def test_a_server_that_outlived_its_owner_is_ended_by_the_next_start_and_by_clean(home: Path) -> None:
    with start_postgres(home, durable=False) as first:
        assert first._lock is not None
        first._lock.release()  # as if the owner were gone and the server had slipped its leash
        with start_postgres(home, durable=False) as second:
            until(lambda: not first.is_running())
            assert second.is_running()
            assert stop_left_behind(home) == ["postgres"]
            until(lambda: not second.is_running())
    clean(home)
    assert not home.exists()


@pytest.mark.slow
def test_the_servers_log_tells_no_values(home: Path) -> None:
    with start_postgres(home, durable=False) as server, database(server) as cursor:
        cursor.execute("CREATE TABLE owner (phone text CONSTRAINT short CHECK (length(phone) < 5))")
        with pytest.raises(psycopg2.errors.CheckViolation):
            cursor.execute("INSERT INTO owner VALUES ('13912345678')")
    log = log_file(home, "postgres").read_text()
    assert "short" in log
    assert "13912345678" not in log


@pytest.mark.slow
def test_a_first_start_that_was_cut_short_is_repeated(home: Path) -> None:
    place = cluster.data_place(home, cluster.server_account())
    (place / "data.draft").mkdir()
    (place / "data.draft" / "PG_VERSION").write_text("half")
    with start_postgres(home, durable=False) as server, database(server) as cursor:
        cursor.execute("SHOW server_encoding")
        assert cursor.fetchone() == ("UTF8",)
    assert not (place / "data.draft").exists()


@pytest.mark.slow
def test_a_home_that_postgres_cannot_enter_gets_its_data_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    with start_postgres(home, durable=False) as server, database(server) as cursor:
        cursor.execute("SELECT 1")
    place = (home / "postgres").resolve()
    # Only root needs another account; anybody else runs PostgreSQL as themselves and can enter.
    assert place.parent == (cluster.ELSEWHERE if os.geteuid() == 0 else home)
    assert stat.S_IMODE(place.lstat().st_mode) == 0o700
    clean(home)
    assert not place.exists()
    assert not home.exists()


def test_a_directory_elsewhere_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir(mode=0o755)
    (tmp_path / "postgres").symlink_to(planted)
    with pytest.raises(ProcessError, match="not a private directory"):
        cluster.data_place(tmp_path, getpass.getuser())


def test_clean_does_not_remove_a_directory_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")
    PostgresServer(tmp_path)
    with pytest.raises(ProcessError, match="stays"):
        clean(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
