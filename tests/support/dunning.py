"""Days of the ladder, what a sweep told, and a complaint that holds it."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from services.billing.dunning import holds
from services.common.contracts.events import DunningItem, DunningStepsDue
from tests.support.books import Books, day
from tests.support.outbox import events

DUE = "2026-10-15"


def on(days: int, due: str = DUE) -> str:
    return (day(due) + timedelta(days=days)).isoformat()


def items(books: Books) -> list[DunningItem]:
    return [item for event in events(books.session, DunningStepsDue) for item in event.items]


def complain(books: Books, at: datetime, household: str = "H1", source: UUID | None = None) -> UUID:
    source = source or uuid4()
    holds.hold(books.session, "complaint", source, household, at, holds_dunning=True)
    return source
