"""LAW of a change of policy (ADR 23): from which day it may hold, who may decide on it, and when it is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.common.contracts.answers.policies import ChangeStatus, PolicyName

_ONE_DAY = timedelta(days=1)
YEARS_AHEAD = 5


@dataclass(frozen=True)
class Draft:
    """A change as it is asked for; `estate` None: the group's; `new_values` None: as the group's again."""

    policy: PolicyName
    estate: str | None
    new_values: Mapping[str, Any] | None
    effective_from: date
    reason: str


@dataclass(frozen=True)
class Change:
    """A change on record."""

    id: UUID
    policy: PolicyName
    estate: str | None
    new_values: dict[str, Any] | None
    effective_from: date
    reason: str
    status: ChangeStatus
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    applied_at: datetime | None


def first_day(today: date, *, has_days: bool) -> date:
    """The first day from which a policy may be changed: today, never the past.

    What is asked of any day (`has_days`) begins tomorrow, for today's figures have been told.
    """
    return today + _ONE_DAY if has_days else today


def last_day(today: date) -> date:
    """The last day from which it may be."""
    return today.replace(year=today.year + YEARS_AHEAD, day=1)


def carried_out_on(effective_from: date, *, has_days: bool) -> date:
    """The day on which a granted change is written: its own; what has days of its own the day before, to be in time."""
    return effective_from - _ONE_DAY if has_days else effective_from


def may_be_withdrawn(change: Change) -> bool:
    """Whether it has had no effect yet."""
    return change.status == "pending" or (change.status == "approved" and change.applied_at is None)
