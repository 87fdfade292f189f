"""Days of the ladder, what a sweep told, and a complaint that holds it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from services.billing.collections.dunning import handlers as sweeps
from services.billing.collections.dunning.treatment import disputes
from services.billing.holds import handlers as holds
from services.billing.receivables.allocation.handlers import allocate_payment
from services.common.contracts.answers.dunning import DisputeOutcome
from services.common.contracts.events import DunningItem, DunningStepsDue
from tests.support.billing.books import NOW, SYSTEM, Books, day, settled
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


@dataclass
class Diary:
    """Things that happen one after the other: each at a later instant, whatever days the sweeps are for."""

    books: Books
    now: datetime = NOW

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def sweep(self, days: int) -> list[str]:
        """Sweep for a day after DUE; the new steps as household:step."""
        before = self.books.one("SELECT COALESCE(max(id), 0) FROM dunning_action")
        sweep_id = uuid4()
        sweeps.start_sweep(self.books.session, SYSTEM, sweep_id, sweeps.SweepRequest(day(on(days))), self.tick())
        for slice_id in self.books.slices(sweep_id):
            sweeps.sweep_slice(self.books.session, slice_id, self.tick())
        query = text("SELECT h.code, a.step FROM dunning_action a JOIN household h ON h.id = a.household_id "
                     "WHERE a.id > :before ORDER BY a.id")  # fmt: skip
        return [f"{code}:{step}" for code, step in self.books.session.execute(query, {"before": before})]

    def daily(self, first: int, last: int) -> list[tuple[int, str]]:
        """Sweeps of many days: (day, household:step)."""
        return [(days, step) for days in range(first, last + 1) for step in self.sweep(days)]

    def pay(self, fen: int, days: int, household: str = "H1", bills: list[int] | None = None) -> None:
        event = settled(fen, on(days), household, bills=bills)
        allocate_payment(self.books.session, event, self.tick())

    def refund(self, bill_id: int, fen: int, days: int) -> None:
        """Principal that was paid comes back, as after a chargeback."""
        self.books.give_back(bill_id, fen, day(on(days)), now=self.tick())

    def dispute(self, bill_id: int) -> None:
        disputes.dispute_bill(self.books.session, SYSTEM, bill_id, uuid4(), "wrong area", self.tick())

    def settle(self, bill_id: int, outcome: DisputeOutcome = "rejected") -> None:
        end = disputes.Settlement(outcome, "measured again")
        disputes.settle_dispute(self.books.session, SYSTEM, bill_id, uuid4(), end, self.tick())

    def void(self, bill_id: int) -> None:
        self.books.session.execute(
            text("UPDATE bill SET voided_at = :at WHERE id = :id"), {"at": self.tick(), "id": bill_id}
        )
