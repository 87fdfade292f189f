"""Gateway and services ask for the same permission (I3): every route by every role, with the guard and without it.

Behind the gateway are the real doors with real databases. Ids are nonsense throughout: what may not be done is refused
before anything is looked at. A refusal names the permission, so that route and door can be compared by calling alone.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.front.guard import Visit
from gateway.resources.policies.routes import KEEPERS
from services.common.contracts.errors import Forbidden
from services.common.database import SERVICES
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission, Role
from services.common.messaging.answers import doors as doors_of
from services.common.messaging.rpc import SafeRpc
from tests.support.databases import TemplateDatabases
from tests.support.gateway import settings_for_tests, sign_in
from tests.support.servers import Servers
from tests.support.services import Doors, house
from tests.support.waiting import until

DOCUMENT: dict[str, Any] = create_app(settings_for_tests()).openapi()
HOUSEHOLD = "GZ01-1-0101"
STRANGER = Caller(sub="stranger", roles=frozenset({"stranger"}), estates=frozenset({"*"}))
REFUSAL = re.compile(r"This needs the permission (\w+), which these roles have")

# The gateway answers these itself: its guard is the only one.
GATEWAY_ONLY = {"listAuditLog", "verifyAuditLog", "listInbox"}
# These ask several doors at once: how many, and what these ask for beside the route's own permission.
OVERVIEW = {"household", "payments", "dunning_case", "work_orders", "complaints", "messages"}
COMPOSED = {
    "createPayment": (2, set()),
    "getOverview": (7, {f"read_{part}" for part in OVERVIEW}),
    "getFile": (2, {"read_household"}),
    "getGroupDashboard": (4, set()),
    "getEstateDashboard": (4, set()),
    "listPolicies": (len(KEEPERS), set()),
}
# No route leads to these yet.
NO_ROUTE = {"feedback.announce_year", "notifications.preview_template"}
# The same door in every service; the route of parked events asks them one after the other.
OF_EVERY_SERVICE = {"list_parked", "replay_parked"}
# The same in every service that keeps policies; a route asks the one that keeps this policy or this change.
CHANGE_ID = "0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10"
OF_KEEPERS: dict[str, dict[str, Any]] = {
    "get_policy": {"policy": "contact"},
    "list_policy_changes": {},
    "request_policy_change": {
        "policy": "contact", "request_id": CHANGE_ID, "effective_from": "2030-01-01", "reason": "x"
    },
    **{f"{how}_policy_change": {"change_id": CHANGE_ID} for how in ("approve", "reject", "withdraw")},
}  # fmt: skip
OF_ALL = [f"{name}.{door}" for name in SERVICES for door in sorted(OF_EVERY_SERVICE)]
OF_ALL += [f"{name}.{door}" for name in KEEPERS for door in OF_KEEPERS]

Tokens = dict[Role, dict[str, str]]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if "x-permission" in operation:
                yield method.upper(), path, operation


EVERY = [pytest.param(*each, id=each[2]["operationId"]) for each in operations()]
BEHIND = [param for param in EVERY if param.id not in GATEWAY_ONLY]


def example_of(parameter: dict[str, Any]) -> Any:
    schema = parameter["schema"]
    examples = schema.get("examples") or schema.get("enum") or [parameter.get("example")]
    return examples[0]


def asking(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """A request as the documentation shows it, about a household and ids that nobody has."""
    parameters = operation.get("parameters", [])
    for parameter in (each for each in parameters if each["in"] == "path"):
        path = path.replace(f"{{{parameter['name']}}}", str(example_of(parameter)))
    query = {each["name"]: example_of(each) for each in parameters if each["in"] == "query" and each.get("required")}
    request = {"method": method, "url": path, "params": query}
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "text/csv":
            return request | {"content": media["example"].encode(), "headers": {"Content-Type": kind}}
        named = {"household": HOUSEHOLD} if "household" in media["example"] else {}
        return request | {"json": media["example"] | named}
    return request


@pytest.fixture(scope="module")
def client_and_doors(servers: Servers, templates: TemplateDatabases) -> Iterator[tuple[TestClient, Doors]]:
    with house(servers, templates, *SERVICES, catch_up_seconds=0, rpc_part_timeout_seconds=20) as (api, doors):
        doors.behind["payments"].channels = {}
        yield api.http, doors


@pytest.fixture
def client(client_and_doors: tuple[TestClient, Doors]) -> TestClient:
    return client_and_doors[0]


@pytest.fixture
def doors(client_and_doors: tuple[TestClient, Doors]) -> Doors:
    return client_and_doors[1]


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway lets everybody through who has signed in."""
    monkeypatch.setattr(Visit, "check_permission", lambda *_: None)


