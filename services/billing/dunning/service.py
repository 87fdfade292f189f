"""DOORS of dunning: sweeps, cases, and the events that hold escalation (D1, D3)."""

from datetime import date
from typing import Any
from uuid import UUID

from services.billing.dunning import cases, handlers, holds
from services.billing.dunning.cases import CaseCut
from services.billing.dunning.handlers import SweepRequest
from services.billing.dunning.ladder.service import LadderDoors
from services.billing.dunning.measures.service import MeasureDoors
from services.billing.dunning.treatment.service import TreatmentDoors
from services.common.access import Caller
from services.common.calendar import business_date
from services.common.contracts.events import (
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    PaymentExpired,
    PaymentStarted,
    SweepSliceRequested,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
)
from services.common.messaging import Message, first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.service import EstateService, event_handler, rpc


class HoldDoors(EstateService):
    """What other services tell that stops or resumes escalation (D3)."""

    @event_handler(ComplaintOpened)
    def on_complaint_opened(self, message: Message) -> None:
        """A complaint holds its household."""
        event = ComplaintOpened.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.hold(session, "complaint", event.complaint_id, event.household, event.opened_at,
                           holds_dunning=event.holds_dunning, learned_at=self.clock())  # fmt: skip

    @event_handler(ComplaintReopened)
    def on_complaint_reopened(self, message: Message) -> None:
        """It holds again."""
        event = ComplaintReopened.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.hold(session, "complaint", event.complaint_id, event.household, event.reopened_at,
                           holds_dunning=event.holds_dunning, learned_at=self.clock())  # fmt: skip

    @event_handler(ComplaintClosed)
    def on_complaint_closed(self, message: Message) -> None:
        """Its hold is released."""
        event = ComplaintClosed.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.release(session, "complaint", event.complaint_id, event.household, event.closed_at)

    @event_handler(WorkOrderOpened)
    def on_work_order_opened(self, message: Message) -> None:
        """A work order about our service holds its household."""
        event = WorkOrderOpened.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.hold(session, "work_order", event.work_order_id, event.household, event.opened_at,
                           holds_dunning=event.holds_dunning, learned_at=self.clock())  # fmt: skip

    @event_handler(WorkOrderReopened)
    def on_work_order_reopened(self, message: Message) -> None:
        """It holds again."""
        event = WorkOrderReopened.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.hold(session, "work_order", event.work_order_id, event.household, event.reopened_at,
                           holds_dunning=event.holds_dunning, learned_at=self.clock())  # fmt: skip

    @event_handler(WorkOrderFinished)
    def on_work_order_finished(self, message: Message) -> None:
        """Its hold is released."""
        event = WorkOrderFinished.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.release(session, "work_order", event.work_order_id, event.household, event.finished_at)

    @event_handler(PaymentStarted)
    def on_payment_started(self, message: Message) -> None:
        """A payment in flight holds its household; its end comes with the posting or the expiry."""
        event = PaymentStarted.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.start_payment(session, event.payment_id, event.household, message.occurred_at)

    @event_handler(PaymentExpired)
    def on_payment_expired(self, message: Message) -> None:
        """Its hold is released."""
        event = PaymentExpired.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.expire_payment(session, event.payment_id, event.household, message.occurred_at)


class DunningDoors(HoldDoors, LadderDoors, TreatmentDoors, MeasureDoors):
    """Sweeps and cases; ladder, treatment and measures have doors of their own."""

    @rpc
    def start_sweep(
        self, caller: Caller, request_id: UUID, as_of: date, estates: list[str] | None = None
    ) -> dict[str, str]:
        """Ask for a sweep; `{"id"}`."""
        with self.transaction() as session:
            return handlers.start_sweep(session, caller, request_id, SweepRequest(as_of, estates), self.clock())

    @event_handler(SweepSliceRequested)
    def on_sweep_slice_requested(self, message: Message) -> None:
        """One estate of a sweep."""
        event = SweepSliceRequested.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                handlers.sweep_slice(session, event.slice_id, self.clock())

    @rpc
    def get_sweep(self, caller: Caller, sweep_id: UUID) -> dict[str, Any]:
        """How far a sweep is."""
        with self.transaction() as session:
            return handlers.get_sweep(session, caller, sweep_id)

    @rpc
    def list_dunning_cases(
        self,
        caller: Caller,
        estate: str | None = None,
        step: str | None = None,
        unanswered: bool = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Households on the ladder."""
        cut, today = CaseCut(estate, step, unanswered), business_date(self.clock())
        with self.transaction() as session:
            return cases.list_dunning_cases(session, caller, cut, limit, cursor, today)

    @rpc
    def get_dunning_case(self, caller: Caller, household: str) -> dict[str, Any]:
        """One household's steps, holds, contacts and next step."""
        with self.transaction() as session:
            return cases.get_dunning_case(session, caller, household, business_date(self.clock()))
