"""The examples in the gateway's documentation are what a running stack answers, key by key: they cannot rot (J4)."""

from typing import Any

import pytest

from demo.examples.record import record
from gateway.openapi import EXAMPLES
from local.supervisor import Stack
from tests.support.api import Api
from tests.support.schemas import Schema, misfits, objects


@pytest.fixture(scope="module")
def document(stack: Stack) -> Schema:
    return dict(Api(stack.url).get("/openapi.json"))


@pytest.fixture(scope="module")
def answers(stack: Stack) -> dict[str, Any]:
    """The month and the walk through the office once more, on the journeys' own stack."""
    return record(stack.url, stack.amqp_uri, lambda _: None)


def schema_of(operation: str, document: Schema) -> Schema:
    """What an operation answers when all is well."""
    (found,) = [
        answered["content"]["application/json"]["schema"]
        for operations in document["paths"].values()
        for described in operations.values()
        if described["operationId"] == operation
        for status, answered in described["responses"].items()
        if status.startswith("2")
    ]
    return dict(found)


def keys(answer: Any, schema: Schema, document: Schema) -> dict[str, set[str]]:
    """Where an answer has objects → the keys of all of them."""
    found: dict[str, set[str]] = {}
    for place, names in objects(answer, schema, document):
        found.setdefault(place, set()).update(names)
    return found


def test_a_running_stack_answers_what_is_documented(answers: dict[str, Any], document: Schema) -> None:
    wrong = {name: misfits(answer, schema_of(name, document), document) for name, answer in answers.items()}
    assert {name: faults for name, faults in wrong.items() if faults} == {}


def test_the_examples_have_the_keys_of_what_is_answered_now(answers: dict[str, Any], document: Schema) -> None:
    assert answers.keys() == EXAMPLES.keys()
    for name, answer in answers.items():
        schema = schema_of(name, document)
        now, shown = keys(answer, schema, document), keys(EXAMPLES[name], schema, document)
        assert {
            place: now[place] ^ shown[place] for place in now.keys() & shown.keys() if now[place] ^ shown[place]
        } == {}
