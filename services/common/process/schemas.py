"""PROCESS that writes docs/events/*.json and docs/rpc/*.json, the JSON Schemas of every event and of every door.

`--check` fails when they are not what the code says.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from services.common import golden
from services.common.contracts.base import Event
from services.common.contracts.events import EVENTS
from services.common.database import SERVICES
from services.common.messaging.describing import describe

DOCS = Path(__file__).parents[3] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


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


def events() -> golden.Rendered:
    """File name → content, for every event."""
    return {f"{event.SOURCE}.{event.NAME}.v{event.VERSION}.json": _text(schema_of(event)) for event in EVENTS}


def doors() -> golden.Rendered:
    """File name → content, for every service: its doors by name."""
    classes = {service: import_module(f"services.{service}.service").SERVICE for service in SERVICES}
    return {f"{service}.json": _text({"$schema": DIALECT} | describe(cls)) for service, cls in classes.items()}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def folders() -> golden.Folders:
    """What is written, by folder."""
    return {DOCS / "events": events(), DOCS / "rpc": doors()}


def drift() -> list[str]:
    """What differs between the folders and the code."""
    return golden.drift(folders())


def main(arguments: list[str]) -> int:
    """`--check` compares, nothing writes."""
    if arguments == ["--check"]:
        return golden.check(folders())
    golden.write(folders())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
