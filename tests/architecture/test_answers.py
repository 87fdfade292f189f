"""What doors answer is typed to the last key: no `any`, every key required, whole numbers as int64, lists as pages."""

from importlib import import_module

import pytest

from services.common.database import SERVICES
from services.common.messaging.describing import describe
from tests.support.schemas import Schema, faults

DESCRIBED: dict[str, Schema] = {
    service: describe(import_module(f"services.{service}.service").SERVICE) for service in SERVICES
}
DOORS = [(service, door) for service, described in DESCRIBED.items() for door in described["doors"]]


def answer_of(service: str, door: str) -> Schema:
    return dict(DESCRIBED[service]["doors"][door]["answer"])


@pytest.mark.parametrize(("service", "door"), DOORS)
def test_an_answer_is_typed_to_the_last_key(service: str, door: str) -> None:
    assert list(faults(answer_of(service, door), DESCRIBED[service].get("$defs", {}), door)) == []


def test_what_is_left_open_is_noticed() -> None:
    schema = {"type": "object", "properties": {"a_fen": {"type": "number"}, "b": {}, "items": {"type": "array"}}}
    assert len(list(faults(schema, {}, "x"))) == 7
