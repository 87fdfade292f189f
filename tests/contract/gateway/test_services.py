"""What the gateway asks is what services answer: every route's example reaches a method that takes its arguments."""

import importlib
import inspect
import json
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from services.common.database import SERVICES
from tests.support.databases import TemplateDatabases
from tests.support.gateway import Asked, Responder, serving, sign_in
from tests.support.servers import Servers
from tests.support.waiting import until

LOCAL = ("/v1/auth/", "/v1/sandbox/inbox", "/v1/audit-log", "/healthz", "/readyz", "/metrics")


@pytest.fixture(scope="module")
def responder(servers: Servers) -> Iterator[Responder]:
    with Responder(servers.amqp_uri, SERVICES) as made:
        yield made


@pytest.fixture(scope="module")
def client(servers: Servers, templates: TemplateDatabases, responder: Responder) -> Iterator[TestClient]:
    prefix = templates.clone("gateway")
    with serving(amqp_uri=servers.amqp_uri, database_url=servers.database_url, database_prefix=prefix) as made:
        until(lambda: made.get("/readyz").status_code == 200, "the gateway is ready")
        yield made


def send_example(client: TestClient, method: str, path: str, operation: dict[str, Any]) -> None:
    """The request as the documentation shows it."""
    query: dict[str, Any] = {}
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        example = (schema.get("examples") or schema.get("enum") or [parameter.get("example")])[0]
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(example))
        elif parameter["in"] == "query" and parameter["name"] != "cursor":
            query[parameter["name"]] = example
    headers, content = sign_in(client), b""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        headers["Content-Type"] = media_type.replace("*/*", "application/json")
        example = media["example"]
        content = example.encode() if isinstance(example, str) else json.dumps(example).encode()
    client.request(method, path, params=query, headers=headers, content=content)


def check(asked: Asked) -> list[str]:
    """Why the service would refuse the arguments as such."""
    service, _, method = asked.key.partition(".")
    door = getattr(importlib.import_module(f"services.{service}.service").SERVICE, method, None)
    if door is None:
        return [f"{asked.key} does not exist"]
    taken = [parameter for name, parameter in inspect.signature(door).parameters.items() if name != "self"]
    names = {parameter.name for parameter in taken}
    required = {parameter.name for parameter in taken if parameter.default is parameter.empty}
    wrong = [f"{asked.key} does not take {name}" for name in asked.kwargs.keys() - names]
    wrong += [f"{asked.key} needs {name}" for name in required - asked.kwargs.keys()]
    hints = typing.get_type_hints(inspect.unwrap(door), include_extras=True)
    for name in names & asked.kwargs.keys():
        try:
            TypeAdapter(hints[name]).validate_python(asked.kwargs[name])
        except ValueError as error:
            wrong.append(f"{asked.key}: {name}={asked.kwargs[name]!r}: {error}")
    return wrong


def test_every_route_asks_for_what_a_service_offers(client: TestClient, responder: Responder) -> None:
    document = client.get("/openapi.json").json()
    wrong: list[str] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith(LOCAL):
                continue
            before = len(responder.asked)
            send_example(client, method.upper(), path, operation)
            reached = responder.asked[before:]
            wrong += [] if reached else [f"{method} {path} asks nobody"]
            wrong += [finding for asked in reached for finding in check(asked)]
    assert wrong == []


def test_b7_what_reads_a_whole_ledger_is_waited_for_longer(client: TestClient, responder: Responder) -> None:
    """Years of postings of a million homes are not added up within the time a page may take."""
    paths = client.get("/openapi.json").json()["paths"]
    for method, path, asks in (
        ("GET", "/v1/ledger/trial-balance", "trial_balance"),
        ("POST", "/v1/ledger/closes", "close_month"),
        ("POST", "/v1/ledger/settlements", "settle_quarter"),
        ("GET", "/v1/late-fees", "late_fees"),
    ):
        before = len(responder.asked)
        send_example(client, method, path, paths[path][method.lower()])
        [asked] = [one for one in responder.asked[before:] if one.key == f"billing.{asks}"]
        assert asked.message.expiration == (5 if asks == "late_fees" else 60)
