"""VOCABULARY of statuses: whether a unit is occupied, vacant or unsold, day by day (A1, B3)."""

from datetime import date
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor
from services.common.contracts.answers.portfolio import UnitStatus
from services.common.contracts.answers.transfers import BillToReissue


class StatusSpell(TypedDict):
    """A status of a unit from a day to a day, both inclusive, and whether today is one of them."""

    status: UnitStatus
    from_date: Annotated[date | None, Field(description="null: from the beginning")]
    to_date: Annotated[date | None, Field(description="null: while it lasts")]
    current: bool


class UnitStatuses(TypedDict):
    """The status of a unit on every day (A1)."""

    unit: str
    status: Annotated[UnitStatus, Field(description="Today")]
    items: list[StatusSpell]
    next_cursor: Cursor


class ChangedStatus(UnitStatuses):
    """The status of a unit on every day now, and bills for days that have another one now."""

    bills_to_reissue: list[BillToReissue]
