"""LAW of batches: cutting what is told to other services into events of bearable size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from services.common.contracts.events import BATCH

Entry = TypeVar("Entry")


def batches(entries: Iterable[Entry], size: int = BATCH) -> Iterator[list[Entry]]:
    """Lists of at most `size` entries, in order; nothing for no entries."""
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
