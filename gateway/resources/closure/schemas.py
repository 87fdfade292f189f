"""The closure programme over HTTP (D6)."""

from pydantic import BaseModel

from gateway.resources.base import example
from services.common.contracts.answers.closure import MeetingResult
from services.common.fields import Code, Day, Instant, Line, Note


class ProgrammeRequest(BaseModel):
    """Enrol an estate's arrears of more than a year (D6); a second run enrols only new ones."""

    model_config = example(estate="GZ01", as_of="2026-11-20")
    estate: Code
    as_of: Day | None = None


class AppointmentRequest(BaseModel):
    """When and where who meets the owner: 08:00–21:00 on any day of the week, under the cap."""

    model_config = example(at="2026-11-22T19:30:00+08:00", place="at the owner's door", who="S001")
    at: Instant
    place: Line
    who: Line


class OutcomeRequest(BaseModel):
    """How a meeting went; the case may move on by it."""

    model_config = example(outcome="refused", note="wants the lift repaired first")
    outcome: MeetingResult
    note: Note | None = None
