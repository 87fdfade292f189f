"""DOORS to statements (B6)."""

from datetime import date

from services.billing.receivables.statement import handlers
from services.common.contracts.answers.bills import Statement
from services.common.contracts.answers.payments import OpenBills
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.process.service import EstateService, rpc


class StatementDoors(EstateService):
    """Statements go out."""

    @rpc
    def get_statement(self, caller: Caller, household: str, as_of: date | None = None) -> Statement:
        """What a household owes at the end of a day; default today."""
        with self.transaction() as session:
            return handlers.statement(session, caller, household, as_of or business_date(self.clock()))

    @rpc
    def list_open_bills(self, caller: Caller, household: str) -> OpenBills:
        """The bills that a payment of a household can be meant for (E1)."""
        with self.transaction() as session:
            return handlers.open_bills(session, caller, household)
