"""DOORS to instalment plans (C3)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.billing.receivables.late_fee.rules import Instalment
from services.billing.receivables.plans import handlers
from services.billing.receivables.plans import standing as keeping
from services.billing.receivables.plans.handlers import Offer
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.plans import InstalmentPlan, InstalmentPlanSummary, PlanStatus
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import BillIds, PositiveFen, Reason
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc, timer

LOOK_SECONDS = 300


@dataclass(frozen=True)
class InstalmentRequest:
    """One instalment as it is asked for."""

    due_date: date
    amount_fen: PositiveFen


class PlanDoors(EstateService):
    """Plans are signed, shown and cancelled; time breaks or completes them."""

    @rpc
    def sign_plan(
        self,
        caller: Caller,
        request_id: UUID,
        household: str,
        bill_ids: BillIds,
        signed_on: date,
        instalments: list[InstalmentRequest],
    ) -> InstalmentPlan:
        """Agree on instalments."""
        parts = tuple(Instalment(instalment.due_date, instalment.amount_fen) for instalment in instalments)
        offer = Offer(household, frozenset(bill_ids), signed_on, parts)
        with self.transaction() as session:
            return handlers.sign_plan(session, caller, request_id, offer, self.clock())

    @rpc
    def get_plan(self, caller: Caller, plan_id: UUID) -> InstalmentPlan:
        """One plan."""
        with self.transaction() as session:
            return handlers.get_plan(session, caller, plan_id, business_date(self.clock()))

    @rpc
    def list_plans(
        self,
        caller: Caller,
        household: str | None = None,
        estate: str | None = None,
        status: PlanStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[InstalmentPlanSummary]:
        """Plans in scope."""
        today = business_date(self.clock())
        with self.transaction() as session:
            return handlers.list_plans(session, caller, household, estate, status, limit, cursor, today)

    @rpc
    def cancel_plan(self, caller: Caller, plan_id: UUID, reason: Reason) -> InstalmentPlan:
        """End a plan by staff."""
        with self.transaction() as session:
            return handlers.cancel_plan(session, caller, plan_id, reason, self.clock())

    @timer(LOOK_SECONDS)
    def tell_of_plans(self) -> None:
        """Let dunning know of plans that time has broken; each household in a transaction of its own."""
        with self.transaction() as session:
            households = keeping.households_to_tell(session, business_date(self.clock()))
        for household in households:
            with self.transaction() as session:
                keeping.reckon_household(session, household, self.clock())
