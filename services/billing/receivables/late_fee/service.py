"""DOORS to late fees (C1)."""

from datetime import date

from services.billing.receivables.late_fee import by_estate
from services.common.contracts.answers.late_fees import LateFees
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.process.service import EstateService, rpc


class LateFeeDoors(EstateService):
    """Late fees by estate."""

    @rpc
    def late_fees(self, caller: Caller, estate: str | None = None, as_of: date | None = None) -> LateFees:
        """Late fee due and principal overdue by estate; default today."""
        today = business_date(self.clock())
        with self.transaction() as session:
            return by_estate.late_fees(session, caller, estate, as_of or today, today)
