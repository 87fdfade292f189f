"""DOORS to the register of bills (B4)."""

from datetime import date

from services.billing.charging.register import handlers
from services.billing.charging.register.handlers import Question
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.bills import BillStatus, RegisteredBill
from services.common.domain.access import Caller
from services.common.fields import Period
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc


class RegisterDoors(EstateService):
    """Auditors read the bills."""

    @rpc
    def list_registered_bills(
        self,
        caller: Caller,
        estate: str | None = None,
        building: str | None = None,
        household: str | None = None,
        fee_item: str | None = None,
        period: Period | None = None,
        status: BillStatus | None = None,
        due_from: date | None = None,
        due_to: date | None = None,
        void: bool | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[RegisteredBill]:
        """Bills in scope, by estate, household, due date and id."""
        question = Question(estate, building, household, fee_item, period, status, due_from, due_to, void)
        with self.transaction() as session:
            return handlers.list_bills(session, caller, question, limit, cursor)
