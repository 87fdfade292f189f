"""VOCABULARY of operation: what became of an event that had been set aside."""

from typing import Literal

from typing_extensions import TypedDict

from services.common.fields import Whole


class Replayed(TypedDict):
    """A parked event is on its way to its queue again."""

    id: Whole
    status: Literal["replayed"]
