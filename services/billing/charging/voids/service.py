"""DOORS to voids and reissues (B5)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.billing.charging.voids import authority, handlers, views
from services.billing.charging.voids.voiding import Void
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.voids import (
    BillVoid,
    CreditNote,
    Reissue,
    VoidAuthority,
    VoidedBill,
    VoidStatus,
)
from services.common.domain.access import Caller
from services.common.fields import INT64, LARGEST_FEN, BillId, Note
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc

FenOrNothing = Annotated[int, Field(strict=True, ge=0, le=LARGEST_FEN, json_schema_extra=INT64)]


class VoidDoors(EstateService):
    """Voids and their credit notes."""

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
            return views.list_credit_notes(session, caller, estate, household, limit, cursor)

    @rpc
    def approve_void(self, caller: Caller, void_id: UUID, note: Note | None = None) -> VoidedBill:
        """Void a bill as somebody else has asked."""
        with self.transaction() as session:
            return handlers.approve_void(session, caller, void_id, note, self.clock())

    @rpc
    def reject_void(self, caller: Caller, void_id: UUID, reason: Note | None = None) -> VoidedBill:
        """Refuse it."""
        with self.transaction() as session:
            return handlers.reject_void(session, caller, void_id, reason, self.clock())

    @rpc
    def withdraw_void(self, caller: Caller, void_id: UUID, reason: Note | None = None) -> VoidedBill:
        """Take it back."""
        with self.transaction() as session:
            return handlers.withdraw_void(session, caller, void_id, reason, self.clock())

    @rpc
    def list_bill_voids(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        status: VoidStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[BillVoid]:
        """Voids that a second person decides on."""
        with self.transaction() as session:
            return views.list_voids(session, caller, estate, household, status, limit, cursor)

    @rpc
    def get_void_authority(self, caller: Caller, estate: str | None = None) -> VoidAuthority:
        """Up to how much a void acts at once."""
        with self.transaction() as session:
            return authority.get_authority(session, caller, estate)

    @rpc
    def set_void_authority(
        self, caller: Caller, automatic_up_to_fen: FenOrNothing | None = None, estate: str | None = None
    ) -> VoidAuthority:
        """Say up to how much a void acts at once."""
        with self.transaction() as session:
            return authority.set_authority(session, caller, estate, automatic_up_to_fen)
