"""DOORS to waivers (C2)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.billing.receivables.waivers import handlers, matrix, views
from services.billing.receivables.waivers.handlers import Ask
from services.billing.receivables.waivers.rules import Band, Kind
from services.common.access import Caller
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.service import EstateService, rpc

BillIds = Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(min_length=1, max_length=500)]
Ratio = Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)]
Fen = Annotated[int, Field(gt=0, le=10**12)]
Said = Annotated[str, Field(max_length=2000)]


@dataclass(frozen=True)
class BandAsked:
    """One line of the authority matrix as it is asked for."""

    roles: Annotated[list[str], Field(max_length=10)]
    up_to_fen: Fen | None = None
    up_to_ratio: Ratio | None = None
    needs_resolution: bool = False
    four_eyes: bool = False


class WaiverDoors(EstateService):
    """Asking for waivers and deciding on them."""

    @rpc
    def request_waiver(
        self,
        caller: Caller,
        request_id: UUID,
        bill_ids: BillIds,
        kind: Kind,
        reason: Said,
        ratio: Ratio | None = None,
        amount_fen: Fen | None = None,
    ) -> dict[str, Any]:
        """Ask for a waiver."""
        ask = Ask(bill_ids, kind, reason, ratio, amount_fen)
        with self.transaction() as session:
            return handlers.request_waiver(session, caller, request_id, ask, self.clock())

    @rpc
    def approve_waiver(
        self, caller: Caller, waiver_id: UUID, resolution: Said | None = None, note: Said | None = None
    ) -> dict[str, Any]:
        """Grant it."""
        with self.transaction() as session:
            return handlers.approve_waiver(session, caller, waiver_id, resolution, note, self.clock())

    @rpc
    def reject_waiver(self, caller: Caller, waiver_id: UUID, reason: Said | None = None) -> dict[str, Any]:
        """Refuse it."""
        with self.transaction() as session:
            return handlers.reject_waiver(session, caller, waiver_id, reason, self.clock())

    @rpc
    def withdraw_waiver(self, caller: Caller, waiver_id: UUID, reason: Said | None = None) -> dict[str, Any]:
        """Take it back."""
        with self.transaction() as session:
            return handlers.withdraw_waiver(session, caller, waiver_id, reason, self.clock())

    @rpc
    def get_waiver(self, caller: Caller, waiver_id: UUID) -> dict[str, Any]:
        """One waiver."""
        with self.transaction() as session:
            return views.get_waiver(session, caller, waiver_id)

    @rpc
    def list_waivers(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        status: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Waivers in scope."""
        with self.transaction() as session:
            return views.list_waivers(session, caller, estate, household, status, limit, cursor)

    @rpc
    def get_waiver_authority(self, caller: Caller, estate: str | None = None) -> dict[str, Any]:
        """Who may grant how much."""
        with self.transaction() as session:
            return matrix.get_matrix(session, caller, estate)

    @rpc
    def set_waiver_authority(
        self,
        caller: Caller,
        kind: Kind,
        bands: Annotated[list[BandAsked], Field(max_length=10)],
        estate: str | None = None,
    ) -> dict[str, Any]:
        """Say who may grant how much."""
        wanted = [Band(band.up_to_fen, band.up_to_ratio, tuple(band.roles), band.needs_resolution) for band in bands]
        with self.transaction() as session:
            return matrix.set_matrix(session, caller, estate, kind, wanted)
