"""DOORS to bills and bill runs (B3, B4, B6)."""

from uuid import UUID

from services.billing.charging.bills import handlers
from services.billing.charging.bills.views import handlers as views
from services.billing.settings import settings
from services.common.contracts.answers.base import Created, Page
from services.common.contracts.answers.bills import BillRun, BillStatus, BillSummary
from services.common.contracts.answers.explanations import BillExplanation
from services.common.contracts.base import Message
from services.common.contracts.events import BillRunSliceRequested
from services.common.domain.access import Caller
from services.common.fields import BillId
from services.common.messaging import first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, event_handler, rpc


class BillDoors(EstateService):
    """Bill runs, and bills as people see them."""

    @rpc
    def start_bill_run(
        self,
        caller: Caller,
        request_id: UUID,
        period: str,
        estates: list[str] | None = None,
        fee_items: list[str] | None = None,
        dry_run: bool = False,
    ) -> Created:
        """Plan a run; its slices go to any replica."""
        request = handlers.RunRequest(period, estates, fee_items, dry_run)
        with self.transaction() as session:
            return handlers.start_bill_run(session, caller, request_id, request, now=self.clock(), settings=settings())

    @rpc
    def get_bill_run(self, caller: Caller, run_id: UUID) -> BillRun:
        """Progress of a run."""
        with self.transaction() as session:
            return handlers.get_bill_run(session, caller, run_id)

    @event_handler(BillRunSliceRequested, prefetch=1)
    def on_bill_run_slice_requested(self, message: Message) -> None:
        """Some slices wait for any replica."""
        with self.transaction() as session:
            if first_delivery(session, message):
                event = BillRunSliceRequested.parse(message)
                handlers.take(session, event, message.attempt, now=self.clock(), settings=settings())

    @rpc
    def list_bills(
        self,
        caller: Caller,
        household: str,
        status: BillStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[BillSummary]:
        """Bills of a household."""
        with self.transaction() as session:
            return views.list_bills(session, caller, household, status, limit, cursor)

    @rpc
    def explain_bill(self, caller: Caller, bill_id: BillId) -> BillExplanation:
        """Why a bill is what it is."""
        with self.transaction() as session:
            return views.explain_bill(session, caller, bill_id)
