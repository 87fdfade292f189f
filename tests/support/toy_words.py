"""What the toy service is told, and its tables; free of eventlet, so that a test may import it."""

from typing import ClassVar

from services.common.contracts.base import Event

SCHEMA = """
CREATE TABLE heard (id bigint GENERATED ALWAYS AS IDENTITY, word text NOT NULL, aggregate text NOT NULL);
CREATE TABLE tried (id bigint GENERATED ALWAYS AS IDENTITY, word text NOT NULL);
CREATE TABLE broken (word text NOT NULL);
"""


class Said(Event):
    NAME: ClassVar[str] = "said"
    SOURCE: ClassVar[str] = "toy"
    AUDIENCE: ClassVar[tuple[str, ...]] = ("toy",)
    word: str


class Shouted(Said):
    NAME: ClassVar[str] = "shouted"
