"""Writes docs/events/*.json, the JSON Schema of every event; `--check` fails when they are not what the code says."""

import json
import sys
from pathlib import Path
from typing import Any

from services.common.contracts.base import Event
from services.common.contracts.events import EVENTS

FOLDER = Path(__file__).parents[3] / "docs" / "events"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The event's data as JSON Schema, with where it comes from and who reads it."""
    schema = event.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-event": event.NAME,
        "x-version": event.VERSION,
        "x-source": event.SOURCE,
        "x-audience": list(event.AUDIENCE),
    }
    return head | schema


def rendered() -> dict[str, str]:
    """File name → content, for every event."""
    return {
        f"{event.SOURCE}.{event.NAME}.v{event.VERSION}.json": json.dumps(
            schema_of(event), indent=2, ensure_ascii=False, sort_keys=True
        )
        + "\n"
        for event in EVENTS
    }


def drift() -> list[str]:
    """What differs between the folder and the code."""
    wanted = rendered()
    found = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    missing = [f"missing: {name}" for name in sorted(wanted.keys() - found.keys())]
    stale = [f"no such event: {name}" for name in sorted(found.keys() - wanted.keys())]
    changed = [f"changed: {name}" for name in sorted(wanted) if name in found and found[name] != wanted[name]]
    return missing + stale + changed


def write() -> None:
    """Make the folder what the code says."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, content in rendered().items():
        (FOLDER / name).write_text(content)


def main(arguments: list[str]) -> int:
    """`--check` compares, nothing writes."""
    if arguments != ["--check"]:
        write()
        return 0
    differences = drift()
    sys.stderr.writelines(f"{line}\n" for line in differences)
    if differences:
        sys.stderr.write("docs/events is not what the contracts say: run `make schemas` and read the change\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
