"""The closure programme over HTTP (D6)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from gateway.resources.base import example, shown
from gateway.resources.legal.schemas import ID
from services.common.fields import Code, Day, Instant, Line, Note

CaseStatus = Literal["active", "paused", "closed"]


Outcome = Literal["promised", "fixed", "refused", "not_reached", "service_problem", "cancelled"]


class ProgrammeRequest(BaseModel):
    """Enrol an estate's arrears of more than a year (D6); a second run enrols only new ones."""

    model_config = example(estate="GZ01", as_of="2026-11-20")
    estate: Code
    as_of: Day | None = None


class Programme(BaseModel):
    """What a run enrolled."""

    model_config = shown(id=ID, estate="GZ01", as_of="2026-11-20", enrolled=12, bills=97)
    id: UUID
    enrolled: int


class Progress(BaseModel):
    """How far an estate's closure programme is."""

    model_config = shown(
        estate="GZ01", enrolled=12, active=7, paused=2, closed=3, enrolled_fen=4500000, recovered_fen=1200000,
        open_fen=3300000, by_stage={"steward": 6, "manager": 3},
    )  # fmt: skip
    estate: str


class ProgressList(BaseModel):
    """One row per estate."""

    items: list[Progress]


class ClosureCase(BaseModel):
    """A household in the closure programme."""

    model_config = shown(
        household="GZ01-1-0101", estate="GZ01", building="1", steward="S001", cause="unknown", stage="steward",
        enrolled_on="2026-11-20", stage_since="2026-11-20", stage_due_on="2026-12-04", overdue=False, status="active",
        paused_by=[], enrolled_fen=318140, recovered_fen=0, open_fen=318140,
    )  # fmt: skip
    household: str
    stage: str
    status: str


class AppointmentRequest(BaseModel):
    """When and where who meets the owner: 08:00–21:00 on any day of the week, under the cap."""

    model_config = example(at="2026-11-22T19:30:00+08:00", place="at the owner's door", who="S001")
    at: Instant
    place: Line
    who: Line


class Appointment(BaseModel):
    """An appointment and, once it took place, how it went."""

    model_config = shown(
        id=ID, household="GZ01-1-0101", at="2026-11-22T19:30:00+08:00", place="at the owner's door", who="S001",
        stage="steward", made_by="S001", outcome="refused", note=None, case_stage="manager", advanced=True,
    )  # fmt: skip
    id: UUID
    at: datetime


class OutcomeRequest(BaseModel):
    """How a meeting went; the case may move on by it."""

    model_config = example(outcome="refused", note="wants the lift repaired first")
    outcome: Outcome
    note: Note | None = None
