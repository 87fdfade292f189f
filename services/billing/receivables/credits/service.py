"""DOORS to credit moved by hand (B6)."""

from uuid import UUID

from services.billing.receivables.credits import handlers
from services.billing.receivables.credits.handlers import Refund
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.credits import CreditApplication, CreditRefund, RefundChannel
from services.common.domain.access import Caller
from services.common.fields import BillIds, Note, PositiveFen
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc


class CreditDoors(EstateService):
    """Credit applied to bills, and surplus given back."""

    @rpc
    def refund_credit(
        self,
        caller: Caller,
        request_id: UUID,
        household: str,
        amount_fen: PositiveFen,
        channel: RefundChannel,
        reason: Note,
    ) -> CreditRefund:
        """Give surplus back."""
        refund = Refund(amount_fen, channel, reason)
        with self.transaction() as session:
            return handlers.refund_credit(session, caller, request_id, household, refund, self.clock())

    @rpc
    def list_credit_refunds(
        self, caller: Caller, household: str, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[CreditRefund]:
        """Surplus given back to a household."""
        with self.transaction() as session:
            return handlers.list_refunds(session, caller, household, limit, cursor)

    @rpc
    def apply_credit(
        self, caller: Caller, request_id: UUID, household: str, bill_ids: BillIds | None = None
    ) -> CreditApplication:
        """Settle open bills from credit."""
        with self.transaction() as session:
            now = self.clock()
            return handlers.apply_standing_credit(session, caller, request_id, household, bill_ids or [], now)
