"""DOORS of the feedback service: complaints, ratings, working days, and what other services tell us."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated
from uuid import UUID

from prometheus_client import Metric
from pydantic import Field

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.complaints import (
    AnnouncedYear,
    Complaint,
    ComplaintAction,
    ComplaintCategory,
    ComplaintRecord,
    ComplaintStatus,
    EstateComplaintFigures,
    GroupComplaintFigures,
)
from services.common.contracts.answers.surveys import Survey, SurveyResult
from services.common.contracts.base import Message
from services.common.contracts.events import (
    EstatesRegistered,
    HouseholdsRegistered,
    StaffRegistered,
    WorkOrderFinished,
)
from services.common.domain.access import Caller
from services.common.fields import Code, Text
from services.common.messaging import first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, event_handler, rpc, timer
from services.common.sla.metrics import overdue_gauge
from services.feedback.calendar import handlers as calendar
from services.feedback.complaints import handlers as complaints
from services.feedback.complaints.handlers import Act
from services.feedback.complaints.rules import NORMAL, NewComplaint
from services.feedback.complaints.tables import Filter
from services.feedback.directory import handlers as directory
from services.feedback.sla import handlers as sla
from services.feedback.surveys import handlers as surveys
from services.feedback.surveys.rules import Answer
from services.feedback.surveys.tables import Filter as SurveyFilter

Score = Annotated[int, Field(ge=1, le=5)]
ALARM_SECONDS = 15
RECOMPUTE_SECONDS = 60


class FeedbackService(EstateService):
    """Feedback (H)."""

    name = "feedback"

    @rpc
    def create_complaint(
        self,
        caller: Caller,
        request_id: UUID,
        estate: Code,
        category: ComplaintCategory,
        text: Text,
        channel: Code,
        level: Code = NORMAL,
        household: Code | None = None,
        building: Code | None = None,
    ) -> ComplaintRecord:
        """Register a complaint; `request_id` becomes its id and makes a repeat harmless. Answers the complaint (H1)."""
        new = NewComplaint(request_id, estate, category, level, text, channel, household, building)
        with self.transaction() as session:
            return complaints.create_complaint(session, caller, new, self.clock())

    @rpc
    def get_complaint(self, caller: Caller, complaint_id: UUID) -> ComplaintRecord:
        """The complaint with both clocks and history (H1, H2)."""
        with self.transaction() as session:
            return complaints.get_complaint(session, caller, complaint_id, self.clock())

    @rpc
    def list_complaints(
        self,
        caller: Caller,
        estate: Code | None = None,
        household: Code | None = None,
        status: ComplaintStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Complaint]:
        """Newest first, without histories."""
        cut = Filter(estate, household, status)
        with self.transaction() as session:
            return complaints.list_complaints(session, caller, cut, self.clock(), limit, cursor)

    @rpc
    def act_on_complaint(
        self,
        caller: Caller,
        complaint_id: UUID,
        action: ComplaintAction,
        request_id: UUID,
        text: Text | None = None,
        by: Code | None = None,
    ) -> ComplaintRecord:
        """respond, resolve, close or reopen; the same `request_id` again changes nothing (H1)."""
        request = Act(complaint_id, request_id, action, text, by)
        with self.transaction() as session:
            return complaints.act_on_complaint(session, caller, request, self.clock())

    @rpc
    def list_surveys(
        self,
        caller: Caller,
        household: Code | None = None,
        work_order: UUID | None = None,
        estate: Code | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Survey]:
        """Newest first (H3)."""
        cut = SurveyFilter(estate, household, work_order)
        with self.transaction() as session:
            return surveys.list_surveys(session, caller, cut, limit, cursor)

    @rpc
    def get_survey(self, caller: Caller, survey_id: UUID) -> Survey:
        """One invitation and its answer (H3)."""
        with self.transaction() as session:
            return surveys.get_survey(session, caller, survey_id)

    @rpc
    def answer_survey(
        self, caller: Caller, survey_id: UUID, score: Score, request_id: UUID, text: Text | None = None
    ) -> Survey:
        """One answer per invitation; the same `request_id` again answers the same (H3)."""
        answer = Answer(request_id, score, text)
        with self.transaction() as session:
            return surveys.answer_survey(session, caller, survey_id, answer, self.clock())

    @rpc
    def survey_result(self, caller: Caller, survey_id: UUID) -> SurveyResult:
        """Satisfaction and response rate (H3)."""
        with self.transaction() as session:
            return surveys.survey_result(session, caller, survey_id)

    @rpc
    def estate_figures(self, caller: Caller, estate: Code) -> EstateComplaintFigures:
        """Open and late complaints, shares in time, handling rate and satisfaction (J2)."""
        with self.transaction() as session:
            return sla.estate_figures(session, caller, estate, self.clock())

    @rpc
    def group_figures(self, caller: Caller) -> GroupComplaintFigures:
        """The same over the caller's scope, with `estates` one by one (J2)."""
        with self.transaction() as session:
            return sla.group_figures(session, caller, self.clock())

    @rpc
    def announce_year(self, caller: Caller, year: int, holidays: list[date], makeup_days: list[date]) -> AnnouncedYear:
        """Working days of a year as the State Council announced them; promises touching it are moved (H2)."""
        with self.transaction() as session:
            return calendar.announce_year(session, caller, year, holidays, makeup_days, self.clock())

    @timer(RECOMPUTE_SECONDS)
    def recompute_provisional(self) -> None:
        """Promises that waited for a year known by now (H2)."""
        with self.transaction() as session:
            calendar.recompute_provisional(session)

    @timer(ALARM_SECONDS)
    def raise_sla_alarms(self) -> None:
        """Warn, escalate, report a breach, each once (H2)."""
        with self.transaction() as session:
            sla.raise_due_alarms(session, self.clock())

    @event_handler(WorkOrderFinished)
    def on_work_order_finished(self, message: Message) -> None:
        """A confirmed order is rated (H3)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                event = WorkOrderFinished.parse(message)
                surveys.invite_rating(session, event, message.event_id, self.clock())

    @event_handler(EstatesRegistered)
    def on_estates_registered(self, message: Message) -> None:
        """A1."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.keep_estates(session, EstatesRegistered.parse(message), message.occurred_at)

    @event_handler(HouseholdsRegistered)
    def on_households_registered(self, message: Message) -> None:
        """A1."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.keep_households(session, HouseholdsRegistered.parse(message), message.occurred_at)

    @event_handler(StaffRegistered)
    def on_staff_registered(self, message: Message) -> None:
        """Who is accountable for which building (A4)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.keep_staff(session, StaffRegistered.parse(message), message.occurred_at)

    def collect_metrics(self) -> Iterable[Metric]:
        """What is late now, from the database, so that it is right after a restart (J2)."""
        yield from super().collect_metrics()
        with self.transaction() as session:
            late = list(sla.overdue_rows(session, self.clock()))
        yield overdue_gauge(late)


SERVICE = FeedbackService
