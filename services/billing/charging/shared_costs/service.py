"""DOORS to shared costs (公摊, B1)."""

from decimal import Decimal
from uuid import UUID

from services.billing.charging.shared_costs import recording
from services.billing.charging.shared_costs.recording import CostRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.tariffs import SharedCost
from services.common.domain.access import Caller
from services.common.process.service import EstateService, rpc


class SharedCostDoors(EstateService):
    """What the units of an estate share."""

    @rpc
    def record_shared_cost(
        self,
        caller: Caller,
        request_id: UUID,
        estate: str,
        fee_item: str,
        period: str,
        amount_fen: int | None = None,
        quantity: Decimal | None = None,
        building: str | None = None,
        note: str | None = None,
    ) -> SharedCost:
        """Record what a month really cost (B1)."""
        request = CostRequest(estate, fee_item, period, amount_fen, quantity, building, note)
        with self.transaction() as session:
            return recording.record(session, caller, request_id, request, self.clock())

    @rpc
    def list_shared_costs(self, caller: Caller, estate: str, period: str | None = None) -> Page[SharedCost]:
        """What was recorded (B1)."""
        with self.transaction() as session:
            return recording.list_costs(session, caller, estate, period)
