"""DOORS of the closure programme (D6)."""

from datetime import date
from uuid import UUID

from pydantic import AwareDatetime

from services.billing.collections.closure import handlers
from services.billing.collections.closure.handlers import Cut, Meeting
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.closure import (
    Appointment,
    CaseStatus,
    ClosureCase,
    ClosureCaseSummary,
    HeldAppointment,
    MeetingResult,
    Programme,
    Progress,
)
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import Line
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc


class ClosureDoors(EstateService):
    """Households with arrears of more than a year, stage by stage."""

    @rpc
    def start_closure_programme(
        self, caller: Caller, request_id: UUID, estate: str, as_of: date | None = None
    ) -> Programme:
        """Enrol an estate's old arrears."""
        now = self.clock()
        with self.transaction() as session:
            return handlers.start_programme(session, caller, request_id, estate, as_of or business_date(now), now)

    @rpc
    def closure_progress(self, caller: Caller, estate: str | None = None) -> Page[Progress]:
        """How far each estate is."""
        with self.transaction() as session:
            return handlers.progress(session, caller, estate, business_date(self.clock()))

    @rpc
    def list_closure_cases(
        self,
        caller: Caller,
        estate: str | None = None,
        steward: str | None = None,
        stage: str | None = None,
        status: CaseStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[ClosureCaseSummary]:
        """Cases, by steward for the worklist."""
        cut = Cut(estate, steward, stage, status)
        with self.transaction() as session:
            return handlers.list_cases(session, caller, cut, limit, cursor, business_date(self.clock()))

    @rpc
    def get_closure_case(self, caller: Caller, household: str) -> ClosureCase:
        """One case with its history."""
        with self.transaction() as session:
            return handlers.get_case(session, caller, household, business_date(self.clock()))

    @rpc
    def make_closure_appointment(
        self, caller: Caller, request_id: UUID, household: str, at: AwareDatetime, place: Line, who: Line
    ) -> Appointment:
        """Plan to meet the owner."""
        meeting = Meeting(at, place, who)
        with self.transaction() as session:
            return handlers.make_appointment(session, caller, request_id, household, meeting, self.clock())

    @rpc
    def record_closure_outcome(
        self, caller: Caller, appointment_id: UUID, outcome: MeetingResult, note: str | None = None
    ) -> HeldAppointment:
        """How a meeting went."""
        with self.transaction() as session:
            return handlers.record_outcome(session, caller, appointment_id, outcome, note, self.clock())
