"""DOORS to credit moved by hand (B6)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.billing.receivables.credits import handlers
from services.billing.receivables.credits.handlers import Channel, Refund
from services.common.access import Caller
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.service import EstateService, rpc

Fen = Annotated[int, Field(gt=0, le=10**12)]
BillIds = Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=500)]
Said = Annotated[str, Field(max_length=2000)]


class CreditDoors(EstateService):
    """Credit applied to bills, and surplus given back."""

    @rpc
    def refund_credit(
        self, caller: Caller, request_id: UUID, household: str, amount_fen: Fen, channel: Channel, reason: Said
    ) -> dict[str, Any]:
        """Give surplus back."""
        asked = Refund(amount_fen, channel, reason)
        with self.transaction() as session:
            return handlers.refund_credit(session, caller, request_id, household, asked, self.clock())

    @rpc
    def list_credit_refunds(
        self, caller: Caller, household: str, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> dict[str, Any]:
        """Surplus given back to a household."""
        with self.transaction() as session:
            return handlers.list_refunds(session, caller, household, limit, cursor)

    @rpc
    def apply_credit(
        self, caller: Caller, request_id: UUID, household: str, bill_ids: BillIds | None = None
    ) -> dict[str, Any]:
        """Settle open bills from credit."""
        with self.transaction() as session:
            now = self.clock()
            return handlers.apply_standing_credit(session, caller, request_id, household, bill_ids or [], now)
