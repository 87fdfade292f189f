"""STORY of statuses: recorded → the days worked out → units follow what is in force today (A1, B3).

Whoever records holds the estate alone, so that no bill run sees half of it.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.statuses import rules, tables
from services.billing.portfolio.statuses.rules import StatusDays
from services.billing.portfolio.statuses.tables import NewStatus
from services.billing.portfolio.tables import HeldUnit


def record(session: Session, changes: Sequence[NewStatus], by: str, now: datetime) -> None:
    """Write what was said of some units; `settle` lets it take effect."""
    if changes:
        tables.add(session, changes, by, now)


def undo(session: Session, transfer_id: UUID, now: datetime) -> None:
    """What a transfer brought with it never was."""
    tables.undo(session, transfer_id, now)


def settle(session: Session, unit_ids: Collection[int], today: date) -> None:
    """Work out the days of units after something was recorded or undone."""
    days = {
        unit_id: rules.status_days(changes) for unit_id, changes in tables.standing(session, unit_ids).items()
    }  # fmt: skip
    if days:
        tables.write_days(session, days, today)
        tables.take_effect(session, days, today)


def take_over(session: Session, estate_id: int, today: date) -> None:
    """Let the statuses of an estate take effect whose day has come."""
    tables.take_effect(session, tables.due_units(session, estate_id, today), today)


def days_of(session: Session, unit: HeldUnit) -> list[StatusDays]:
    """The status of a unit on every day; of one that never changed, one spell without ends."""
    return tables.days_of(session, unit.id) or [StatusDays(unit.status, BEGINNING, None)]
