"""DOORS of allocation (B6, B9)."""

from services.billing.receivables.allocation import handlers
from services.common.contracts.events import PaymentSettled
from services.common.messaging import Message, first_delivery
from services.common.service import EstateService, event_handler


class AllocationDoors(EstateService):
    """Settled payments come in."""

    @event_handler(PaymentSettled)
    def on_payment_settled(self, message: Message) -> None:
        """Post the money and apply it to bills."""
        event = PaymentSettled.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                handlers.allocate_payment(session, event, now=self.clock())
