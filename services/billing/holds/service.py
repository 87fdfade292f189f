"""DOORS of holds: what other services tell that stops or resumes escalation (D3)."""

from services.billing.holds import handlers as holds
from services.common.contracts.events import (
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    PaymentExpired,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
)
from services.common.messaging import Message, first_delivery
from services.common.process.service import EstateService, event_handler


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

    @event_handler(PaymentExpired)
    def on_payment_expired(self, message: Message) -> None:
        """Its hold is released."""
        event = PaymentExpired.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                holds.expire_payment(session, event.payment_id, event.household, message.occurred_at)
