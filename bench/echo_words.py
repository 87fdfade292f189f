"""The event of the bench service, free of eventlet."""

from typing import ClassVar

from services.common.contracts.base import Event


class Ticked(Event):
    """The clock of the bench ticked."""

    NAME: ClassVar[str] = "ticked"
    SOURCE: ClassVar[str] = "bench"
    AUDIENCE: ClassVar[tuple[str, ...]] = ("bench",)
    number: int
