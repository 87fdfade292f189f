"""Work orders, complaints, surveys."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field

from gateway.schemas.base import Code, Note, Text, example, shown


class WorkOrderRequest(BaseModel):
    """A request for work (报修)."""

    model_config = example(
        estate="GZ01",
        building="1",
        household="GZ01-1-0101",
        category="plumbing",
        priority="normal",
        description="Tap in the kitchen drips",
        place="kitchen",
    )
    estate: Code
    category: Code
    priority: Code | None = Field(default=None, description="low, normal, high, urgent, emergency; else normal")
    description: Text
    building: Code | None = None
    household: Code | None = None
    place: Annotated[Note, Field(max_length=200)] | None = None


class WorkOrderActionRequest(BaseModel):
    """A step of an order; `technician` when dispatching by hand (G3). Other words for the same are understood."""

    model_config = example(note="On my way", technician="T004")
    note: Note | None = Field(default=None, validation_alias=AliasChoices("note", "text", "reason"))
    technician: Code | None = Field(default=None, validation_alias=AliasChoices("technician", "staff"))


class WorkOrder(BaseModel):
    """An order with its clocks and history (G1, G2)."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        estate="GZ01",
        building="1",
        household="GZ01-1-0101",
        category="plumbing",
        priority="normal",
        status="dispatched",
        description="Tap in the kitchen drips",
        respond_by="2026-11-21T02:00:00+00:00",
        resolve_by="2026-11-22T02:00:00+00:00",
        arrears_fen=0,
        history=[{"action": "create", "by": "owner:GZ01-1-0101", "at": "2026-11-20T02:00:00+00:00"}],
    )
    id: UUID
    status: str
    respond_by: datetime | None = None
    resolve_by: datetime | None = None
    arrears_fen: int | None = Field(default=None, description="Overdue principal today, for information only (G4)")
    history: list[Any] = []


class ComplaintRequest(BaseModel):
    """A complaint is registered before it is handled (H1)."""

    model_config = example(
        estate="GZ01",
        household="GZ01-1-0101",
        building="1",
        category="service",
        level="normal",
        text="The corridor was not cleaned for a week",
        channel="phone",
    )
    estate: Code
    category: Literal["service", "fee", "facility", "management"]
    text: Text
    channel: Code
    level: Code | None = Field(default=None, description="normal, serious, major or a word of your own; else normal")
    household: Code | None = None
    building: Code | None = None


class ComplaintActionRequest(BaseModel):
    """What was said to the complainant, and by whom."""

    model_config = example(text="Cleaned today, supervisor will check daily", by="S001")
    text: Text | None = None
    by: Code | None = Field(default=None, description="Code of the member of staff; else who is signed in")


class Complaint(BaseModel):
    """A complaint with all its clocks (H2)."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        estate="GZ01",
        household="GZ01-1-0101",
        category="service",
        level="normal",
        status="registered",
        text="The corridor was not cleaned for a week",
        channel="phone",
        opened_at="2026-11-20T02:00:00+00:00",
        clocks={"target": {"respond_by": "2026-11-21T02:00:00+00:00", "resolve_by": "2026-11-23T02:00:00+00:00"}},
    )
    id: UUID
    status: str


class Survey(BaseModel):
    """An invitation to rate a finished order (H3)."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        work_order="5b1f9a54-6f57-4f0b-8a4e-3f2f6f0d9c11",
        household="GZ01-1-0101",
        estate="GZ01",
        status="open",
    )
    id: UUID


class Surveys(BaseModel):
    """Invitations."""

    items: list[Survey]
    next_cursor: str | None = None


class SurveyAnswerRequest(BaseModel):
    """One answer per invitation."""

    model_config = example(score=5, text="Quick and friendly")
    score: Annotated[int, Field(strict=True, ge=1, le=5)]
    text: Note | None = None


class SurveyResult(BaseModel):
    """Figures of a survey."""

    model_config = shown(id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10", invited=1, answered=1, csat=1.0, average=5.0)
