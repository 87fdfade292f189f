"""DOORS to late fees (C1)."""

from datetime import date
from typing import Any

from services.billing.receivables.late_fee import by_estate
from services.common.access import Caller
from services.common.calendar import business_date
from services.common.service import EstateService, rpc


class LateFeeDoors(EstateService):
    """Late fees by estate."""

    @rpc
    def late_fees(self, caller: Caller, estate: str | None = None, as_of: date | None = None) -> dict[str, Any]:
        """Late fee due and principal overdue by estate; default today."""
        today = business_date(self.clock())
        with self.transaction() as session:
            return by_estate.late_fees(session, caller, estate, as_of or today, today)
