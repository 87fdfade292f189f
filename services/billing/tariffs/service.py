"""DOORS to tariffs, billing policy and shared costs (B1, B3)."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from services.billing.bills.rules import BillingPolicy
from services.billing.tariffs import handlers, policy, shared_costs
from services.billing.tariffs.shared_costs import SharedCost
from services.common.access import Caller
from services.common.service import EstateService, rpc


class TariffDoors(EstateService):
    """List and publish; when an estate is billed; what its units share."""

    @rpc
    def list_tariffs(self, caller: Caller, estate: str) -> dict[str, Any]:
        """Every tariff version of an estate."""
        with self.transaction() as session:
            return handlers.list_tariffs(session, caller, estate)

    @rpc
    def publish_tariff(self, caller: Caller, tariff_id: int) -> dict[str, Any]:
        """Publish one version."""
        with self.transaction() as session:
            return handlers.publish_tariff(session, caller, tariff_id, self.clock())

    @rpc
    def publish_estate_tariffs(self, caller: Caller, estate: str) -> dict[str, Any]:
        """Publish every version that waits."""
        with self.transaction() as session:
            return handlers.publish_estate_tariffs(session, caller, estate, self.clock())

    @rpc
    def get_billing_policy(self, caller: Caller, estate: str) -> dict[str, Any]:
        """When an estate is billed (B3)."""
        with self.transaction() as session:
            return policy.get_policy(session, caller, estate)

    @rpc
    def put_billing_policy(
        self,
        caller: Caller,
        estate: str,
        cycle: str,
        timing: str,
        due_day: int,
        month_offset: int,
        roll_to_working_day: bool,
    ) -> dict[str, Any]:
        """Bill an estate in another way from the next run on (B3)."""
        wanted = BillingPolicy(cycle, timing, due_day, month_offset, roll_to_working_day)
        with self.transaction() as session:
            return policy.put_policy(session, caller, estate, wanted)

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
    ) -> dict[str, Any]:
        """Record what a month really cost (B1)."""
        told = SharedCost(estate, fee_item, period, amount_fen, quantity, building, note)
        with self.transaction() as session:
            return shared_costs.record(session, caller, request_id, told, self.clock())

    @rpc
    def list_shared_costs(self, caller: Caller, estate: str, period: str | None = None) -> dict[str, Any]:
        """What was recorded (B1)."""
        with self.transaction() as session:
            return shared_costs.list_costs(session, caller, estate, period)
