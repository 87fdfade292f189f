"""PROCESS that writes docs/events/*.json and docs/rpc/*.json, the JSON Schemas of every event and of every door.

`--check` fails when they are not what the code says.
"""

import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from services.common.contracts.base import Event
from services.common.contracts.events import EVENTS
from services.common.database import SERVICES
from services.common.messaging.describing import describe

DOCS = Path(__file__).parents[3] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Rendered = Mapping[str, str]


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The event's data as JSON Schema, with where it comes from and who reads it."""
    schema = event.model_json_schema()
    head = {
        "$schema": DIALECT,
        "x-event": event.NAME,
        "x-version": event.VERSION,
        "x-source": event.SOURCE,
        "x-audience": list(event.AUDIENCE),
    }
    return head | schema


def events() -> Rendered:
    """File name → content, for every event."""
    return {f"{event.SOURCE}.{event.NAME}.v{event.VERSION}.json": _text(schema_of(event)) for event in EVENTS}


def doors() -> Rendered:
    """File name → content, for every service: its doors by name."""
    classes = {service: import_module(f"services.{service}.service").SERVICE for service in SERVICES}
    return {f"{service}.json": _text({"$schema": DIALECT} | describe(cls)) for service, cls in classes.items()}


FOLDERS: Mapping[str, Callable[[], Rendered]] = {"events": events, "rpc": doors}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def drift() -> list[str]:
    """What differs between the folders and the code."""
    return [line for folder, rendered in FOLDERS.items() for line in _differences(DOCS / folder, rendered())]


def _differences(folder: Path, wanted: Rendered) -> list[str]:
    stand = {path.name: path.read_text() for path in folder.glob("*.json")}
    missing = [f"missing: {folder.name}/{name}" for name in sorted(wanted.keys() - stand.keys())]
    stale = [f"of nothing: {folder.name}/{name}" for name in sorted(stand.keys() - wanted.keys())]
    changed = [
        f"changed: {folder.name}/{name}" for name in sorted(wanted) if stand.get(name, wanted[name]) != wanted[name]
    ]
    return missing + stale + changed


def write() -> None:
    """Make the folders what the code says."""
    for name, rendered in FOLDERS.items():
        folder = DOCS / name
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        for file, content in rendered().items():
            (folder / file).write_text(content)


def main(arguments: list[str]) -> int:
    """`--check` compares, nothing writes."""
    if arguments != ["--check"]:
        write()
        return 0
    differences = drift()
    sys.stderr.writelines(f"{line}\n" for line in differences)
    if differences:
        sys.stderr.write("docs/ is not what the contracts say: run `make schemas` and read the change\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
