"""DOORS to the ledger (B6, B7, B9, C1)."""

from datetime import date
from typing import Any

from services.billing.ledger import handlers, totals
from services.billing.settings import settings
from services.common.access import Caller
from services.common.calendar import business_date
from services.common.contracts.events import PaymentSettled
from services.common.database import allow_long_statements
from services.common.messaging import Message, first_delivery
from services.common.service import EstateService, event_handler, rpc


class LedgerDoors(EstateService):
    """Settled payments come in; statements and the trial balance go out."""

    @event_handler(PaymentSettled)
    def on_payment_settled(self, message: Message) -> None:
        """Post the money and apply it to bills."""
        event = PaymentSettled.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                handlers.allocate_payment(session, event, now=self.clock())

    @rpc
    def get_statement(self, caller: Caller, household: str, as_of: date | None = None) -> dict[str, Any]:
        """What a household owes at the end of a day; default today."""
        with self.transaction() as session:
            return handlers.statement(session, caller, household, as_of or business_date(self.clock()))

    @rpc
    def late_fees(self, caller: Caller, estate: str | None = None, as_of: date | None = None) -> dict[str, Any]:
        """Late fee due and principal overdue by estate; default today."""
        today = business_date(self.clock())
        with self.transaction() as session:
            return totals.late_fees(session, caller, estate, as_of or today, today)

    @rpc
    def trial_balance(self, caller: Caller, estate: str | None = None) -> dict[str, Any]:
        """Accounts and the checks on them."""
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.trial_balance(session, caller, estate)
