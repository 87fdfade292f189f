"""PROCESS: what every service class is built on: transaction, clock, anchor, parked events, metrics of both."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar

from nameko.extensions import DependencyProvider
from nameko.timer import Timer
from prometheus_client import Metric
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.operation import Replayed
from services.common.database import transaction
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import parking
from services.common.messaging.consumer import Anchor
from services.common.messaging.handler import dead_letter_handler, event_handler
from services.common.messaging.outbox import backlog
from services.common.messaging.parking import ParkedEvent
from services.common.messaging.rpc import rpc
from services.common.observability.logs import get_logger, new_trace_id, set_trace_id
from services.common.observability.metrics import gauge, timer_failures_total
from services.common.paging import DEFAULT_LIMIT, Limit

__all__ = ["EstateService", "event_handler", "rpc", "timer"]
log = get_logger(__name__)


class Database(DependencyProvider):
    """Hands the process's engine to each worker's service object."""

    def get_dependency(self, _worker: Any) -> Engine:
        """The one engine."""
        return self.container.config["engine"]  # type: ignore[no-any-return]


class Tracing(DependencyProvider):
    """Joins the trace that the request or the event belongs to, or starts one."""

    def worker_setup(self, worker: Any) -> None:
        """Runs in the worker's own greenlet before the door; must not raise."""
        trace_id = worker.data.get("trace_id")
        set_trace_id(trace_id if isinstance(trace_id, str) and trace_id else new_trace_id())


class SafeTimer(Timer):
    """Nameko's timer, whose failures are counted."""

    def handle_result(self, worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """The tick is over, well or not; the next one tries again."""
        if exc_info is not None:
            timer_failures_total.labels(self.container.service_name, self.method_name).inc()
            log.error("timer failed", extra={"timer": self.method_name}, exc_info=exc_info)
        return super().handle_result(worker, result, exc_info)  # type: ignore[no-any-return]


def timer(seconds: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a door every `seconds` in every replica: it must claim its rows FOR UPDATE SKIP LOCKED."""
    return SafeTimer.decorator(seconds)  # type: ignore[no-any-return]


class EstateService:
    """Base of the five services."""

    name: ClassVar[str]
    engine = Database()
    tracing = Tracing()
    anchor = Anchor("nobody")

    def transaction(self) -> AbstractContextManager[Session]:
        """A session that commits when the block ends."""
        return transaction(self.engine)

    def clock(self) -> datetime:
        """Now, in UTC; the only place a service asks for it."""
        return datetime.now(UTC)

    @rpc
    def list_parked(self, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None) -> Page[ParkedEvent]:
        """Events that could not be applied, oldest first."""
        caller.require(Permission.READ_PARKED_EVENTS)
        with self.transaction() as session:
            return parking.list_waiting(session, limit, cursor)

    @rpc
    def replay_parked(self, caller: Caller, parked_id: int) -> Replayed:
        """Send a parked event to its queue again."""
        caller.require(Permission.REPLAY_PARKED_EVENT)
        with self.transaction() as session:
            parking.replay(session, parked_id, self.clock())
        return Replayed(id=parked_id, status="replayed")

    @dead_letter_handler
    def on_dead_letter(self) -> None:
        """Never called: the entrypoint parks dead letters by itself; the method only carries it."""

    def collect_metrics(self) -> Iterable[Metric]:
        """Gauges read from the database at each scrape; a service yields its own after `super()`'s."""
        with self.transaction() as session:
            pending, oldest = backlog(session)
            parked_count = parking.count_waiting(session)
        yield self._gauge("estateloop_outbox_pending", "Events recorded and not yet published", pending)
        yield self._gauge("estateloop_outbox_oldest_seconds", "Age of the oldest of them that is due", oldest)
        yield self._gauge("estateloop_events_parked", "Events set aside with an error", parked_count)

    def _gauge(self, name: str, help_text: str, value: float) -> Metric:
        return gauge(name, help_text, ["service"], [([self.name], value)])
