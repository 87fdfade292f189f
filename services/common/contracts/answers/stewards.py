"""VOCABULARY of stewards: who answers for a building on which days (首问负责, A4)."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor


class TermDays(TypedDict):
    """A steward answers for a building from a day to a day, both inclusive."""

    staff: str
    from_date: Annotated[date | None, Field(description="null: from the beginning")]
    to_date: Annotated[date | None, Field(description="null: while it lasts")]


class StewardTerm(TermDays):
    """A term and who set it; null: it came with the first file."""

    set_by: str | None
    set_at: datetime | None


class Stewardship(TermDays):
    """A term in the list of an estate."""

    building: str
    name: str | None


class Steward(TypedDict):
    """Who answers for a building today, and who did and will."""

    estate: str
    building: str
    steward: Annotated[str | None, Field(description="null: nobody does today")]
    items: list[StewardTerm]
    next_cursor: Cursor
