"""`?limit=&cursor=` as one dependency."""

from typing import Annotated, TypedDict

from fastapi import Depends

from gateway.resources.base import CursorQuery, LimitQuery
from services.common.paging import DEFAULT_LIMIT, MAX_LIMIT


class Window(TypedDict):
    """The arguments every list of a service takes."""

    limit: int
    cursor: str | None


async def window(limit: LimitQuery = DEFAULT_LIMIT, cursor: CursorQuery = None) -> Window:
    """A page's size and place. Async, or the framework would call it in a thread."""
    return {"limit": min(limit, MAX_LIMIT), "cursor": cursor}


Paging = Annotated[Window, Depends(window)]
