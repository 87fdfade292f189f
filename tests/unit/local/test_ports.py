"""Ports are chosen once and kept, unless somebody else sits on them."""

import socket
from pathlib import Path

from local.ports import LOOPBACK, PortBook, free_port, is_free, wait_free


def test_a_port_is_remembered_by_the_next_start(tmp_path: Path) -> None:
    chosen = PortBook(tmp_path).port("postgres")
    assert PortBook(tmp_path).port("postgres") == chosen
    assert is_free(chosen)


def test_names_do_not_share_a_port(tmp_path: Path) -> None:
    book = PortBook(tmp_path)
    assert len({book.port(f"service-{number}") for number in range(20)}) == 20


def test_a_port_that_somebody_else_took_is_replaced_and_the_new_one_remembered(tmp_path: Path) -> None:
    first = PortBook(tmp_path).port("rabbitmq")
    with socket.create_server((LOOPBACK, first)):
        second = PortBook(tmp_path).port("rabbitmq")
        assert second != first
    assert PortBook(tmp_path).port("rabbitmq") == second


def test_a_damaged_book_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"postgres": 21')
    assert is_free(PortBook(tmp_path).port("postgres"))


def test_a_port_with_only_old_connections_is_free(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)) as server, socket.create_connection((LOOPBACK, port)) as client:
        assert not is_free(port)
        served, _ = server.accept()
        served.close()  # the server's side closes first, so its end of the connection lingers
        client.recv(1)
    wait_free(port, seconds=5)
    assert is_free(port)
