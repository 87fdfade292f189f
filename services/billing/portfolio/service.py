"""DOORS to the portfolio (A1, A4)."""

from typing import Any

from services.billing.portfolio import handlers
from services.common.access import Caller
from services.common.calendar import business_date
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.service import EstateService, rpc


class PortfolioDoors(EstateService):
    """Reads of estates, buildings, units and households."""

    @rpc
    def list_estates(self, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None) -> dict[str, Any]:
        """Estates in scope."""
        with self.transaction() as session:
            return handlers.list_estates(session, caller, limit, cursor)

    @rpc
    def get_estate(self, caller: Caller, estate: str) -> dict[str, Any]:
        """One estate with its counts."""
        with self.transaction() as session:
            return handlers.get_estate(session, caller, estate)

    @rpc
    def list_buildings(self, caller: Caller, estate: str) -> dict[str, Any]:
        """Buildings of an estate, each with its steward of today."""
        with self.transaction() as session:
            return handlers.list_buildings(session, caller, estate, business_date(self.clock()))

    @rpc
    def list_units(
        self,
        caller: Caller,
        estate: str,
        building: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Units of an estate or of one of its buildings."""
        with self.transaction() as session:
            return handlers.list_units(session, caller, estate, building, limit, cursor)

    @rpc
    def get_household(self, caller: Caller, household: str) -> dict[str, Any]:
        """A household with its units."""
        with self.transaction() as session:
            return handlers.get_household(session, caller, household)
