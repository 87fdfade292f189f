"""Contracts are what the code does: schemas, subscriptions, doors, tables, metrics."""

import ast
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from services.common.contracts.events import EVENTS
from services.common.database import SERVICES
from services.common.messaging.topology import subscriptions
from services.common.process import schemas

ROOT = Path(__file__).parents[2]
LONGEST_DOOR = 5


def service_class(service: str) -> Any:
    return import_module(f"services.{service}.service").SERVICE


def test_event_schemas_have_not_drifted() -> None:
    assert schemas.drift() == []


def test_every_event_is_heard_by_exactly_its_audience() -> None:
    heard: dict[str, set[str]] = {event.NAME: set() for event in EVENTS}
    for service in SERVICES:
        for _door, event in subscriptions(service_class(service)):
            heard[event.NAME].add(service)
    assert heard == {event.NAME: set(event.AUDIENCE) for event in EVENTS}
    assert all(heard.values()), "an event nobody hears stays in the outbox for ever"


@pytest.mark.parametrize("service", SERVICES)
def test_event_doors_are_named_by_their_trigger(service: str) -> None:
    for door, event in subscriptions(service_class(service)):
        assert door.startswith("on_"), f"{service}.{door} handles {event.NAME}"


def test_doors_are_short() -> None:
    found = [door for path in (ROOT / "services").rglob("service.py") for door in doors(path)]
    assert len(found) > 50
    assert [door for door, lines in found if lines > LONGEST_DOOR] == []


def doors(path: Path) -> Iterator[tuple[str, int]]:
    """Every door of a file with how many lines it has below its signature and its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and any(is_door(mark) for mark in node.decorator_list):
            first, last = node.body[1], node.body[-1]
            yield f"{path.parent.name}.{node.name}", (last.end_lineno or 0) - first.lineno + 1


def is_door(mark: ast.expr) -> bool:
    name = mark.func if isinstance(mark, ast.Call) else mark
    return isinstance(name, ast.Name) and name.id in {"rpc", "event_handler", "timer"}


@pytest.mark.parametrize("service", SERVICES)
def test_tables_are_what_the_migrations_build(service: str, database: Callable[[str], Engine]) -> None:
    service_class(service)  # imports every room, so that the metadata is whole
    metadata = import_module(f"services.{service}.tables").metadata
    with database(service).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [item for item in compare_metadata(context, metadata) if not is_alembic(item)]
    assert differences == []


def is_alembic(item: Any) -> bool:
    return isinstance(item, tuple) and getattr(item[1], "name", "") == "alembic_version"


def test_every_metric_is_documented_and_labels_hold_no_person() -> None:
    declared: dict[str, str] = {}
    for folder in ("services", "gateway"):
        for path in (ROOT / folder).rglob("*.py"):
            for kind, name, rest in METRIC.findall(path.read_text()):
                suffix = "_total" if kind == "Counter" and not name.endswith("_total") else ""
                declared[name + suffix] = rest
    documented = {row[0]: row[1] for row in ROW.findall((ROOT / "docs/metrics.md").read_text())}
    assert len(declared) > 15
    assert declared.keys() == documented.keys()
    for name, labels in documented.items():
        assert not PERSONAL & set(labels.replace(" ", "").split(",")), f"{name} names a person"


METRIC = re.compile(r'(Counter|Gauge|Histogram|GaugeMetricFamily|_?gauge)\(\s*"(estateloop_\w+)"(.*)')
ROW = re.compile(r"^\| `(estateloop_\w+)` \|[^|]+\|([^|]*)\|", re.MULTILINE)
PERSONAL = {"household", "owner", "phone", "name", "unit", "staff", "email"}
