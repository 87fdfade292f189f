"""Drain and wait: a test waits for a condition, never for a length of time."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
POLL_SECONDS = 0.02


def until(condition: Callable[[], Value], what: str = "it came true", deadline: float = 20.0) -> Value:
    """The first true answer of `condition`; AssertionError naming `what` when there is none in time."""
    end = time.monotonic() + deadline
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline} s in vain until {what}")
        time.sleep(POLL_SECONDS)
