"""DOORS to tariffs (B1)."""

from typing import Any

from services.billing.tariffs import handlers
from services.common.access import Caller
from services.common.service import EstateService, rpc


class TariffDoors(EstateService):
    """List and publish."""

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
