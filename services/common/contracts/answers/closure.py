"""VOCABULARY of the closure programme (画句号工程, D6): runs, cases, meetings, how far each estate is."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.portfolio import Cause
from services.common.fields import Fen, Whole

CaseStatus = Literal["active", "paused", "closed"]
MeetingOutcome = Literal["promised", "fixed", "refused", "not_reached", "service_problem"]
MeetingResult = Literal["promised", "fixed", "refused", "not_reached", "service_problem", "cancelled"]
Pause = Literal["complaint", "plan"]


class Programme(TypedDict):
    """What a run enrolled: cases begun, or begun again, and bills added."""

    id: UUID
    estate: str
    as_of: date
    enrolled: Whole
    bills: Whole


class Progress(TypedDict):
    """How far an estate's closure programme is."""

    estate: str
    enrolled: Whole
    active: Whole
    paused: Whole
    closed: Whole
    enrolled_fen: Fen
    recovered_fen: Fen
    open_fen: Fen
    by_stage: Annotated[dict[str, Whole], Field(description="Cases that are not closed, by the code of their stage")]


class ClosureCaseSummary(TypedDict):
    """A household in the closure programme."""

    household: str
    estate: str
    building: str
    steward: str | None
    cause: Cause
    enrolled_on: date
    stage: Annotated[str, Field(description="Code of the stage; stages are data")]
    stage_since: date
    stage_due_on: Annotated[date | None, Field(description="null: the policy has the stage no more")]
    overdue: bool
    status: CaseStatus
    paused_by: list[Pause]
    enrolled_fen: Fen
    recovered_fen: Fen
    open_fen: Fen


class EnrolledBill(TypedDict):
    """A bill the case is about, with what was open on the day it came in."""

    bill_id: Whole
    added_on: date
    open_fen: Fen


class CaseEvent(TypedDict):
    """What happened to a case, and its stage from then on."""

    happened_on: date
    stage: str
    outcome: Annotated[MeetingOutcome | None, Field(description="null: enrolled, or enrolled again")]
    note: str | None
    recorded_by: str
    recorded_at: datetime


class Appointment(TypedDict):
    """An appointment and, once it took place, how it went."""

    id: UUID
    household: str
    at: datetime
    place: str
    who: str
    stage: str
    made_by: str
    outcome: MeetingResult | None
    note: str | None
    recorded_by: str | None
    recorded_at: datetime | None


class HeldAppointment(Appointment):
    """An appointment with its outcome, and the stage the case is in by it."""

    case_stage: str
    advanced: Annotated[bool, Field(description="The case has moved on by this outcome")]


class ClosureCase(ClosureCaseSummary):
    """A case with its bills, history and appointments."""

    bills: list[EnrolledBill]
    history: list[CaseEvent]
    appointments: list[Appointment]
