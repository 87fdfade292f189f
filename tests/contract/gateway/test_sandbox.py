"""The sandbox's remote side behind the gateway: whose payment it is is checked first, then it is asked over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from tests.support.databases import TemplateDatabases
from tests.support.gateway import RemoteError, Responder, serving, sign_in
from tests.support.servers import Servers
from tests.support.waiting import until


class Remote(HTTPServer):
    """Remembers what it is asked and answers what it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[tuple[str, str, Any]] = []
        self.reply: tuple[int, Any] = (200, {"answers": [200]})


class Asked(BaseHTTPRequestHandler):
    server: Remote

    def do_GET(self) -> None:
        self.note()

    def do_POST(self) -> None:
        self.note()

    def note(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        status, answer = self.server.reply
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def remote() -> Iterator[Remote]:
    server = Remote()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def responder(servers: Servers) -> Iterator[Responder]:
    with Responder(servers.amqp_uri, ("payments",)) as made:
        yield made


@pytest.fixture
def client(
    servers: Servers, templates: TemplateDatabases, responder: Responder, remote: Remote
) -> Iterator[TestClient]:
    url = f"http://127.0.0.1:{remote.server_port}"
    prefix = templates.clone("gateway")
    known = {"amqp_uri": servers.amqp_uri, "database_url": servers.database_url, "database_prefix": prefix}
    with serving(**known, sandbox_url=url) as made:
        until(lambda: made.get("/readyz").status_code == 200, "the gateway is ready")
        yield made


def test_the_remote_side_takes_the_money_as_told(client: TestClient, responder: Responder, remote: Remote) -> None:
    responder.handlers["payments.get_payment"] = lambda kwargs: {"id": kwargs["payment_id"], "channel": "wechat"}
    payment, headers = uuid4(), sign_in(client, "owner", household="H1")
    path = f"/v1/sandbox/payments/{payment}/pay"
    assert client.post(path, headers=headers).json() == {"answers": [200]}
    assert client.post(path, json={"repeat": 3, "forge": "stale"}, headers=headers).status_code == 200
    assert remote.asked == [
        ("POST", f"/sandbox/wechat/{payment.hex}/pay", {}),
        ("POST", f"/sandbox/wechat/{payment.hex}/pay", {"repeat": 3, "forge": "stale"}),
    ]
    assert responder.last("payments.get_payment").kwargs["caller"]["household"] == "H1"
    for status, seen in ((404, 404), (422, 422), (500, 503)):
        remote.reply = (status, {"detail": "said"})
        refused = client.post(path, headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (seen, "said")


def test_nobody_pays_for_a_payment_that_is_not_theirs(client: TestClient, responder: Responder, remote: Remote) -> None:
    def refuse(_kwargs: dict[str, Any]) -> None:
        raise RemoteError("Forbidden", "not yours", "[]")

    responder.handlers["payments.get_payment"] = refuse
    headers = sign_in(client, "owner", household="H1")
    assert client.post(f"/v1/sandbox/payments/{uuid4()}/pay", headers=headers).status_code == 403
    assert client.get("/v1/sandbox/inbox", headers=headers).status_code == 403
    assert remote.asked == []


def test_the_inbox_is_shown_with_the_query_passed_on(client: TestClient, remote: Remote) -> None:
    remote.reply = (200, {"items": [{"text": "您好"}], "next_cursor": None})
    reply = client.get("/v1/sandbox/inbox?to=13800000001&limit=5", headers=sign_in(client))
    assert reply.json() == {"items": [{"text": "您好"}], "next_cursor": None}
    assert remote.asked == [("GET", "/sandbox/inbox?to=13800000001&limit=5", None)]


def test_a_remote_side_that_is_away_is_503(client: TestClient, remote: Remote) -> None:
    remote.shutdown()
    remote.server_close()
    reply = client.get("/v1/sandbox/inbox", headers=sign_in(client))
    assert reply.status_code == 503
    assert reply.json()["type"].endswith("unavailable")
