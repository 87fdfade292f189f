"""DOORS to credit moved by hand (B6)."""

from uuid import UUID

from services.billing.receivables.credits import handlers, refunds
from services.billing.receivables.credits.refunds import Refund
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.credits import CreditApplication, CreditRefund, RefundChannel, RefundStatus
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
        """Ask for surplus to be given back."""
        refund = Refund(amount_fen, channel, reason)
        with self.transaction() as session:
            return refunds.request_refund(session, caller, request_id, household, refund, self.clock())

    @rpc
    def approve_credit_refund(self, caller: Caller, refund_id: UUID, note: Note | None = None) -> CreditRefund:
        """Give it back, as somebody else has asked."""
        with self.transaction() as session:
            return refunds.approve_refund(session, caller, refund_id, note, self.clock())

    @rpc
    def reject_credit_refund(self, caller: Caller, refund_id: UUID, reason: Note | None = None) -> CreditRefund:
        """Refuse it."""
        with self.transaction() as session:
            return refunds.reject_refund(session, caller, refund_id, reason, self.clock())

    @rpc
    def withdraw_credit_refund(self, caller: Caller, refund_id: UUID, reason: Note | None = None) -> CreditRefund:
        """Take it back."""
        with self.transaction() as session:
            return refunds.withdraw_refund(session, caller, refund_id, reason, self.clock())

    @rpc
    def list_all_credit_refunds(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        status: RefundStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[CreditRefund]:
        """Refunds in scope."""
        with self.transaction() as session:
            return refunds.list_refunds(session, caller, estate, household, status, limit, cursor)

    @rpc
    def list_credit_refunds(
        self, caller: Caller, household: str, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[CreditRefund]:
        """Refunds of a household."""
        with self.transaction() as session:
            return refunds.list_refunds_of(session, caller, household, limit, cursor)

    @rpc
    def apply_credit(
        self, caller: Caller, request_id: UUID, household: str, bill_ids: BillIds | None = None
    ) -> CreditApplication:
        """Settle open bills from credit."""
        with self.transaction() as session:
            now = self.clock()
            return handlers.apply_standing_credit(session, caller, request_id, household, bill_ids or [], now)
