"""DOORS of treatment: disputes of bills, talks, causes, the one plan per household (D1, D2, D3)."""

from datetime import date
from uuid import UUID

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import ContactNote
from services.billing.collections.dunning.promises import handlers as promises
from services.billing.collections.dunning.promises.handlers import PromiseNote
from services.billing.collections.dunning.treatment import disputes
from services.billing.collections.dunning.treatment import household_plan as plans
from services.billing.collections.dunning.treatment.disputes import Settlement
from services.billing.collections.dunning.treatment.household_plan import PlanContent
from services.common.contracts.answers.dunning import (
    ArrearsCause,
    Contact,
    ContactKind,
    ContactOutcome,
    Dispute,
    DisputeOutcome,
    HouseholdPlan,
    PaymentPromise,
)
from services.common.contracts.answers.portfolio import Cause
from services.common.domain.access import Caller
from services.common.fields import BillId, PositiveFen, Text
from services.common.process.service import EstateService, rpc


class TreatmentDoors(EstateService):
    """What staff record about a household, and what an owner objects to."""

    @rpc
    def dispute_bill(self, caller: Caller, bill_id: BillId, request_id: UUID, reason: Text) -> Dispute:
        """A bill is disputed."""
        with self.transaction() as session:
            return disputes.dispute_bill(session, caller, bill_id, request_id, reason, self.clock())

    @rpc
    def settle_dispute(
        self, caller: Caller, bill_id: BillId, request_id: UUID, outcome: DisputeOutcome, note: Text
    ) -> Dispute:
        """A dispute has ended."""
        settlement = Settlement(outcome, note)
        with self.transaction() as session:
            return disputes.settle_dispute(session, caller, bill_id, request_id, settlement, self.clock())

    @rpc
    def make_household_plan(
        self,
        caller: Caller,
        household: str,
        request_id: UUID,
        cause: Cause,
        responsible: Text,
        next_action: Text,
        problem: Text | None = None,
        deadline: date | None = None,
        note: str | None = None,
    ) -> HouseholdPlan:
        """What is done about a household."""
        content = PlanContent(cause, responsible, next_action, problem, deadline, note)
        with self.transaction() as session:
            return plans.make_plan(session, caller, household, request_id, content, self.clock())

    @rpc
    def problem_fixed(self, caller: Caller, household: str, note: Text) -> HouseholdPlan:
        """What was promised to a household is done."""
        with self.transaction() as session:
            return plans.problem_fixed(session, caller, household, note, self.clock())

    @rpc
    def add_contact(
        self,
        caller: Caller,
        household: str,
        request_id: UUID,
        kind: ContactKind,
        answer: str,
        step: str | None = None,
        note: str | None = None,
        promised_on: date | None = None,
        cause: Cause | None = None,
        outcome: ContactOutcome | None = None,
    ) -> Contact:
        """Record a talk with the owner."""
        content = ContactNote(kind, answer, step, note, promised_on, cause, outcome)
        with self.transaction() as session:
            return cases.add_contact(session, caller, household, request_id, content, self.clock())

    @rpc
    def promise_payment(
        self,
        caller: Caller,
        household: str,
        request_id: UUID,
        promised_on: date,
        amount_fen: PositiveFen | None = None,
        note: str | None = None,
    ) -> PaymentPromise:
        """The owner promised to pay."""
        content = PromiseNote(promised_on, amount_fen, note)
        with self.transaction() as session:
            return promises.promise_payment(session, caller, household, request_id, content, self.clock())

    @rpc
    def set_arrears_cause(self, caller: Caller, household: str, cause: Cause, note: str | None = None) -> ArrearsCause:
        """Record why a household does not pay."""
        with self.transaction() as session:
            return cases.set_arrears_cause(session, caller, household, cause, note, self.clock())
