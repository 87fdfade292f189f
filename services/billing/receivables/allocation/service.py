"""DOORS of allocation (B6, B9)."""

from services.billing.receivables.allocation import handlers, in_flight
from services.common.contracts.events import PaymentSettled, PaymentStarted
from services.common.messaging import Message, first_delivery
from services.common.process.service import EstateService, event_handler


class AllocationDoors(EstateService):
    """Payments are under way, and come in."""

    @event_handler(PaymentStarted)
    def on_payment_started(self, message: Message) -> None:
        """A payment in flight that pays enough holds its household; that ends with the posting or the expiry."""
        event = PaymentStarted.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                in_flight.start_payment(session, event, message.occurred_at)

    @event_handler(PaymentSettled)
    def on_payment_settled(self, message: Message) -> None:
        """Post the money and apply it to bills."""
        event = PaymentSettled.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                handlers.allocate_payment(session, event, now=self.clock())
