"""DOORS of dunning: sweeps and cases (D1, D3)."""

from datetime import date
from uuid import UUID

from services.billing.collections.dunning import handlers
from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import CaseCut
from services.billing.collections.dunning.handlers import SweepRequest
from services.billing.collections.dunning.ladder.service import LadderDoors
from services.billing.collections.dunning.measures.service import MeasureDoors
from services.billing.collections.dunning.treatment.service import TreatmentDoors
from services.common.contracts.answers.base import Created, Page
from services.common.contracts.answers.dunning import DunningCase, DunningCaseSummary, Sweep
from services.common.contracts.events import SweepSliceRequested
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.messaging import Message, first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import event_handler, rpc


class DunningDoors(LadderDoors, TreatmentDoors, MeasureDoors):
    """Sweeps and cases; ladder, treatment and measures have doors of their own."""

    @rpc
    def start_sweep(self, caller: Caller, request_id: UUID, as_of: date, estates: list[str] | None = None) -> Created:
        """Ask for a sweep."""
        with self.transaction() as session:
            return handlers.start_sweep(session, caller, request_id, SweepRequest(as_of, estates), self.clock())

    @event_handler(SweepSliceRequested)
    def on_sweep_slice_requested(self, message: Message) -> None:
        """One estate of a sweep."""
        event = SweepSliceRequested.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                handlers.sweep_slice(session, event.slice_id, self.clock())

    @rpc
    def get_sweep(self, caller: Caller, sweep_id: UUID) -> Sweep:
        """How far a sweep is."""
        with self.transaction() as session:
            return handlers.get_sweep(session, caller, sweep_id)

    @rpc
    def list_dunning_cases(
        self,
        caller: Caller,
        estate: str | None = None,
        step: str | None = None,
        unanswered: bool = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[DunningCaseSummary]:
        """Households on the ladder."""
        cut, today = CaseCut(estate, step, unanswered), business_date(self.clock())
        with self.transaction() as session:
            return cases.list_dunning_cases(session, caller, cut, limit, cursor, today)

    @rpc
    def get_dunning_case(self, caller: Caller, household: str) -> DunningCase:
        """One household's steps, holds, contacts and next step."""
        with self.transaction() as session:
            return cases.get_dunning_case(session, caller, household, business_date(self.clock()))
