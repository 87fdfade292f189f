"""What doors answer is typed to the last key: no `any`, every key required, whole numbers as int64, lists as pages."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from services.common.database import SERVICES
from services.common.messaging.describing import describe

Schema = dict[str, Any]
DESCRIBED: dict[str, Schema] = {
    service: describe(import_module(f"services.{service}.service").SERVICE) for service in SERVICES
}
DOORS = [(service, door) for service, described in DESCRIBED.items() for door in described["doors"]]


def answer_of(service: str, door: str) -> Schema:
    return dict(DESCRIBED[service]["doors"][door]["answer"])


def faults(
    schema: dict[str, Any], shared: dict[str, Any], place: str, seen: frozenset[str] = frozenset()
) -> Iterator[str]:
    """What a schema leaves open, with the place at which it does."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        if name not in seen:
            yield from faults(shared[name], shared, place, seen | {name})
        return
    choices = schema.get("anyOf", schema.get("oneOf", []))
    for choice in choices:
        yield from faults(choice, shared, place, seen)
    kind = schema.get("type")
    if not choices and kind is None and "enum" not in schema and "const" not in schema:
        yield f"{place}: anything"
    if kind == "integer" and schema.get("format") != "int64":
        yield f"{place}: a whole number that is no int64"
    if place.endswith("_fen") and kind not in ("integer", "null", None):
        yield f"{place}: money that is no whole number"
    if kind == "array":
        yield from faults(schema.get("items", {}), shared, f"{place}[]", seen)
    if kind == "object":
        yield from _faults_of_object(schema, shared, place, seen)


def _faults_of_object(
    schema: dict[str, Any], shared: dict[str, Any], place: str, seen: frozenset[str]
) -> Iterator[str]:
    fields, values = schema.get("properties", {}), schema.get("additionalProperties", False)
    if not fields and not isinstance(values, dict):
        yield f"{place}: an object of anything"
    if values is True:
        yield f"{place}: further keys"
    if isinstance(values, dict):
        yield from faults(values, shared, f"{place}.*", seen)
    for field in sorted(fields.keys() - set(schema.get("required", []))):
        yield f"{place}.{field}: may be missing"
    if isinstance(fields.get("items"), dict) and "next_cursor" not in fields:
        yield f"{place}: a list without next_cursor"
    for field, inner in fields.items():
        yield from faults(inner, shared, f"{place}.{field}", seen)


@pytest.mark.parametrize(("service", "door"), DOORS)
def test_an_answer_is_typed_to_the_last_key(service: str, door: str) -> None:
    assert list(faults(answer_of(service, door), DESCRIBED[service].get("$defs", {}), door)) == []


def test_what_is_left_open_is_noticed() -> None:
    schema = {"type": "object", "properties": {"a_fen": {"type": "number"}, "b": {}, "items": {"type": "array"}}}
    assert len(list(faults(schema, {}, "x"))) == 7
