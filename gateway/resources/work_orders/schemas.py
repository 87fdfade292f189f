"""Work orders over HTTP (G)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Fen, Note, Text


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
    arrears_fen: Fen | None = Field(default=None, description="Overdue principal today, for information only (G4)")
    history: list[Any] = []
