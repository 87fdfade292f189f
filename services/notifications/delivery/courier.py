"""STORY of the courier: claimed messages go to their providers, several at a time, with no transaction open meanwhile.

It is given everything it needs (transactions, clock, providers, how to run calls side by side), so that it works in
greenlets as well as in threads, and in several replicas at once.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter
from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import MessageChannel
from services.common.observability.logs import get_logger
from services.notifications.delivery.handlers import Dispatch, Terms, claim, record
from services.notifications.ports import Port

log = get_logger(__name__)
MESSAGES = Counter("estateloop_messages", "What became of messages, per attempt", ("channel", "outcome"))

Transaction = Callable[[], AbstractContextManager[Session]]
SideBySide = Callable[[Callable[[Dispatch], None], Iterable[Dispatch]], None]
"""Calls a function for each dispatch, some at a time, and returns when all are done."""


@dataclass(frozen=True)
class Courier:
    """`call_timeout`: with less than this left of the lease a call is left to whoever claims the message next."""

    transaction: Transaction
    clock: Callable[[], datetime]
    ports: Mapping[MessageChannel, Port]
    terms: Terms
    max_attempts: int
    call_timeout: timedelta
    side_by_side: SideBySide

    def work(self, rounds: int) -> int:
        """Deliver what is due, at most `rounds` batches; how many messages were taken."""
        total = 0
        for _ in range(rounds):
            batch_size = self.deliver_batch()
            total += batch_size
            if batch_size < self.terms.batch:
                break
        return total

    def deliver_batch(self) -> int:
        """Claim one batch, commit, call, record."""
        with self.transaction() as session:
            batch = claim(session, self.terms, self.clock())
        for channel, outcome in batch.settled:
            MESSAGES.labels(channel, outcome).inc()
        self.side_by_side(self.deliver, batch.calls)
        return batch.taken

    def deliver(self, call: Dispatch) -> None:
        """One call and its record. Logs ids only: address and words are personal data."""
        if self.clock() + self.call_timeout > call.until:
            log.info("lease too short, left for the next claim", extra={"message_id": call.parcel.key})
            return
        answer = self.ports[call.channel].send(call.parcel)
        with self.transaction() as session:
            outcome = record(session, call, answer, self.max_attempts, self.clock())
        MESSAGES.labels(call.channel, outcome or "lease_lost").inc()
        if outcome != "sent":
            log.warning("message not delivered", extra={"message_id": call.parcel.key, "outcome": outcome})
