"""DOORS to waivers (C2)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.billing.receivables.waivers import handlers, matrix, views
from services.billing.receivables.waivers.handlers import Ask
from services.billing.receivables.waivers.rules import Band
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.waivers import Waiver, WaiverAuthority, WaiverDetail, WaiverKind, WaiverStatus
from services.common.domain.access import Caller
from services.common.fields import BillIds, Note, PositiveFen
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc

Ratio = Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)]


@dataclass(frozen=True)
class BandAsked:
    """One line of the authority matrix as it is asked for; four eyes look where somebody decides, unless declined."""

    roles: Annotated[list[str], Field(max_length=10)]
    up_to_fen: PositiveFen | None = None
    up_to_ratio: Ratio | None = None
    needs_resolution: bool = False
    four_eyes: bool | None = None

    def band(self) -> Band:
        """The line as it will stand."""
        four_eyes = bool(self.roles) if self.four_eyes is None else self.four_eyes
        return Band(**vars(self) | {"roles": tuple(self.roles), "four_eyes": four_eyes})


class WaiverDoors(EstateService):
    """Asking for waivers and deciding on them."""

    @rpc
    def request_waiver(
        self,
        caller: Caller,
        request_id: UUID,
        bill_ids: BillIds,
        kind: WaiverKind,
        reason: Note,
        ratio: Ratio | None = None,
        amount_fen: PositiveFen | None = None,
    ) -> WaiverDetail:
        """Ask for a waiver."""
        ask = Ask(bill_ids, kind, reason, ratio, amount_fen)
        with self.transaction() as session:
            return handlers.request_waiver(session, caller, request_id, ask, self.clock())

    @rpc
    def approve_waiver(
        self, caller: Caller, waiver_id: UUID, resolution: Note | None = None, note: Note | None = None
    ) -> WaiverDetail:
        """Grant it."""
        with self.transaction() as session:
            return handlers.approve_waiver(session, caller, waiver_id, resolution, note, self.clock())

    @rpc
    def reject_waiver(self, caller: Caller, waiver_id: UUID, reason: Note | None = None) -> WaiverDetail:
        """Refuse it."""
        with self.transaction() as session:
            return handlers.reject_waiver(session, caller, waiver_id, reason, self.clock())

    @rpc
    def withdraw_waiver(self, caller: Caller, waiver_id: UUID, reason: Note | None = None) -> WaiverDetail:
        """Take it back."""
        with self.transaction() as session:
            return handlers.withdraw_waiver(session, caller, waiver_id, reason, self.clock())

    @rpc
    def get_waiver(self, caller: Caller, waiver_id: UUID) -> WaiverDetail:
        """One waiver."""
        with self.transaction() as session:
            return views.get_waiver(session, caller, waiver_id)

    @rpc
    def list_waivers(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        status: WaiverStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Waiver]:
        """Waivers in scope."""
        with self.transaction() as session:
            return views.list_waivers(session, caller, estate, household, status, limit, cursor)

    @rpc
    def get_waiver_authority(self, caller: Caller, estate: str | None = None) -> WaiverAuthority:
        """Who may grant how much."""
        with self.transaction() as session:
            return matrix.get_matrix(session, caller, estate)

    @rpc
    def set_waiver_authority(
        self,
        caller: Caller,
        kind: WaiverKind,
        bands: Annotated[list[BandAsked], Field(max_length=10)],
        estate: str | None = None,
    ) -> WaiverAuthority:
        """Say who may grant how much."""
        with self.transaction() as session:
            return matrix.set_matrix(session, caller, estate, kind, [asked.band() for asked in bands])