@pytest.fixture
def stranger(unguarded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is somebody signed in who has no role of ours."""

    async def admit(visit: Visit) -> None:
        visit.caller = STRANGER

    monkeypatch.setattr(Visit, "admit", admit)


@pytest.fixture(scope="module")
def tokens(client_and_doors: tuple[TestClient, Doors]) -> Tokens:
    scope = {Role.OWNER: {"household": HOUSEHOLD}}
    return {role: sign_in(client_and_doors[0], role, **scope.get(role, {})) for role in Role}


def refusal(reply: Any) -> str | None:
    """The permission for want of which a request was refused."""
    said = REFUSAL.match(reply.json()["detail"]) if reply.status_code == 403 else None
    return said[1] if said else None


def refused_to(client: TestClient, tokens: Tokens, request: dict[str, Any]) -> dict[Role, str | None]:
    """What each role is refused for; None: it is not. Nothing may fail."""
    found = {}
    for role, token in tokens.items():
        reply = client.request(**request | {"headers": request.get("headers", {}) | token})
        assert reply.status_code < 500 or "sandbox" in request["url"], reply.text
        assert reply.status_code != 403 or refusal(reply), reply.text
        found[role] = refusal(reply)
    return found


def expected(operation: dict[str, Any]) -> dict[Role, str | None]:
    permission = Permission(operation["x-permission"])
    return {role: None if role in permission.roles else str(permission) for role in Role}


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
def test_the_guard_lets_through_whom_the_table_says(
    client: TestClient, tokens: Tokens, method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["x-roles"] == [role for role in Role if role in Permission(operation["x-permission"]).roles]
    assert refused_to(client, tokens, asking(method, path, operation)) == expected(operation)


@pytest.mark.parametrize(("method", "path", "operation"), BEHIND)
@pytest.mark.usefixtures("unguarded")
def test_fc2_without_the_guard_the_service_refuses_the_same_roles_for_the_same_permission(
    client: TestClient, tokens: Tokens, method: str, path: str, operation: dict[str, Any]
) -> None:
    assert refused_to(client, tokens, asking(method, path, operation)) == expected(operation)


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
@pytest.mark.usefixtures("stranger")
def test_every_door_behind_a_route_refuses_a_stranger_for_the_permission_of_the_route(
    client: TestClient, doors: Doors, method: str, path: str, operation: dict[str, Any]
) -> None:
    doors.refusals.clear()
    count, beside = COMPOSED.get(operation["operationId"], (1, set()))
    client.request(**asking(method, path, operation))
    if operation["operationId"] in GATEWAY_ONLY:
        assert doors.refusals == []
        return
    until(lambda: len(doors.refusals) == count, "every door has refused")
    names = {permission_of(error) for _, error in doors.refusals}
    assert names == {operation["x-permission"], *beside}


def permission_of(error: Exception) -> str:
    assert isinstance(error, Forbidden), error
    said = REFUSAL.match(error.detail)
    assert said, error.detail
    return said[1]


@pytest.mark.usefixtures("stranger")
def test_a_route_leads_to_every_door(client: TestClient, doors: Doors) -> None:
    """So that no door is left out above."""
    doors.asked.clear()
    for method, path, operation in operations():
        client.request(**asking(method, path, operation))
    every = {f"{name}.{door}" for name, service in doors.behind.items() for door, _ in doors_of(type(service), SafeRpc)}
    public = {"payments.receive_notification"}
    shared = OF_EVERY_SERVICE | OF_KEEPERS.keys()
    wanted = {key for key in every - public - NO_ROUTE if key.partition(".")[2] not in shared}
    until(lambda: wanted <= {asked.key for asked in doors.asked}, "every door is asked")
    assert {asked.key for asked in doors.asked} <= every


@pytest.mark.parametrize("key", [*sorted(NO_ROUTE), *OF_ALL])
def test_doors_that_no_route_leads_to_alone_ask_for_a_permission_too(doors: Doors, key: str) -> None:
    name, _, door = key.partition(".")
    said = OF_KEEPERS | {
        "announce_year": {"year": 2027, "holidays": [], "makeup_days": []},
        "preview_template": {"code": "x", "channel": "sms", "language": "en", "variables": {}},
        "list_parked": {},
        "replay_parked": {"parked_id": 7},
    }
    with pytest.raises(Forbidden) as refused:
        getattr(doors.behind[name], door)(caller=STRANGER, **said[door])
    assert permission_of(refused.value) in set(Permission)


def test_a_channels_notification_is_heard_from_the_product_only(doors: Doors) -> None:
    said = {"channel": "wechat", "headers": {}, "body": ""}
    with pytest.raises(Forbidden):
        doors.behind["payments"].receive_notification(caller=STRANGER, **said)
