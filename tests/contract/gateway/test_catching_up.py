"""What was imported a moment ago, and work whose gateway died: neither may cost a caller more than a moment."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.databases import TemplateDatabases
from tests.support.gateway import RemoteError, Responder, serving, settings_for_tests, sign_in
from tests.support.servers import Servers
from tests.support.waiting import until

ORDER = {"estate": "E1", "household": "H1", "category": "plumbing", "description": "drips"}
CALLS: list[tuple[str, str, str, dict[str, Any], int]] = [
    ("workorders.create_order", "POST", "/v1/work-orders", ORDER, 201),
    (
        "feedback.create_complaint",
        "POST",
        "/v1/complaints",
        {"estate": "E1", "household": "H1", "category": "service", "text": "dirty", "channel": "phone"},
        201,
    ),
    (
        "payments.create_payment",
        "POST",
        "/v1/payments",
        {"household": "H1", "channel": "cash", "amount_fen": 100},
        201,
    ),
    ("notifications.set_preferences", "PUT", "/v1/households/H1/contact-preferences", {"language": "en"}, 200),
]


@pytest.fixture
def responder(servers: Servers) -> Iterator[Responder]:
    with Responder(servers.amqp_uri, ("billing", "payments", "notifications", "workorders", "feedback")) as made:
        made.handlers["billing.get_household"] = lambda kwargs: {"household": kwargs["household"], "estate": "E1"}
        yield made


@pytest.fixture
def knobs(servers: Servers, templates: TemplateDatabases) -> dict[str, Any]:
    where = {"amqp_uri": servers.amqp_uri, "database_url": servers.database_url}
    return {**where, "database_prefix": templates.clone("gateway"), "catch_up_seconds": 0.5}


@pytest.fixture
def client(knobs: dict[str, Any]) -> Iterator[TestClient]:
    with serving(**knobs) as made:
        until(lambda: made.get("/readyz").status_code == 200, "the gateway is ready")
        yield made


def refuse(_kwargs: dict[str, Any]) -> None:
    raise RemoteError("NotFound", "not known", "[]")


def heard_later(responder: Responder, key: str) -> None:
    """The service refuses twice, then it has heard."""

    def answer(_kwargs: dict[str, Any]) -> dict[str, Any]:
        if responder.count(key) < 3:
            raise RemoteError("NotFound", "not known", "[]")
        return {"id": "5b1f9a54-6f57-4f0b-8a4e-3f2f6f0d9c11"}

    responder.handlers[key] = answer


@pytest.mark.parametrize(("key", "method", "path", "body", "status"), CALLS)
def test_a_write_waits_until_its_service_has_heard_of_an_import(
    client: TestClient, responder: Responder, key: str, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    heard_later(responder, key)
    assert client.request(method, path, json=body, headers=sign_in(client)).status_code == status
    assert responder.count(key) == 3
    assert responder.count("billing.get_household") == 1


def test_what_billing_does_not_know_either_is_refused_at_once(client: TestClient, responder: Responder) -> None:
    responder.handlers["workorders.create_order"] = refuse
    responder.handlers["billing.get_household"] = refuse
    headers = sign_in(client)
    assert client.post("/v1/work-orders", json=ORDER, headers=headers).status_code == 404
    responder.handlers["billing.get_household"] = lambda _kwargs: {"household": "H1", "estate": "E2"}
    assert client.post("/v1/work-orders", json=ORDER, headers=headers).status_code == 404, "of another estate"
    responder.handlers["billing.get_estate"] = refuse
    public = {name: value for name, value in ORDER.items() if name != "household"}
    assert client.post("/v1/work-orders", json=public, headers=headers).status_code == 404
    assert responder.count("workorders.create_order") == 3


def test_news_that_does_not_come_is_a_503_to_ask_again(client: TestClient, responder: Responder) -> None:
    responder.handlers["workorders.create_order"] = refuse
    reply = client.post("/v1/work-orders", json=ORDER, headers=sign_in(client))
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")


def test_long_work_keeps_its_lease(knobs: dict[str, Any], responder: Responder) -> None:
    go, begun = threading.Event(), threading.Event()

    def held(_kwargs: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        go.wait(20)
        return {"id": "5b1f9a54-6f57-4f0b-8a4e-3f2f6f0d9c11"}

    responder.handlers["workorders.create_order"] = held
    short = {"idempotency_lease_seconds": 0.3, "idempotency_wait_seconds": 1.0}
    with serving(**knobs, **short) as client, ThreadPoolExecutor(1) as pool:
        until(lambda: client.get("/readyz").status_code == 200, "the gateway is ready")
        headers = {**sign_in(client), "Idempotency-Key": "k"}
        first = pool.submit(client.post, "/v1/work-orders", json=ORDER, headers=headers)
        assert begun.wait(20)
        busy = client.post("/v1/work-orders", json=ORDER, headers=headers)
        go.set()
        assert (busy.status_code, first.result().status_code) == (409, 201)
    assert responder.count("workorders.create_order") == 1


def test_a_duplicate_waits_longer_than_the_lease_of_a_gateway_that_died() -> None:
    settings = settings_for_tests()
    assert settings.idempotency_wait_seconds > settings.idempotency_lease_seconds


@pytest.mark.parametrize("path", ["/v1/bills/x/explanation", "/v1/payments/x", "/v1/bill-runs/1", "/v1/complaints/0"])
def test_an_id_that_cannot_be_one_is_not_found(client: TestClient, path: str) -> None:
    reply = client.get(path, headers=sign_in(client))
    assert (reply.status_code, reply.json()["status"]) == (404, 404)
    unknown = client.post("/v1/imports/pets", content=b"a\n", headers={**sign_in(client), "Content-Type": "text/csv"})
    assert unknown.status_code == 404
