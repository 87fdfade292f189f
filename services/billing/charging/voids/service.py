"""DOORS to voids and reissues (B5)."""

from uuid import UUID

from services.billing.charging.voids import handlers
from services.billing.charging.voids.handlers import Void
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.voids import CreditNote, Reissue, VoidedBill
from services.common.domain.access import Caller
from services.common.fields import BillId, Note
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc


class VoidDoors(EstateService):
    """Credit notes."""

    @rpc
    def void_bill(
        self, caller: Caller, request_id: UUID, bill_id: BillId, reason: Note, reissue: bool = False
    ) -> VoidedBill:
        """Void a bill, and perhaps bill it again."""
        request = Void(bill_id, reason, reissue)
        with self.transaction() as session:
            return handlers.void_bill(session, caller, request_id, request, self.clock())

    @rpc
    def reissue_bill(self, caller: Caller, request_id: UUID, bill_id: BillId) -> Reissue:
        """Bill a void bill again."""
        with self.transaction() as session:
            return handlers.reissue_bill(session, caller, request_id, bill_id, self.clock())

    @rpc
    def list_credit_notes(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[CreditNote]:
        """Credit notes in scope."""
        with self.transaction() as session:
            return handlers.list_credit_notes(session, caller, estate, household, limit, cursor)
