"""STORY of the status of units in a file: what is news is recorded from its day on (A1, B3).

As with payers a file counts where it says something new against the last file: a status that somebody set since is left
alone. What is new holds from `status_from` on; without it from the day on which the row lets the unit pass to another
payer, else from today. A unit that is new is since ever what the file says.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from services.billing.imports.passing import Holders, Passing
from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.statuses import recording, tables
from services.billing.portfolio.statuses.rules import StatusChange, is_news
from services.billing.portfolio.statuses.tables import NewStatus
from services.billing.portfolio.tables import HeldUnit
from services.common.sheets.reading import Row


def sort_out(
    session: Session, rows: Sequence[tuple[Row, dict[str, Any]]], holders: Holders, passing: Passing, today: date
) -> list[NewStatus]:
    """Take the status of units that exist out of `rows`, each with its unit as it will be written; what is news."""
    pairs = [(row, unit, holders[key]) for row, unit in rows if (key := (unit["estate_id"], unit["code"])) in holders]
    passing_days = {transfer.unit_id: transfer.from_date for transfer in passing.transfers}
    standing = tables.standing(session, [holder.id for _, _, holder in pairs])
    changes: list[NewStatus] = []
    for row, unit, holder in pairs:
        status, since = unit["status"], row["status_from"]
        unit["status"] = holder.status
        if holder.id not in passing.stale and is_news(status, since, standing.get(holder.id) or _before(holder)):
            day = since or passing_days.get(holder.id, today)
            changes.append(NewStatus(holder.id, status, day, "import"))
    return changes


def _before(holder: HeldUnit) -> list[StatusChange]:
    return [StatusChange(holder.status, BEGINNING, "before")]


def changed_keys(
    holders: Holders, passing: Passing, changes: Sequence[NewStatus], today: date
) -> Iterator[tuple[int, str]]:
    """(estate id, unit) of units that are not as they were; a file that says what holds already has only caught up."""
    new_statuses = {change.unit_id: (change.status, change.from_date) for change in changes}
    for key, holder in holders.items():
        as_it_is = (holder.status, today)
        if holder.id in passing.units or new_statuses.get(holder.id, as_it_is) != as_it_is:
            yield key


def carry_out(session: Session, changes: Sequence[NewStatus], source: str, now: datetime, today: date) -> None:
    """Record the changes and let them take effect."""
    recording.record(session, changes, source, now)
    recording.settle(session, [change.unit_id for change in changes], today)
