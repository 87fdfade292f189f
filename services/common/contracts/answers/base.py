"""VOCABULARY of answers: a list, and something that was made.

An answer is a TypedDict: a plain dictionary on its way, a type for whoever builds or reads it. Every key is required;
what does not apply is null. Amounts and counts are `Fen` and `Whole` (services/common/fields.py).
"""

from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

Item = TypeVar("Item")
Cursor = Annotated[str | None, Field(description="Brings the next page as `?cursor=`; null on the last")]


class Page(TypedDict, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: Cursor


class Created(TypedDict):
    """Something was started or made; ask for it by its id."""

    id: UUID


# A text that people read, in both languages.
Bilingual = TypedDict("Bilingual", {"zh-CN": str, "en": str})
