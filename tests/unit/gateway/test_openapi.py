"""/openapi.json: every call of the contract, with ids, examples that fit their schemas, and problem answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from demo.examples.recording import answers_json
from gateway.app import create_app
from gateway.openapi import EXAMPLES
from tests.support.gateway import settings_for_tests
from tests.support.schemas import faults, misfits

DOCUMENT: dict[str, Any] = create_app(settings_for_tests()).openapi()
PROBES = ("/healthz", "/readyz", "/metrics")
CONTRACT = [
    "POST /v1/auth/dev-token",
    "POST /v1/imports/{kind}",
    "GET /v1/estates",
    "GET /v1/estates/{estate}",
    "GET /v1/estates/{estate}/buildings",
    "GET /v1/estates/{estate}/units",
    "GET /v1/households/{household}",
    "GET /v1/tariffs",
    "POST /v1/tariffs/{tariff_id}/publish",
    "POST /v1/estates/{estate}/tariffs/publish",
    "GET /v1/estates/{estate}/billing-policy",
    "PUT /v1/estates/{estate}/billing-policy",
    "POST /v1/shared-costs",
    "GET /v1/shared-costs",
    "POST /v1/charges",
    "POST /v1/bill-runs",
    "GET /v1/bill-runs/{run_id}",
    "GET /v1/households/{household}/bills",
    "GET /v1/households/{household}/statement",
    "GET /v1/bills/{bill_id}/explanation",
    "POST /v1/bills/{bill_id}/void",
    "POST /v1/waivers",
    "POST /v1/waivers/{waiver_id}/approve",
    "POST /v1/waivers/{waiver_id}/reject",
    "GET /v1/arrears",
    "PUT /v1/households/{household}/arrears-cause",
    "POST /v1/dunning/sweeps",
    "GET /v1/dunning/sweeps/{sweep_id}",
    "GET /v1/dunning/cases",
    "GET /v1/dunning/cases/{household}",
    "POST /v1/dunning/cases/{household}/contacts",
    "GET /v1/collection-rates",
    "GET /v1/ledger/trial-balance",
    "POST /v1/instalment-plans",
    "GET /v1/instalment-plans",
    "GET /v1/instalment-plans/{plan_id}",
    "POST /v1/instalment-plans/{plan_id}/cancel",
    "GET /v1/late-fees",
    "POST /v1/payments",
    "GET /v1/payments/{payment_id}",
    "POST /v1/webhooks/{channel}",
    "POST /v1/sandbox/payments/{payment_id}/pay",
    "GET /v1/sandbox/inbox",
    "POST /v1/work-orders",
    "GET /v1/work-orders",
    "GET /v1/work-orders/{order_id}",
    "POST /v1/work-orders/{order_id}/dispatch",
    "POST /v1/work-orders/{order_id}/accept",
    "POST /v1/work-orders/{order_id}/arrive",
    "POST /v1/work-orders/{order_id}/complete",
    "POST /v1/work-orders/{order_id}/confirm",
    "POST /v1/work-orders/{order_id}/reopen",
    "POST /v1/work-orders/{order_id}/pause",
    "POST /v1/work-orders/{order_id}/resume",
    "POST /v1/work-orders/{order_id}/cancel",
    "POST /v1/complaints",
    "GET /v1/complaints",
    "GET /v1/complaints/{complaint_id}",
    "POST /v1/complaints/{complaint_id}/respond",
    "POST /v1/complaints/{complaint_id}/resolve",
    "POST /v1/complaints/{complaint_id}/close",
    "POST /v1/complaints/{complaint_id}/reopen",
    "GET /v1/surveys",
    "POST /v1/surveys/{survey_id}/answers",
    "GET /v1/surveys/{survey_id}/result",
    "GET /v1/notifications",
    "GET /v1/notification-templates",
    "PUT /v1/households/{household}/contact-preferences",
    "GET /v1/households/{household}/overview",
    "GET /v1/dashboards/group",
    "GET /v1/dashboards/estates/{estate}",
    "GET /v1/ops/parked-events",
    "POST /v1/ops/parked-events/{parked_id}/replay",
    "GET /v1/audit-log",
    "GET /v1/audit-log/verify",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


EVERY = [pytest.param(path, found, id=f"{method} {path}") for method, path, found in operations()]
GUARDED = [param for param in EVERY if param.values[0] not in PROBES]


SPOKEN = {operation["operationId"]: operation for _, _, operation in operations() if answers_json(operation)}


def answer_of(name: str) -> dict[str, Any]:
    """Schema and example of what an operation answers when all is well."""
    operation = SPOKEN[name]
    (status,) = [status for status in operation["responses"] if status.startswith("2")]
    return dict(operation["responses"][status]["content"]["application/json"])


def fits(example: Any, schema: dict[str, Any]) -> None:
    assert misfits(example, schema, DOCUMENT) == []


def test_the_document_is_openapi_3_1_and_has_every_path_of_the_contract() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert set(CONTRACT) <= {f"{method} {path}" for method, path, _ in operations()}
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_every_schema_that_is_referred_to_exists() -> None:
    text = str(DOCUMENT)
    for name in {part.split("'")[0] for part in text.split("'#/components/schemas/")[1:]}:
        assert name in DOCUMENT["components"]["schemas"]


def test_no_two_schemas_share_a_name() -> None:
    """Else both are called by the modules they stand in, and so are the types of every generated client."""
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []


@pytest.mark.parametrize(("path", "operation"), EVERY)
def test_bodies_and_parameters_have_examples_that_fit(path: str, operation: dict[str, Any]) -> None:
    assert operation["operationId"]
    assert operation["description"]
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    bodies += operation["responses"].values()
    media = [media for body in bodies for media in body.get("content", {}).values()]
    assert media
    for each in media:
        fits(each["example"], each["schema"])
    for parameter in operation.get("parameters", []):
        examples = parameter["schema"].get("examples") or [parameter.get("example")]
        if "enum" not in parameter["schema"]:
            fits(examples[0], parameter["schema"])
            assert examples[0] is not None, parameter["name"]


@pytest.mark.parametrize("name", SPOKEN)
def test_an_answer_is_typed_to_the_last_key(name: str) -> None:
    assert list(faults(answer_of(name)["schema"], DOCUMENT["components"]["schemas"], name)) == []


@pytest.mark.parametrize("name", SPOKEN)
def test_an_answers_example_is_what_the_demo_heard_and_fits(name: str) -> None:
    answer = answer_of(name)
    assert answer["example"] == EXAMPLES[name]
    fits(answer["example"], answer["schema"])


def test_no_example_is_of_nothing() -> None:
    assert EXAMPLES.keys() == SPOKEN.keys()


@pytest.mark.parametrize(("path", "operation"), GUARDED)
def test_every_call_tells_its_problems_and_roles(path: str, operation: dict[str, Any]) -> None:
    own = {"400", "401"} if operation["operationId"] == "receiveNotification" else set()  # in the channel's words
    problems = {status for status in operation["responses"] if int(status) >= 400} - own
    assert {"422", "429", "503"} <= problems
    signed = "x-roles" in operation
    assert signed == (operation.get("security") != [])
    assert not signed or {"401", "403"} <= problems
    named = {parameter["name"] for parameter in operation.get("parameters", [])} & {"estate", "household"}
    writes = "409" in problems
    assert not ("{" in path or named or writes) or "404" in problems
    for status in problems:
        content = operation["responses"][status]["content"]
        assert list(content) == ["application/problem+json"]
        assert content["application/problem+json"]["example"]["status"] == int(status)


def test_a_channel_hears_its_own_words() -> None:
    answers = DOCUMENT["paths"]["/v1/webhooks/{channel}"]["post"]["responses"]
    words = {status: answers[status]["content"]["application/json"]["example"]["code"] for status in ("200", "401")}
    assert words == {"200": "SUCCESS", "401": "FAIL"}


def test_requests_refuse_fields_they_do_not_know() -> None:
    for _, path, operation in operations():
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                schema = media["schema"]
                choices = schema.get("oneOf") or schema.get("anyOf", [schema])
                names = [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]
                assert names, path
                for name in names:
                    assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False, path


def test_money_and_bill_ids_say_that_they_need_64_bits() -> None:
    sums = {
        f"{model}.{name}": schema.get("anyOf", [schema])[0]
        for model, described in DOCUMENT["components"]["schemas"].items()
        for name, schema in described.get("properties", {}).items()
        if name.endswith("_fen") or name == "bill_id"
    }
    assert len(sums) > 40
    assert [name for name, schema in sums.items() if schema.get("format") != "int64"] == []
