"""PORT that every provider of a channel implements: one call out, one of three answers back (F1).

An adapter is called outside any transaction and never raises: what went wrong is an answer too. It sends `key` so that
a provider which sees the same key again delivers nothing a second time. Nothing of a parcel may be logged.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class Parcel:
    """What is handed to a provider. `key` is the message's id, the same at every repeat; `cause` our reference."""

    key: UUID
    cause: str
    address: str
    template: str
    language: str
    subject: str
    text: str


@dataclass(frozen=True)
class Delivered:
    """The provider took it; `receipt` is its proof."""

    receipt: str


@dataclass(frozen=True)
class Refused:
    """It will never be taken over this channel: a wrong number, a rejected template."""

    reason: str


@dataclass(frozen=True)
class Unreachable:
    """The provider did not answer, or asks to come back later; the outcome of the call is unknown."""

    reason: str


Outcome = Delivered | Refused | Unreachable


class Port(Protocol):
    """A channel's provider."""

    def send(self, parcel: Parcel) -> Outcome:
        """Hand the parcel over."""
        ...
