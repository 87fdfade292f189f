"""What the API answered, by operation: of many answers the one that says most, cut to what a person reads."""

import re
from threading import Lock
from typing import Any

from demo.api import Json

ITEMS = 2  # of each list
TOKEN = "eyJhbGciOi…"
SUCCESS = re.compile("2..")


class Recording:
    """Listens to a client of the API. Safe to use from several threads."""

    def __init__(self, document: Json) -> None:
        self._operations = [
            (method.upper(), _pattern(path), operation["operationId"])
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if answers_json(operation)
        ]
        self._examples: dict[str, Json] = {}
        self._lock = Lock()

    def hear(self, method: str, path: str, answer: Json) -> None:
        """Keep an answer, unless a better one of the same operation is there; one with a part missing is none."""
        operation = next((name for verb, form, name in self._operations if verb == method and form.fullmatch(path)), "")
        example = shortened(answer)
        with self._lock:
            if operation and not example.get("degraded") and weight(example) > weight(self._examples.get(operation)):
                self._examples[operation] = example

    def __getitem__(self, operation: str) -> Json:
        """The example of an operation so far."""
        return self._examples[operation]

    def examples(self) -> dict[str, Json]:
        """Operation → example, in the order of the alphabet."""
        return dict(sorted(self._examples.items()))

    def missing(self) -> list[str]:
        """Operations that answer JSON and were not heard to."""
        return sorted({name for _, _, name in self._operations} - self._examples.keys())


def answers_json(operation: Json) -> bool:
    """Whether an operation answers JSON of ours when all is well; a webhook answers in its channel's words."""
    answers = [answer for status, answer in operation["responses"].items() if SUCCESS.fullmatch(status)]
    return operation["operationId"] != "receiveNotification" and any(
        "application/json" in answer.get("content", {}) for answer in answers
    )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def shortened(value: Any, name: str = "") -> Any:
    """A value with its lists cut to their first items and without what would let somebody in."""
    if isinstance(value, dict):
        return {key: shortened(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value[:ITEMS]]
    return TOKEN if name == "access_token" else value


def weight(value: Any) -> int:
    """How much a value says: what is null or empty says nothing."""
    if isinstance(value, dict):
        return 1 + sum(weight(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(weight(inner) for inner in value)
    return 0 if value is None else 1
